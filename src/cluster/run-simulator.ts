/** The process of simulated nodes: those that the cluster wants, or those that it was told. */
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { parseShapes } from '#simulate/read-shapes.ts'
import { startSimulatedNodes } from '#simulate/simulated-nodes.ts'
import { runSimulator } from '#simulate/simulator.ts'
import type { Log } from './log.ts'
import { groupFrom } from './simulate.ts'

export interface SimulateOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly version: string
  readonly log: Log
  /** A number, or a file; undefined: what the cluster wants. */
  readonly given: string | undefined
  readonly cwd: string
  readonly onSettled: (count: number) => void
}

/** Resolves when the signal is aborted. */
export async function simulateUntil({ given, cwd, log, onSettled, ...rest }: SimulateOptions): Promise<void> {
  const { signal } = rest
  const onError = (error: unknown) => signal.aborted || log.error('simulated nodes', error)
  if (given === undefined) return await runSimulator({ ...rest, onError, onSettled })
  const group = groupFrom(given, { cwd })
  const nodes = await startSimulatedNodes({ ...rest, onError, shapes: parseShapes(group.text, group.name) })
  onSettled(nodes.names.length)
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

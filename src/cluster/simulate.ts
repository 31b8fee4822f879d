/** What `nami simulate` and `nami up --simulate-nodes` do: they say what the cluster shall have, and wait until it has it. */
import { existsSync, readFileSync } from 'node:fs'
import { basename, extname, resolve } from 'node:path'
import type { Client } from '#client/client.ts'
import { systemClock } from '#lib/clock.ts'
import { parseShapes, ShapesError } from '#simulate/read-shapes.ts'
import { wantedNodes } from '#simulate/shapes.ts'
import { changeWanted, countRegistered, type Groups, readWanted, shapesIn } from '#simulate/simulator.ts'
import { waitReferenced } from './processes.ts'

export { ShapesError } from '#simulate/read-shapes.ts'

export interface Group {
  readonly name: string
  readonly text: string
}

/** `5000`, or the path of a file with shapes; `name` of the group and of its nodes, where they have no other. */
export function groupFrom(given: string, { cwd, name }: { cwd: string; name?: string | undefined }): Group {
  if (/^\d+$/.test(given)) return checked({ name: name ?? 'simulated', text: given })
  const file = resolve(cwd, given)
  if (!existsSync(file)) throw new ShapesError(`${given} is neither a number nor a file`)
  return checked({
    name: name ?? basename(file, extname(file)).replace(/[^-._a-zA-Z0-9]/g, '-'),
    text: readFileSync(file, 'utf8'),
  })
}

/** A group of nodes of one shape. */
export function groupOf(name: string, shape: Readonly<Record<string, unknown>>): Group {
  return checked({ name, text: JSON.stringify({ nodes: [{ name, ...shape }] }) })
}

function checked(group: Group): Group {
  parseShapes(group.text, group.name)
  return group
}

const patience = 300_000

/** Resolves when all wanted nodes are registered; answers how many that are. */
export async function simulate(
  client: Client,
  groups: Readonly<Record<string, string | null>>,
  { signal, update }: { signal: AbortSignal; update?: (text: string) => void },
): Promise<number> {
  await changeWanted(client, groups)
  const wanted = wantedNodes(shapesIn((await readWanted(client)) ?? {})).length
  const deadline = systemClock.monotonic() + patience
  for (;;) {
    const registered = await countRegistered(client)
    if (registered === wanted) return wanted
    if (systemClock.monotonic() > deadline)
      throw new Error(`${registered} of ${wanted} simulated nodes are there after five minutes`)
    update?.(`waiting for ${wanted} simulated nodes`)
    await waitReferenced(systemClock, 100, signal)
  }
}

export interface GroupSummary {
  readonly name: string
  readonly shapes: readonly { readonly name: string; readonly count: number }[]
}

export async function listGroups(client: Client): Promise<readonly GroupSummary[]> {
  const groups: Groups = (await readWanted(client)) ?? {}
  return Object.entries(groups).map(([name, text]) => ({
    name,
    shapes: parseShapes(text, name).map((shape) => ({ name: shape.name ?? 'simulated', count: shape.count ?? 1 })),
  }))
}

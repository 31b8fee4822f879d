/**
 * Which simulated nodes a cluster wants, kept in the cluster: the ConfigMap `simulated-nodes` of `kube-system`, each of whose keys has a group of
 * them, as `parseShapes` reads it. `runSimulator` makes it so, for as long as it runs.
 */
import { ConfigMap } from '#api/core/v1/config-map.ts'
import type { Client } from '#client/client.ts'
import { startInformer } from '#client/informer.ts'
import { hasReason } from '#schema/status-error.ts'
import { parseShapes } from './read-shapes.ts'
import type { NodeShape } from './shapes.ts'
import { type SimulatedNodes, type SimulatedNodesOptions, startSimulatedNodes } from './simulated-nodes.ts'
import { wantedAt } from './watch-wanted.ts'

export type Groups = Readonly<Record<string, string>>

export interface SimulatorOptions extends Omit<SimulatedNodesOptions, 'shapes' | 'takesOver'> {
  /** Told how many nodes there are, whenever they are what was wanted. */
  readonly onSettled?: (count: number) => void
}

/** Runs until the signal is aborted. A text that cannot be read changes nothing. */
export async function runSimulator(options: SimulatorOptions): Promise<void> {
  const { client, clock, random, signal, onError, onSettled } = options
  let nodes: Promise<SimulatedNodes> | undefined
  let last: string | undefined
  const want = async (groups: Groups) => {
    const text = JSON.stringify(groups)
    if (text === last) return
    const shapes = shapesIn(groups)
    last = text
    nodes ??= startSimulatedNodes({ ...options, shapes, takesOver: true })
    const running = await nodes
    await running.set(shapes)
    onSettled?.(running.names.length)
    await tellRegistered(client, running.names.length)
  }
  const seen = (groups: Groups = {}) => void want(groups).catch((error) => signal.aborted || onError?.(error))
  const fieldSelector = `metadata.name=${wantedAt.name}`
  const informer = startInformer(client, ConfigMap, {
    ...{ clock, random, signal, onError, fieldSelector },
    namespace: wantedAt.namespace,
  })
  informer.addHandlers({
    added: ({ data }) => seen(data),
    updated: ({ data }) => seen(data),
    deleted: () => seen(),
  })
  await informer.synced()
  if (informer.list().length === 0) seen()
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** What the cluster keeps: texts by the name of their group; undefined where it keeps none. */
export async function readWanted(client: Client): Promise<Groups | undefined> {
  try {
    return (await client.get(ConfigMap, wantedAt)).data ?? {}
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}

/** How many nodes there were when all that was wanted last had been done. */
const registeredAt = 'simulate.nami/registered'

async function tellRegistered(client: Client, count: number): Promise<void> {
  const body = { metadata: { annotations: { [registeredAt]: String(count) } } }
  await client.patch(ConfigMap, wantedAt, { type: 'merge', body }).catch((error: unknown) => {
    if (!hasReason(error, 'NotFound')) throw error
  })
}

export async function countRegistered(client: Client): Promise<number> {
  const found = await client.get(ConfigMap, wantedAt)
  return Number(found.metadata.annotations?.[registeredAt] ?? 0)
}

/** Adds or replaces groups; those that are null go. */
export async function changeWanted(client: Client, groups: Readonly<Record<string, string | null>>): Promise<void> {
  const given = Object.entries(groups).filter((entry): entry is [string, string] => entry[1] !== null)
  shapesIn(Object.fromEntries(given))
  try {
    await client.patch(ConfigMap, wantedAt, { type: 'merge', body: { data: groups } })
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
    await client.create(ConfigMap, { metadata: wantedAt, data: Object.fromEntries(given) })
  }
}

/** Shapes of all groups; where a group's text is but a number, its nodes are called as the group. */
export function shapesIn(groups: Groups): readonly NodeShape[] {
  return Object.entries(groups).flatMap(([group, text]) => parseShapes(text, group))
}

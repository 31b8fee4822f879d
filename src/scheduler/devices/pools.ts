/**
 * The devices that a node can use, by pool: of each pool the newest generation, once all its slices are there (upstream
 * `structured/internal/incubating/pools_incubating.go`).
 */
import type { NodeSelector } from '#api/core/v1/affinity.ts'
import type { Node } from '#api/core/v1/node.ts'
import { matchesSelector } from '#api/core/v1/node-selector.ts'
import type { Device, ResourceSlice } from '#api/resource/v1/resource-slice.ts'

export interface PoolDevice {
  /** `driver/pool/device`. */
  readonly id: string
  readonly driver: string
  readonly pool: string
  readonly device: Device
  /** Where the device may be used; undefined is everywhere. */
  readonly nodeName: string | undefined
  readonly nodeSelector: NodeSelector | undefined
}

export interface Pool {
  /** `driver/pool`. */
  readonly key: string
  /** Some slices are missing, so that "all devices" cannot be told. */
  readonly isIncomplete: boolean
  /** Two devices or sets of counters of one name, or a device that draws from counters that are not there. */
  readonly isInvalid: boolean
  /** Those that the node can use. */
  readonly devices: readonly PoolDevice[]
  /** Those that draw from shared counters, whichever node they are for. */
  readonly partitions: readonly Partition[]
  /** `set/counter` to its whole amount. */
  readonly counters: ReadonlyMap<string, string>
}

export interface Partition {
  readonly id: string
  readonly device: Device
}

/** What is the same of a pool for all nodes. */
interface Known extends Pick<Pool, 'key' | 'isIncomplete' | 'isInvalid' | 'partitions' | 'counters'> {
  readonly slices: readonly ResourceSlice[]
}

/** By node, so that a node's devices are found without a look at those of all others. */
export interface Pools {
  readonly onNode: ReadonlyMap<string, readonly Known[]>
  readonly shared: readonly Known[]
}

export function deviceId(driver: string, pool: string, device: string): string {
  return `${driver}/${pool}/${device}`
}

/** Pools and slices by name, so that drivers can say what is given away first. */
export function poolsIn(slices: readonly ResourceSlice[]): Pools {
  const newest = new Map<string, ResourceSlice[]>()
  for (const slice of slices.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const { driver, pool } = slice.spec
    const key = `${driver}/${pool.name}`
    const present = newest.get(key)
    const generation = present?.[0]?.spec.pool.generation ?? -1
    if (pool.generation < generation) continue
    if (present && pool.generation === generation) present.push(slice)
    else newest.set(key, [slice])
  }
  const onNode = new Map<string, Known[]>()
  const shared: Known[] = []
  for (const [key, pool] of newest) {
    const known = knownOf(key, pool)
    const nodes = new Set(pool.map(({ spec }) => (spec.sharedCounters?.length ? undefined : spec.nodeName)))
    if (nodes.has(undefined)) shared.push(known)
    else for (const node of nodes) onNode.set(node as string, [...(onNode.get(node as string) ?? []), known])
  }
  return { onNode, shared }
}

function knownOf(key: string, slices: readonly ResourceSlice[]): Known {
  const counters = new Map<string, string>()
  const sets = slices.flatMap(({ spec }) => spec.sharedCounters ?? [])
  for (const { name, counters: set = {} } of sets) {
    for (const [counter, { value }] of Object.entries(set)) counters.set(`${name}/${counter}`, value)
  }
  const partitions = slices.flatMap(({ spec: { driver, pool, devices = [] } }) =>
    devices.flatMap((device) =>
      device.consumesCounters?.length ? [{ id: deviceId(driver, pool.name, device.name), device }] : [],
    ),
  )
  const drawn = partitions.flatMap(({ device }) => device.consumesCounters ?? [])
  const isDrawnOk = drawn.every(({ counterSet, counters: some = {} }) =>
    Object.keys(some).every((name) => counters.has(`${counterSet}/${name}`)),
  )
  return {
    ...{ key, slices, partitions, counters },
    isIncomplete: slices.length !== slices[0]?.spec.pool.resourceSliceCount,
    isInvalid: !isDrawnOk || new Set(sets.map(({ name }) => name)).size < sets.length,
  }
}

/** Those of which something is for the node. Where a device has to be waited for, the pool stands last. */
export function poolsOf({ onNode, shared }: Pools, node: Node): readonly Pool[] {
  const pools = [...(onNode.get(node.metadata.name) ?? []), ...shared].flatMap((known) => {
    const relevant = known.slices.filter((slice) => concerns(slice, node))
    return relevant.length === 0 ? [] : [{ known, relevant }]
  })
  const named = pools.sort((a, b) => compare(a.known, b.known))
  const [ready, slow] = [named.filter((pool) => !isSlow(pool.relevant)), named.filter((pool) => isSlow(pool.relevant))]
  return [...ready, ...slow].map(({ known: { slices: _, ...known }, relevant }) => {
    const names = relevant.flatMap(({ spec }) => (spec.devices ?? []).map(({ name }) => name))
    return {
      ...known,
      isInvalid: known.isInvalid || new Set(names).size < names.length,
      devices: relevant.flatMap((slice) => devicesOf(slice, node)),
    }
  })
}

function compare({ slices: [a] }: Known, { slices: [b] }: Known): number {
  const [one, other] = [a?.spec, b?.spec]
  if (one?.driver !== other?.driver) return (one?.driver ?? '') < (other?.driver ?? '') ? -1 : 1
  return (one?.pool.name ?? '') < (other?.pool.name ?? '') ? -1 : 1
}

function isSlow(slices: readonly ResourceSlice[]): boolean {
  return slices.some(({ spec }) => spec.devices?.some(({ bindingConditions }) => bindingConditions?.length))
}

/** Counters count wherever their devices are. */
function concerns({ spec }: ResourceSlice, node: Node): boolean {
  if (spec.sharedCounters?.length) return true
  return spec.perDeviceNodeSelection ? (spec.devices ?? []).some((device) => reaches(device, node)) : reaches(spec, node)
}

function devicesOf({ spec }: ResourceSlice, node: Node): PoolDevice[] {
  const { driver, pool, perDeviceNodeSelection } = spec
  if (!perDeviceNodeSelection && !reaches(spec, node)) return []
  return (spec.devices ?? [])
    .filter((device) => !perDeviceNodeSelection || reaches(device, node))
    .map((device) => {
      const { nodeName, nodeSelector } = perDeviceNodeSelection ? device : spec
      return { id: deviceId(driver, pool.name, device.name), driver, device, pool: pool.name, nodeName, nodeSelector }
    })
}

interface Reach {
  readonly nodeName?: string | undefined
  readonly nodeSelector?: NodeSelector | undefined
  readonly allNodes?: boolean | undefined
}

function reaches({ nodeName, nodeSelector, allNodes }: Reach, node: Node): boolean {
  if (nodeName) return nodeName === node.metadata.name
  if (allNodes) return true
  return nodeSelector !== undefined && matchesSelector(nodeSelector, node)
}

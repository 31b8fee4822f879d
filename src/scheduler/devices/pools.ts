/** The devices that a node can use, by pool: of each pool the newest generation, once all its slices are there. */
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
  readonly key: string
  /** Some slices are missing, so that "all devices" cannot be told. */
  readonly isIncomplete: boolean
  /** Two devices of one name. */
  readonly isInvalid: boolean
  readonly devices: readonly PoolDevice[]
  /** `set/counter` to its whole amount. */
  readonly counters: ReadonlyMap<string, string>
}

export function deviceId(driver: string, pool: string, device: string): string {
  return `${driver}/${pool}/${device}`
}

/** Slices of each pool's newest generation, whatever node they are for; both by name, so that drivers can say what is given away first. */
export function newestSlices(slices: readonly ResourceSlice[]): ReadonlyMap<string, readonly ResourceSlice[]> {
  const pools = new Map<string, ResourceSlice[]>()
  for (const slice of slices.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const { driver, pool } = slice.spec
    const key = `${driver}/${pool.name}`
    const present = pools.get(key)
    const generation = present?.[0]?.spec.pool.generation ?? -1
    if (pool.generation < generation) continue
    if (present && pool.generation === generation) present.push(slice)
    else pools.set(key, [slice])
  }
  return new Map([...pools].sort(([a], [b]) => (a < b ? -1 : 1)))
}

export function poolsOf(node: Node, newest: ReadonlyMap<string, readonly ResourceSlice[]>): Pool[] {
  const pools: Pool[] = []
  for (const [key, slices] of newest) {
    const devices = slices.flatMap((slice) => devicesOf(slice, node))
    if (devices.length === 0) continue
    const names = slices.flatMap(({ spec }) => (spec.devices ?? []).map(({ name }) => name))
    const wanted = slices[0]?.spec.pool.resourceSliceCount ?? 1
    pools.push({
      ...{ key, devices },
      isIncomplete: slices.length < wanted,
      isInvalid: new Set(names).size < names.length,
      counters: countersOf(slices),
    })
  }
  return pools
}

function devicesOf({ spec }: ResourceSlice, node: Node): PoolDevice[] {
  const { driver, pool, nodeName, nodeSelector, allNodes, perDeviceNodeSelection } = spec
  const whole = { nodeName, nodeSelector, allNodes }
  if (!perDeviceNodeSelection && !reaches(whole, node)) return []
  return (spec.devices ?? [])
    .filter((device) => !perDeviceNodeSelection || reaches(device, node))
    .map((device) => {
      const where = perDeviceNodeSelection ? device : whole
      return {
        id: deviceId(driver, pool.name, device.name),
        ...{ driver, device, pool: pool.name },
        ...{ nodeName: where.nodeName, nodeSelector: where.nodeSelector },
      }
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

function countersOf(slices: readonly ResourceSlice[]): Map<string, string> {
  const counters = new Map<string, string>()
  for (const { spec } of slices) {
    for (const { name, counters: set = {} } of spec.sharedCounters ?? []) {
      for (const [counter, { value }] of Object.entries(set)) counters.set(`${name}/${counter}`, value)
    }
  }
  return counters
}

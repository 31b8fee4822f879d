/**
 * How fast nodes that are not ready are emptied. When much fails at once, the fault is rather in the network or the control
 * plane than in the nodes: then evicting would only add to the harm.
 */
import type { Node } from '#api/core/v1/node.ts'
import type { Clock } from '#lib/clock.ts'

/** Nodes per second. */
const usualRate = 0.1
const slowRate = 0.01
const unhealthyShare = 0.55
const largeZone = 50

export type ZoneState = 'Normal' | 'PartialDisruption' | 'FullDisruption'

export function zoneOf({ metadata }: Node): string {
  const { labels = {} } = metadata
  return `${labels['topology.kubernetes.io/region'] ?? ''}:${labels['topology.kubernetes.io/zone'] ?? ''}`
}

export function stateOf(nodes: readonly Node[], isReady: (node: Node) => boolean): ZoneState {
  const ready = nodes.filter(isReady).length
  const failed = nodes.length - ready
  if (ready === 0 && failed > 0) return 'FullDisruption'
  return failed > 2 && failed / nodes.length >= unhealthyShare ? 'PartialDisruption' : 'Normal'
}

/** Zone -> nodes per second that may be emptied; 0 everywhere where all zones are down. */
export function evictionRates(nodes: readonly Node[], isReady: (node: Node) => boolean): ReadonlyMap<string, number> {
  const zones = [...Map.groupBy(nodes, zoneOf)].map(([name, members]) => ({ name, members, state: stateOf(members, isReady) }))
  const allDown = zones.every(({ state }) => state === 'FullDisruption')
  const rate = (state: ZoneState, size: number) => {
    if (allDown) return 0
    if (state !== 'PartialDisruption') return usualRate
    return size > largeZone ? slowRate : 0
  }
  return new Map(zones.map(({ name, members, state }) => [name, rate(state, members.length)]))
}

/** Lets one node per zone through at the zone's rate. */
export class EvictionQueue {
  #clock: Clock
  #next = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** 0: go ahead, the turn is taken. Otherwise the milliseconds to wait; undefined: not at all for now. */
  take(zone: string, rate: number): number | undefined {
    if (rate === 0) return undefined
    const now = this.#clock.monotonic()
    const next = this.#next.get(zone) ?? now
    if (next > now) return next - now
    this.#next.set(zone, now + 1000 / rate)
    return 0
  }
}

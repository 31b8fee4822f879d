/**
 * Topology aware routing: which zone each endpoint is for, so that traffic stays near without any zone being overloaded
 * (KEP-2433, `endpointslice/topologycache`). Zones get endpoints in proportion to their processors.
 */
import type { Node } from '#api/core/v1/node.ts'
import type { Service } from '#api/core/v1/service.ts'
import type { Endpoint, EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { milliValue } from '#schema/quantity.ts'
import type { Draft } from '#schema/words.ts'
import type { AddressType } from './endpoint.ts'
import type { SlicePlan } from './plan.ts'

/** So much more than its share an endpoint may have to bear. */
const overload = 0.2

export function wantsTopology({ metadata }: Service): boolean {
  const { annotations = {} } = metadata
  const mode = annotations['service.kubernetes.io/topology-aware-hints'] ?? annotations['service.kubernetes.io/topology-mode']
  return mode === 'Auto' || mode === 'auto'
}

/** Zone -> its share of the processors; undefined where a node does not say where it is, or all are in one zone. */
export function zoneShares(nodes: readonly Node[]): ReadonlyMap<string, number> | undefined {
  const cpus = new Map<string, number>()
  for (const { metadata, status } of nodes) {
    const { labels = {} } = metadata
    if ('node-role.kubernetes.io/control-plane' in labels || 'node-role.kubernetes.io/master' in labels) continue
    if (!status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')) continue
    const zone = labels['topology.kubernetes.io/zone']
    const cpu = milliValue(status.allocatable?.cpu ?? '0')
    if (!zone || cpu === 0) return undefined
    cpus.set(zone, (cpus.get(zone) ?? 0) + cpu)
  }
  const total = [...cpus.values()].reduce((sum, one) => sum + one, 0)
  return cpus.size < 2 ? undefined : new Map([...cpus].sort().map(([zone, cpu]) => [zone, cpu / total]))
}

export interface Hinted {
  readonly create: Draft<EndpointSlice>[]
  readonly update: EndpointSlice[]
  /** Why there are no hints. */
  readonly problem?: string
}

interface Allocation {
  readonly minimum: number
  readonly maximum: number
  readonly desired: number
}

type Slice = { endpoints?: Endpoint[] }

/** The plan with hints; slices that would stay as they are, are written only where theirs do not fit any more. */
export function planHints(
  plan: SlicePlan,
  {
    unchanged,
    shares,
    family,
  }: { unchanged: readonly EndpointSlice[]; shares: ReadonlyMap<string, number> | undefined; family: AddressType },
): Hinted {
  const slices = [...plan.create, ...plan.update, ...unchanged] as Slice[]
  const ready = slices.flatMap(({ endpoints = [] }) => endpoints).filter(isReady).length
  const allocations = allocate(shares, ready)
  const without = (problem: string): Hinted => ({
    ...withoutHints(plan, unchanged),
    problem: `${problem}, addressType: ${family}`,
  })
  if (typeof allocations === 'string') return without(allocations)
  const { fitting, unfit } = sortUnchanged(unchanged, allocations)
  const create = plan.create.map(copied)
  const update = [...plan.update, ...unfit].map(copied)
  const writable = [...create, ...update] as Slice[]
  const endpoints = writable.flatMap((slice) => slice.endpoints ?? [])
  if (endpoints.some((endpoint) => isReady(endpoint) && !endpoint.zone)) {
    return without('One or more endpoints do not have a zone specified')
  }
  for (const endpoint of endpoints) {
    if (!isReady(endpoint)) {
      delete endpoint.hints
      continue
    }
    hint(endpoint, endpoint.zone as string)
    fitting.set(endpoint.zone as string, (fitting.get(endpoint.zone as string) ?? 0) + 1)
  }
  if (fitting.size === 0) return without('No hints allocated for zones')
  redistribute(endpoints, exchanges(allocations, fitting))
  return { create, update }
}

/** The same slices without any hints; those that have some are written. */
export function withoutHints(plan: SlicePlan, unchanged: readonly EndpointSlice[]): Hinted {
  const had = unchanged.filter(({ endpoints }) => endpoints?.some(({ hints }) => hints))
  const strip = <S extends Draft<EndpointSlice>>(slice: S): S => {
    const next = copied(slice)
    for (const endpoint of next.endpoints ?? []) delete (endpoint as Endpoint).hints
    return next
  }
  return { create: plan.create.map(strip), update: [...plan.update, ...had].map(strip) }
}

function allocate(shares: ReadonlyMap<string, number> | undefined, ready: number): ReadonlyMap<string, Allocation> | string {
  if (!shares) return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes'
  const counts = `(${ready} endpoints, ${shares.size} zones)`
  if (shares.size > ready) return `Insufficient number of endpoints ${counts}`
  const minima = new Map([...shares].map(([zone, share]) => [zone, Math.ceil((share * ready) / (1 + overload))]))
  const least = [...minima.values()].reduce((sum, one) => sum + one, 0)
  if (least > ready) {
    return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${counts}`
  }
  return new Map(
    [...shares].map(([zone, share]) => {
      const minimum = minima.get(zone) ?? 0
      return [zone, { minimum, maximum: minimum + ready - least, desired: Math.max(share * ready, minimum) }]
    }),
  )
}

/** How many hints of each zone stand in slices that need no write, and the slices that do. */
function sortUnchanged(unchanged: readonly EndpointSlice[], allocations: ReadonlyMap<string, Allocation>) {
  const fitting = new Map<string, number>()
  const unfit: EndpointSlice[] = []
  for (const slice of unchanged) {
    const counts = hintsOf(slice, allocations)
    const fits =
      counts && [...counts].every(([zone, count]) => count + (fitting.get(zone) ?? 0) <= (allocations.get(zone)?.maximum ?? -1))
    if (!counts || !fits) unfit.push(slice)
    else for (const [zone, count] of counts) fitting.set(zone, (fitting.get(zone) ?? 0) + count)
  }
  return { fitting, unfit }
}

function hintsOf({ endpoints }: EndpointSlice, allocations: ReadonlyMap<string, Allocation>): Map<string, number> | undefined {
  const counts = new Map<string, number>()
  for (const endpoint of (endpoints ?? []).filter(isReady)) {
    const zones = endpoint.hints?.forZones ?? []
    if (zones.length === 0 || zones.some(({ name }) => !allocations.has(name))) return undefined
    for (const { name } of zones) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

interface Exchanges {
  readonly giving: Map<string, number>
  readonly receiving: Map<string, number>
}

/** Whole endpoints that zones have too many and too few; differences below one half are left. */
function exchanges(allocations: ReadonlyMap<string, Allocation>, counts: ReadonlyMap<string, number>): Exchanges {
  const surplus = new Map([...allocations].map(([zone, { desired }]) => [zone, (counts.get(zone) ?? 0) - desired]))
  const giving = new Map<string, number>()
  const receiving = new Map<string, number>()
  for (;;) {
    const [from, much] = [...surplus].reduce((most, one) => (one[1] > most[1] ? one : most), ['', 0])
    const [to, little] = [...surplus].reduce((least, one) => (one[1] < least[1] ? one : least), ['', 0])
    if (!from || !to || (much < 1 && -little < 1) || much < 0.5 || -little < 0.5) return { giving, receiving }
    giving.set(from, (giving.get(from) ?? 0) + 1)
    receiving.set(to, (receiving.get(to) ?? 0) + 1)
    surplus.set(from, much - 1)
    surplus.set(to, little + 1)
  }
}

function redistribute(endpoints: readonly Endpoint[], { giving, receiving }: Exchanges): void {
  for (const endpoint of endpoints.filter(isReady)) {
    const left = giving.get(endpoint.zone ?? '') ?? 0
    const [to, missing = 0] = [...receiving].find(([, count]) => count > 0) ?? []
    if (left <= 0 || to === undefined) continue
    hint(endpoint, to)
    giving.set(endpoint.zone ?? '', left - 1)
    receiving.set(to, missing - 1)
  }
}

function hint(endpoint: Endpoint, zone: string): void {
  endpoint.hints = { forZones: [{ name: zone }] }
}

function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready === true
}

/** Its endpoints may be changed without harm to what a cache holds. */
function copied<S extends Draft<EndpointSlice>>(slice: S): S {
  return { ...slice, endpoints: (slice.endpoints ?? []).map((endpoint) => ({ ...endpoint })) }
}

/**
 * How endpoints are spread over slices of at most 100 (`endpointslice/reconciler.go`).
 *
 * Every change of a slice goes to every node, so few writes count for more than full slices: an endpoint stays in its
 * slice; new ones go first to slices that are written anyway, then to one slice that has room for all that are left, and
 * only then to new slices. Slices are never evened out for its own sake.
 */
import type { Service } from '#api/core/v1/service.ts'
import type { EndpointPort } from '#api/discovery/v1/endpoint-slice.ts'
import { type Endpoint, EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { Draft } from '#schema/words.ts'
import { hasClusterIp, headlessKey, triggerTimeKey } from '../service-backends.ts'
import { type AddressType, endpointKey, portsKey } from './endpoint.ts'

export const mostPerSlice = 100
export const managedBy = 'endpointslice-controller.k8s.io'
const serviceNameKey = 'kubernetes.io/service-name'
const managedByKey = 'endpointslice.kubernetes.io/managed-by'

export interface Backend {
  readonly ports: readonly EndpointPort[]
  readonly endpoint: Endpoint
}

export interface SlicePlan {
  readonly create: Draft<EndpointSlice>[]
  readonly update: EndpointSlice[]
  readonly delete: EndpointSlice[]
}

export interface Wanted {
  readonly family: AddressType
  /** Those that are in `existing`, or in no slice. */
  readonly backends: readonly Backend[]
  /** The Service's slices of this family. */
  readonly existing: readonly EndpointSlice[]
  /** Further ones, which are known to be as they should be. */
  readonly unchanged?: readonly EndpointSlice[]
  readonly triggerTime: string | undefined
}

export function planSlices(service: Service, wanted: Wanted): SlicePlan {
  const { backends, existing, unchanged = [], family, triggerTime } = wanted
  const groups = new Map<
    string,
    Pick<Group, 'ports'> & { [K in 'slices' | 'unchanged']: EndpointSlice[] } & { endpoints: Endpoint[] }
  >()
  const groupOf = (ports: readonly EndpointPort[]) => {
    const key = portsKey(ports)
    const group = groups.get(key) ?? { ports, endpoints: [], slices: [], unchanged: [] }
    groups.set(key, group)
    return group
  }
  for (const { ports, endpoint } of backends) groupOf(ports).endpoints.push(endpoint)
  for (const slice of existing) groupOf(slice.ports ?? []).slices.push(slice)
  for (const slice of unchanged) groupOf(slice.ports ?? []).unchanged.push(slice)
  const plan: SlicePlan = { create: [], update: [], delete: [] }
  for (const group of groups.values()) packGroup(service, { ...group, family, plan })
  if (unchanged.length === 0) keepOne(service, { plan, existing, family })
  for (const slice of [...plan.create, ...plan.update]) annotate(slice, triggerTime)
  return plan
}

/** A Service without endpoints still has a slice, so that clients see it was looked at. */
function keepOne(
  service: Service,
  { plan, existing, family }: { plan: SlicePlan; existing: readonly EndpointSlice[]; family: AddressType },
): void {
  if (existing.length !== plan.delete.length || plan.create.length > 0) return
  const placeholder = newSlice(service, { ports: [], family })
  const [only] = plan.delete
  if (plan.delete.length === 1 && only && isPlaceholder(only, placeholder)) plan.delete.pop()
  else plan.create.push(placeholder)
}

function isPlaceholder(slice: EndpointSlice, placeholder: Draft<EndpointSlice>): boolean {
  return (
    (slice.endpoints ?? []).length === 0 &&
    (slice.ports ?? []).length === 0 &&
    semanticEqual(slice.metadata.labels, placeholder.metadata?.labels)
  )
}

interface Group {
  readonly ports: readonly EndpointPort[]
  readonly endpoints: readonly Endpoint[]
  readonly slices: readonly EndpointSlice[]
  readonly unchanged: readonly EndpointSlice[]
  readonly family: AddressType
  readonly plan: SlicePlan
}

function packGroup(service: Service, { ports, endpoints, slices, unchanged: settled, family, plan }: Group): void {
  const missing = new Map(endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]))
  const { changed, unchanged: same, dropped } = sweep(service, slices, missing)
  const unchanged = [...settled, ...same]
  plan.delete.push(...dropped)
  const left = [...missing.values()]
  for (const slice of changed.toSorted((a, b) => b.endpoints.length - a.endpoints.length)) fill(slice.endpoints, left)
  plan.update.push(...changed)
  while (left.length > 0) {
    const room = roomiest(unchanged, left.length)
    if (room) {
      unchanged.splice(unchanged.indexOf(room), 1)
      const slice = { ...room, endpoints: [...room.endpoints] }
      fill(slice.endpoints, left)
      plan.update.push(slice)
      continue
    }
    const slice = newSlice(service, { ports, family })
    slice.endpoints = []
    fill(slice.endpoints as Endpoint[], left)
    plan.create.push(slice)
  }
}

/** Takes out what is not wanted any more, and brings what is wanted up to date; that is then not missing. */
function sweep(service: Service, slices: readonly EndpointSlice[], missing: Map<string, Endpoint>) {
  const sorted = { changed: [] as EndpointSlice[], unchanged: [] as EndpointSlice[], dropped: [] as EndpointSlice[] }
  for (const slice of slices) {
    const kept: Endpoint[] = []
    let differs = false
    for (const endpoint of slice.endpoints ?? []) {
      const key = endpointKey(endpoint)
      const wanted = missing.get(key)
      missing.delete(key)
      if (wanted) kept.push(wanted)
      if (!wanted || !semanticEqual(wanted, endpoint)) differs = true
    }
    const labels = labelsFor(service, slice.metadata.labels)
    const relabelled = !semanticEqual(labels, slice.metadata.labels)
    if (kept.length === 0) sorted.dropped.push(slice)
    else if (differs || relabelled) {
      sorted.changed.push({ ...slice, metadata: { ...slice.metadata, labels }, endpoints: kept })
    } else sorted.unchanged.push(slice)
  }
  return sorted
}

function fill(endpoints: Endpoint[], left: Endpoint[]): void {
  endpoints.push(...left.splice(0, Math.max(0, mostPerSlice - endpoints.length)))
}

/** The fullest slice that still has room for all of `count`. */
function roomiest(slices: readonly EndpointSlice[], count: number): EndpointSlice | undefined {
  const fitting = slices.filter(({ endpoints }) => endpoints.length + count <= mostPerSlice)
  return fitting.toSorted((a, b) => b.endpoints.length - a.endpoints.length)[0]
}

function newSlice(
  service: Service,
  { ports, family }: { ports: readonly EndpointPort[]; family: AddressType },
): Draft<EndpointSlice> {
  return {
    apiVersion: EndpointSlice.apiVersion,
    kind: EndpointSlice.kind,
    metadata: { generateName: `${service.metadata.name}-`, labels: labelsFor(service, undefined) },
    addressType: family,
    endpoints: [],
    ports: [...ports],
  }
}

/** The Service's labels, and those by which its slices are found. */
function labelsFor(service: Service, before: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const reserved = [serviceNameKey, managedByKey, headlessKey]
  const copied = Object.entries(service.metadata.labels ?? {}).filter(([key]) => !reserved.includes(key))
  const headless = hasClusterIp(service) ? {} : { [headlessKey]: before?.[headlessKey] ?? '' }
  return { ...Object.fromEntries(copied), ...headless, [serviceNameKey]: service.metadata.name, [managedByKey]: managedBy }
}

function annotate(slice: Draft<EndpointSlice>, triggerTime: string | undefined): void {
  const { [triggerTimeKey]: _old, ...others } = slice.metadata?.annotations ?? {}
  const annotations = triggerTime ? { ...others, [triggerTimeKey]: triggerTime } : others
  slice.metadata = { ...slice.metadata, annotations }
}

/** Endpoints that somebody wrote by hand as EndpointSlices: one slice for each family and set of ports (`endpointslicemirroring`). */
import type { EndpointAddress, Endpoints, EndpointPort as OldPort } from '#api/core/v1/endpoints.ts'
import { type Endpoint, type EndpointPort, EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { Draft } from '#schema/words.ts'
import { isIpv6, triggerTimeKey } from '../service-backends.ts'
import { type AddressType, endpointKey, portsKey } from './endpoint.ts'
import type { SlicePlan } from './plan.ts'

/** Of each subset, and in each slice: so that one becomes the other. */
export const mostPerSubset = 1000
export const mirroredBy = 'endpointslicemirroring-controller.k8s.io'

const serviceNameKey = 'kubernetes.io/service-name'
const managedByKey = 'endpointslice.kubernetes.io/managed-by'
const lastAppliedKey = 'kubectl.kubernetes.io/last-applied-configuration'

export interface MirrorPlan extends SlicePlan {
  /** Addresses beyond what is mirrored. */
  readonly skipped: number
}

export function planMirror(endpoints: Endpoints, existing: readonly EndpointSlice[]): MirrorPlan {
  const { groups, skipped } = desired(endpoints)
  const old = Map.groupBy(existing, ({ addressType, ports }) => `${addressType} ${portsKey(ports ?? [])}`)
  const plan = { create: [] as Draft<EndpointSlice>[], update: [] as EndpointSlice[], delete: [] as EndpointSlice[], skipped }
  for (const [key, slices] of old) if (!groups.has(key)) plan.delete.push(...slices)
  for (const [key, group] of groups) {
    const [kept, ...surplus] = old.get(key) ?? []
    plan.delete.push(...surplus)
    const slice = sliceOf(endpoints, group)
    if (!kept) plan.create.push(slice)
    else if (differs(kept, slice)) plan.update.push(onto(kept, slice))
  }
  return recycle(plan)
}

interface Group {
  readonly family: AddressType
  readonly ports: EndpointPort[]
  readonly endpoints: Map<string, Endpoint>
}

function desired({ subsets = [] }: Endpoints): { groups: ReadonlyMap<string, Group>; skipped: number } {
  const groups = new Map<string, Group>()
  let skipped = 0
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    const own = ports.map(portOf)
    const all = [
      ...addresses.map((address) => ({ address, ready: true })),
      ...notReadyAddresses.map((address) => ({ address, ready: false })),
    ]
    skipped += Math.max(0, all.length - mostPerSubset)
    for (const { address, ready } of all.slice(0, mostPerSubset)) {
      const family = isIpv6(address.ip) ? 'IPv6' : 'IPv4'
      const key = `${family} ${portsKey(own)}`
      const group = groups.get(key) ?? { family, ports: own, endpoints: new Map<string, Endpoint>() }
      groups.set(key, group)
      const endpoint = endpointOf(address, ready)
      if (group.endpoints.size < mostPerSubset) group.endpoints.set(endpointKey(endpoint), endpoint)
    }
  }
  return { groups, skipped }
}

function portOf({ name = '', port, protocol = 'TCP', appProtocol }: OldPort): EndpointPort {
  return { name, port, protocol, ...(appProtocol !== undefined && { appProtocol }) }
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname && { hostname }),
    ...(targetRef && { targetRef }),
    ...(nodeName && { nodeName }),
  }
}

function sliceOf({ metadata }: Endpoints, { family, ports, endpoints }: Group): Draft<EndpointSlice> {
  const { [triggerTimeKey]: _time, [lastAppliedKey]: _applied, ...annotations } = metadata.annotations ?? {}
  return {
    apiVersion: EndpointSlice.apiVersion,
    kind: EndpointSlice.kind,
    metadata: {
      generateName: `${metadata.name}-`,
      labels: { ...metadata.labels, [serviceNameKey]: metadata.name, [managedByKey]: mirroredBy },
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    addressType: family,
    endpoints: [...endpoints.values()],
    ports,
  }
}

/** In whichever order the endpoints stand. */
function differs(slice: EndpointSlice, { metadata, endpoints }: Draft<EndpointSlice>): boolean {
  const byKey = (list: readonly Endpoint[]) => Object.fromEntries(list.map((endpoint) => [endpointKey(endpoint), endpoint]))
  return (
    !semanticEqual(slice.metadata.labels, metadata?.labels) ||
    !semanticEqual(slice.metadata.annotations, metadata?.annotations) ||
    !semanticEqual(byKey(slice.endpoints ?? []), byKey((endpoints ?? []) as Endpoint[]))
  )
}

function onto({ metadata, ...slice }: EndpointSlice, wanted: Draft<EndpointSlice>): EndpointSlice {
  const { labels, annotations } = wanted.metadata ?? {}
  const { annotations: _old, ...kept } = metadata
  return { ...slice, ...wanted, metadata: { ...kept, labels, ...(annotations && { annotations }) } } as EndpointSlice
}

/** What would be deleted becomes what would be created, where the family is the same: one write in place of two. */
function recycle(plan: MirrorPlan): MirrorPlan {
  for (const [at, slice] of [...plan.create.entries()].reverse()) {
    const spare = plan.delete.findIndex(({ addressType }) => addressType === slice.addressType)
    if (spare < 0) continue
    const [old] = plan.delete.splice(spare, 1)
    plan.create.splice(at, 1)
    plan.update.push(onto(old as EndpointSlice, slice))
  }
  return plan
}

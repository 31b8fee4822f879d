/** Topology hints as the EndpointSlice controller gives them: kept where they fit, with events when that begins and ends. */
import { Node } from '#api/core/v1/node.ts'
import type { Service } from '#api/core/v1/service.ts'
import type { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import type { Change, Cluster } from '../runtime/controller.ts'
import { type AddressType, endpointKey } from './endpoint.ts'
import type { Backend, SlicePlan } from './plan.ts'
import { planHints, wantsTopology, zoneShares } from './topology.ts'

/** Whether the share of a zone may be another one now. */
export function topologyChanged({ object, old }: Change<Node>): boolean {
  const facts = (node: Node | undefined) =>
    node &&
    [
      node.metadata.labels?.['topology.kubernetes.io/zone'],
      node.status.allocatable?.cpu,
      node.status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True',
    ].join()
  return facts(object) !== facts(old)
}

/** Where zones are given out, an endpoint first has the one that it had: a slice that needs no change is not written. */
export function hintsBefore(
  service: Service,
  backends: readonly Backend[],
  existing: readonly EndpointSlice[],
): readonly Backend[] {
  if (!wantsTopology(service)) return backends
  const known = new Map(existing.flatMap(({ endpoints }) => endpoints ?? []).map((one) => [endpointKey(one), one.hints]))
  return backends.map(({ ports, endpoint: { hints: _own, ...endpoint } }) => {
    const hints = endpoint.conditions?.ready ? known.get(endpointKey(endpoint)) : undefined
    return { ports, endpoint: { ...endpoint, ...(hints && { hints }) } }
  })
}

type HintCluster = Cluster<typeof Service | typeof Node, any>

/** Services that have hints, as a running controller remembers them. */
const hinted = new WeakMap<object, Set<string>>()

export function addHints(
  cluster: HintCluster,
  service: Service,
  { plan, existing, family }: { plan: SlicePlan; existing: readonly EndpointSlice[]; family: AddressType },
): SlicePlan {
  const known = hinted.get(cluster) ?? new Set<string>()
  hinted.set(cluster, known)
  const { uid } = service.metadata
  const tell = (type: 'Normal' | 'Warning', reason: string, message: string) => cluster.event(service, { type, reason, message })
  if (!wantsTopology(service)) {
    const message = `Topology Aware Hints has been disabled, addressType: ${family}`
    if (known.delete(uid)) tell('Warning', 'TopologyAwareHintsDisabled', message)
    return plan
  }
  const touched = new Set([...plan.update, ...plan.delete].map(({ metadata }) => metadata.name))
  const unchanged = existing.filter(({ metadata }) => !touched.has(metadata.name))
  const { create, update, problem } = planHints(plan, { unchanged, shares: zoneShares(cluster.list(Node)), family })
  if (problem !== undefined) {
    known.delete(uid)
    tell('Warning', 'TopologyAwareHintsDisabled', problem)
  } else if (!known.has(uid)) {
    known.add(uid)
    tell('Normal', 'TopologyAwareHintsEnabled', `Topology Aware Hints has been enabled, addressType: ${family}`)
  }
  return { create, update, delete: plan.delete }
}

/** EndpointSlice controller: writes down which pods stand behind each Service, for proxies and DNS. */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { podsByNode, podsOn } from '../node/pods-by-node.ts'
import { isNamespaceTerminating, messageOf } from '../pod-control.ts'
import { type Caches, type Change, type Cluster, defineController } from '../runtime/controller.ts'
import { Memory } from '../runtime/memory.ts'
import { hasBackends, mattersToEndpoints, servicesBySelector, servicesOf } from '../service-backends.ts'
import { ServiceBackends } from './backends.ts'
import type { AddressType } from './endpoint.ts'
import { managedBy, planSlices, type SlicePlan } from './plan.ts'
import type { SliceLedger } from './slice-ledger.ts'
import { wantsTopology } from './topology.ts'
import { addHints, hintsBefore, topologyChanged } from './topology-hints.ts'

export const endpointSliceController = defineController({
  name: 'endpointslice-controller',
  component: 'endpoint-slice-controller',
  for: Service,
  owns: [EndpointSlice],
  reads: [Pod, Node],
  writes: [EndpointSlice],
  indexes: [servicesBySelector, podsByNode],
  watches: [
    { kind: Pod, when: mattersToEndpoints, visits: servicesOf, follows: 'visited' },
    // The zone of an endpoint is written with the next change of its Service, as upstream does.
    {
      kind: Node,
      when: placeChanged,
      visits: () => [],
      touches: { kind: Pod, objects: ({ metadata }: Node, caches) => podsOn(caches, metadata.name) },
    },
    {
      kind: Node,
      when: topologyChanged,
      visits: (_: Node, caches: Caches<typeof Service>) =>
        caches
          .list(Service)
          .filter(wantsTopology)
          .map(({ metadata }) => metadata),
    },
  ],

  async reconcile(service, cluster) {
    if (!hasBackends(service) || service.metadata.deletionTimestamp) return
    const backends = memory.of(cluster, service)
    const { triggerTime, lost } = backends.look(service, cluster)
    const { ledgers } = backends
    const slices = cluster.owned(EndpointSlice, service).filter(isOurs)
    try {
      for (const slice of slices) if (!ledgers.has(slice.addressType as AddressType)) await cluster.delete(EndpointSlice, slice)
      for (const [family, ledger] of ledgers) {
        const existing = slices.filter(({ addressType }) => addressType === family)
        await bringUpToDate(cluster, service, { family, ledger, existing, triggerTime })
      }
    } catch (error) {
      if (isNamespaceTerminating(error)) return
      const message = `Error updating Endpoint Slices for Service ${service.metadata.namespace}/${service.metadata.name}: ${messageOf(error)}`
      cluster.event(service, { type: 'Warning', reason: 'FailedToUpdateEndpointSlices', message })
      throw error
    }
    if (lost)
      throw new Error(
        `skipping Pod ${lost.metadata.name} for Service ${service.metadata.name}: Node ${lost.spec.nodeName} Not Found`,
      )
  },

  async reconcileAbsent(at, cluster) {
    memory.forget(cluster, at)
  },
})

type SliceCluster = Cluster<typeof Service | typeof EndpointSlice | typeof Pod | typeof Node, typeof EndpointSlice>

const memory = new Memory(() => new ServiceBackends())

interface Task {
  readonly family: AddressType
  readonly ledger: SliceLedger
  readonly existing: readonly EndpointSlice[]
  readonly triggerTime: string | undefined
}

/** Zones are given out over all endpoints, so that Services which ask for that are looked at as a whole. */
async function bringUpToDate(
  cluster: SliceCluster,
  service: Service,
  { family, ledger, existing, triggerTime }: Task,
): Promise<void> {
  const { backends, slices, unchanged } = ledger.work(existing, { all: wantsTopology(service) })
  const wanted = hintsBefore(service, backends, slices)
  const planned = planSlices(service, { family, backends: wanted, existing: slices, unchanged, triggerTime })
  const plan = addHints(cluster, service, { plan: planned, existing, family })
  const written = await carryOut(cluster, service, plan)
  const replaced = new Set([...plan.update, ...plan.delete].map(({ metadata }) => metadata.name))
  const left = slices.filter(({ metadata }) => !replaced.has(metadata.name))
  ledger.settle(unchanged, [...left, ...written])
}

function isOurs({ metadata }: EndpointSlice): boolean {
  return metadata.labels?.['endpointslice.kubernetes.io/managed-by'] === managedBy && !metadata.deletionTimestamp
}

/** Answers what it wrote. */
async function carryOut(cluster: SliceCluster, service: Service, plan: SlicePlan): Promise<EndpointSlice[]> {
  const written: EndpointSlice[] = []
  for (const draft of plan.create) written.push(await cluster.create(EndpointSlice, draft, service))
  for (const slice of plan.update) written.push(await cluster.update(EndpointSlice, slice))
  for (const slice of plan.delete) await cluster.delete(EndpointSlice, slice)
  return written
}

/** Whether the node has come or gone, or is in another zone. */
function placeChanged({ object, old }: Change<Node>): boolean {
  const zone = (node: Node | undefined) => node?.metadata.labels?.['topology.kubernetes.io/zone']
  return !object !== !old || zone(object) !== zone(old)
}

/** EndpointSlice controller: writes down which pods stand behind each Service, for proxies and DNS. */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { isNamespaceTerminating, messageOf } from '../pod-control.ts'
import { type Caches, type Cluster, defineController } from '../runtime/controller.ts'
import { hasBackends, isBackend, mattersToEndpoints, selectsPod, servicesOf, TriggerTimes } from '../service-backends.ts'
import { type AddressType, endpointOf, familiesOf, portsOf } from './endpoint.ts'
import { type Backend, managedBy, planSlices, type SlicePlan } from './plan.ts'
import { wantsTopology } from './topology.ts'
import { addHints, hintsBefore, topologyChanged } from './topology-hints.ts'

export const endpointSliceController = defineController({
  name: 'endpointslice-controller',
  component: 'endpoint-slice-controller',
  for: Service,
  owns: [EndpointSlice],
  reads: [Pod, Node],
  writes: [EndpointSlice],
  watches: [
    {
      kind: Pod,
      when: mattersToEndpoints,
      visits: (pod: Pod, caches: Caches<typeof Service>) =>
        servicesOf(pod, caches.list(Service, { namespace: pod.metadata.namespace })),
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
    const pods = cluster
      .list(Pod, { namespace: service.metadata.namespace })
      .filter((pod) => selectsPod(service, pod.metadata.labels))
    const triggerTime = timesOf(cluster).compute(service, pods)
    const { backends, lost } = backendsOf(service, pods, cluster)
    const slices = cluster.owned(EndpointSlice, service).filter(isOurs)
    const families = familiesOf(service)
    try {
      for (const slice of slices)
        if (!families.includes(slice.addressType as AddressType)) await cluster.delete(EndpointSlice, slice)
      for (const family of families) {
        const existing = slices.filter(({ addressType }) => addressType === family)
        const wanted = hintsBefore(service, backends(family), existing)
        const plan = planSlices(service, { family, backends: wanted, existing, triggerTime })
        await carryOut(cluster, service, addHints(cluster, service, { plan, existing, family }))
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
})

type SliceCluster = Cluster<typeof Service | typeof EndpointSlice | typeof Pod | typeof Node, typeof EndpointSlice>

const times = new WeakMap<object, TriggerTimes>()

/** What was told before, for each running controller. */
function timesOf(cluster: SliceCluster): TriggerTimes {
  const known = times.get(cluster) ?? new TriggerTimes()
  times.set(cluster, known)
  return known
}

function isOurs({ metadata }: EndpointSlice): boolean {
  return metadata.labels?.['endpointslice.kubernetes.io/managed-by'] === managedBy && !metadata.deletionTimestamp
}

/** A pod on a node that is not known is left out, unless the Service asks for all; `lost` is one of those. */
function backendsOf(service: Service, pods: readonly Pod[], cluster: SliceCluster) {
  const placed = pods
    .filter((pod) => isBackend(pod, { terminating: true }))
    .map((pod) => ({ pod, node: pod.spec.nodeName ? cluster.get(Node, { name: pod.spec.nodeName }) : undefined }))
  const isLost = ({ pod, node }: { pod: Pod; node: Node | undefined }) =>
    !node && Boolean(pod.spec.nodeName) && !service.spec.publishNotReadyAddresses
  const backends = (family: AddressType): Backend[] =>
    placed
      .filter((entry) => !isLost(entry))
      .map(({ pod, node }) => ({ ports: portsOf(service, pod), endpoint: endpointOf(service, pod, { node, family }) }))
      .filter(({ endpoint }) => endpoint.addresses.length > 0)
  return { backends, lost: placed.find(isLost)?.pod }
}

async function carryOut(cluster: SliceCluster, service: Service, plan: SlicePlan): Promise<void> {
  for (const draft of plan.create) await cluster.create(EndpointSlice, draft, service)
  for (const slice of plan.update) await cluster.update(EndpointSlice, slice)
  for (const slice of plan.delete) await cluster.delete(EndpointSlice, slice)
}

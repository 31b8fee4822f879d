/** EndpointSlice controller: writes down which pods stand behind each Service, for proxies and DNS. */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { isNamespaceTerminating, messageOf } from '../pod-control.ts'
import { type Caches, type Cluster, defineController } from '../runtime/controller.ts'
import { hasBackends, mattersToEndpoints, podsOf, servicesOf, TriggerTimes } from '../service-backends.ts'
import { BackendMemory } from './backends.ts'
import { type AddressType, familiesOf } from './endpoint.ts'
import { managedBy, planSlices, type SlicePlan } from './plan.ts'
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
    const pods = podsOf(service, cluster)
    const { times, backends: known } = memoryOf(cluster)
    const triggerTime = times.compute(service, pods)
    const backends = known.look(service, pods, cluster)
    const { lost } = backends
    const slices = cluster.owned(EndpointSlice, service).filter(isOurs)
    const families = familiesOf(service)
    try {
      for (const slice of slices)
        if (!families.includes(slice.addressType as AddressType)) await cluster.delete(EndpointSlice, slice)
      for (const family of families) {
        const existing = slices.filter(({ addressType }) => addressType === family)
        const wanted = hintsBefore(service, backends.of(family), existing)
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

  async reconcileAbsent(at, cluster) {
    const { times, backends } = memoryOf(cluster)
    times.forget(at)
    backends.forget(at)
  },
})

type SliceCluster = Cluster<typeof Service | typeof EndpointSlice | typeof Pod | typeof Node, typeof EndpointSlice>

interface Memory {
  readonly times: TriggerTimes
  readonly backends: BackendMemory
}

const memories = new WeakMap<object, Memory>()

/** What each running controller remembers. */
function memoryOf(cluster: SliceCluster): Memory {
  const known = memories.get(cluster) ?? { times: new TriggerTimes(), backends: new BackendMemory() }
  memories.set(cluster, known)
  return known
}

function isOurs({ metadata }: EndpointSlice): boolean {
  return metadata.labels?.['endpointslice.kubernetes.io/managed-by'] === managedBy && !metadata.deletionTimestamp
}

async function carryOut(cluster: SliceCluster, service: Service, plan: SlicePlan): Promise<void> {
  for (const draft of plan.create) await cluster.create(EndpointSlice, draft, service)
  for (const slice of plan.update) await cluster.update(EndpointSlice, slice)
  for (const slice of plan.delete) await cluster.delete(EndpointSlice, slice)
}

/** Endpoints controller: the older form of EndpointSlices, one object for each Service. */
import { type EndpointSubset, Endpoints } from '#api/core/v1/endpoints.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { Draft } from '#schema/words.ts'
import { isNamespaceTerminating, messageOf } from '../pod-control.ts'
import { type Cluster, defineController } from '../runtime/controller.ts'
import { Memory } from '../runtime/memory.ts'
import {
  hasBackends,
  hasClusterIp,
  headlessKey,
  mattersToEndpoints,
  servicesBySelector,
  servicesOf,
  triggerTimeKey,
} from '../service-backends.ts'
import { truncate } from './plan.ts'
import { ServicePlaces } from './service-places.ts'

export const endpointsController = defineController({
  name: 'endpoints-controller',
  account: 'endpoint-controller',
  for: Service,
  reads: [Pod, Endpoints],
  writes: [Endpoints],
  indexes: [servicesBySelector],
  watches: [
    { kind: Pod, when: mattersToEndpoints, visits: servicesOf, follows: 'visited' },
    // Only what somebody deleted is to be made again: others may write Endpoints for Services that are yet to come.
    { kind: Endpoints, when: ({ object }) => !object, visits: ({ metadata }: Endpoints) => [metadata] },
  ],
  // Endpoints of a headless Service may be written to by its clients: `endpoints/restricted`.
  grants: [{ groups: [''], resources: ['endpoints/restricted'], verbs: ['create'] }],

  async reconcile(service, cluster) {
    if (!hasBackends(service)) return
    const { namespace = '', name } = service.metadata
    const places = memory.of(cluster, service)
    const triggerTime = places.look(service, cluster)
    const current = cluster.get(Endpoints, { namespace, name })
    const next = planEndpoints(service, { subsets: places.subsets(), current, triggerTime })
    if (next) await write(cluster, service, { current, next })
  },

  async reconcileAbsent(at, cluster) {
    const left = cluster.get(Endpoints, at)
    if (left) await cluster.delete(Endpoints, left)
    memory.forget(cluster, at)
  },
})

type EndpointsCluster = Cluster<typeof Service | typeof Pod | typeof Endpoints, typeof Endpoints>

const memory = new Memory(() => new ServicePlaces())

const overCapacityKey = 'endpoints.kubernetes.io/over-capacity'
const managedByKey = 'endpoints.kubernetes.io/managed-by'

interface Given {
  /** Before truncation. */
  readonly subsets: readonly EndpointSubset[]
  readonly current: Endpoints | undefined
  readonly triggerTime: string | undefined
}

/** What is to be written; undefined when it stands there already. */
export function planEndpoints(service: Service, { subsets: whole, current, triggerTime }: Given): Draft<Endpoints> | undefined {
  const cut = truncate(whole)
  const subsets = cut ?? [...whole]
  const labels = {
    ...service.metadata.labels,
    ...(!hasClusterIp(service) && { [headlessKey]: '' }),
    [managedByKey]: 'endpoint-controller',
  }
  const { [overCapacityKey]: capacity, [triggerTimeKey]: _time, ...others } = current?.metadata.annotations ?? {}
  const asTold = semanticEqual(current?.subsets, subsets) && semanticEqual(current?.metadata.labels, labels)
  if (current && asTold && (capacity === 'truncated') === Boolean(cut)) return undefined
  const annotations = {
    ...others,
    ...(triggerTime && { [triggerTimeKey]: triggerTime }),
    ...(cut && { [overCapacityKey]: 'truncated' }),
  }
  const { namespace, name } = service.metadata
  return { ...current, metadata: { ...current?.metadata, namespace, name, labels, annotations }, subsets }
}

async function write(
  cluster: EndpointsCluster,
  service: Service,
  { current, next }: { current: Endpoints | undefined; next: Draft<Endpoints> },
): Promise<void> {
  try {
    if (current) await cluster.update(Endpoints, next)
    else await cluster.create(Endpoints, next)
  } catch (error) {
    if (isNamespaceTerminating(error)) return
    const { namespace, name } = service.metadata
    const [verb, reason] = current ? ['update', 'FailedToUpdateEndpoint'] : ['create', 'FailedToCreateEndpoint']
    const message = `Failed to ${verb} endpoint for service ${namespace}/${name}: ${messageOf(error)}`
    cluster.event(service, { type: 'Warning', reason: reason as string, message })
    throw error
  }
}

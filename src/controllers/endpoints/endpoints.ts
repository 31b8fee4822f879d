/** Endpoints controller: the older form of EndpointSlices, one object for each Service. */
import { Endpoints } from '#api/core/v1/endpoints.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { Draft } from '#schema/words.ts'
import { isNamespaceTerminating, messageOf } from '../pod-control.ts'
import { type Caches, type Cluster, defineController } from '../runtime/controller.ts'
import {
  hasBackends,
  hasClusterIp,
  headlessKey,
  mattersToEndpoints,
  podsOf,
  servicesOf,
  TriggerTimes,
  triggerTimeKey,
} from '../service-backends.ts'
import { planSubsets, truncate } from './plan.ts'

export const endpointsController = defineController({
  name: 'endpoints-controller',
  account: 'endpoint-controller',
  for: Service,
  reads: [Pod, Endpoints],
  writes: [Endpoints],
  watches: [
    {
      kind: Pod,
      when: mattersToEndpoints,
      visits: (pod: Pod, caches: Caches<typeof Service>) =>
        servicesOf(pod, caches.list(Service, { namespace: pod.metadata.namespace })),
    },
    // Only what somebody deleted is to be made again: others may write Endpoints for Services that are yet to come.
    { kind: Endpoints, when: ({ object }) => !object, visits: ({ metadata }: Endpoints) => [metadata] },
  ],
  // Endpoints of a headless Service may be written to by its clients: `endpoints/restricted`.
  grants: [{ groups: [''], resources: ['endpoints/restricted'], verbs: ['create'] }],

  async reconcile(service, cluster) {
    if (!hasBackends(service)) return
    const { namespace = '', name } = service.metadata
    const pods = podsOf(service, cluster)
    const current = cluster.get(Endpoints, { namespace, name })
    const triggerTime = timesOf(cluster).compute(service, pods)
    const next = planEndpoints(service, { pods, current, triggerTime })
    if (next) await write(cluster, service, { current, next })
  },

  async reconcileAbsent(at, cluster) {
    const left = cluster.get(Endpoints, at)
    if (left) await cluster.delete(Endpoints, left)
    timesOf(cluster).forget(at)
  },
})

type EndpointsCluster = Cluster<typeof Service | typeof Pod | typeof Endpoints, typeof Endpoints>

const times = new WeakMap<object, TriggerTimes>()

function timesOf(cluster: EndpointsCluster): TriggerTimes {
  const known = times.get(cluster) ?? new TriggerTimes()
  times.set(cluster, known)
  return known
}

const overCapacityKey = 'endpoints.kubernetes.io/over-capacity'
const managedByKey = 'endpoints.kubernetes.io/managed-by'

interface Given {
  readonly pods: readonly Pod[]
  readonly current: Endpoints | undefined
  readonly triggerTime: string | undefined
}

/** What is to be written; undefined when it stands there already. */
export function planEndpoints(service: Service, { pods, current, triggerTime }: Given): Draft<Endpoints> | undefined {
  const whole = planSubsets(service, pods)
  const cut = truncate(whole)
  const subsets = cut ?? whole
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

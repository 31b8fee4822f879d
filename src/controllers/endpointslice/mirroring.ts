/** EndpointSlice mirroring: Endpoints of Services without a selector, which somebody else keeps, become EndpointSlices. */
import { Endpoints } from '#api/core/v1/endpoints.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import type { Ref } from '#client/client.ts'
import { isNamespaceTerminating } from '../pod-control.ts'
import { type Cluster, defineController } from '../runtime/controller.ts'
import { mirroredBy, mostPerSubset, planMirror } from './mirroring-plan.ts'

export const endpointSliceMirroringController = defineController({
  name: 'endpointslice-mirroring-controller',
  account: 'endpointslicemirroring-controller',
  component: 'endpoint-slice-mirroring-controller',
  for: Endpoints,
  reads: [Service, EndpointSlice],
  writes: [EndpointSlice],
  watches: [
    {
      kind: Service,
      when: ({ object, old }) => (object ? selects(object) : undefined) !== (old ? selects(old) : undefined),
      visits: (service: Service) => (service.spec.selector === undefined ? [service.metadata] : []),
    },
    {
      kind: EndpointSlice,
      when: ({ object, old }) => [object, old].some((slice) => slice && isMirrored(slice)),
      visits: ({ metadata }: EndpointSlice) => {
        const name = metadata.labels?.['kubernetes.io/service-name']
        return name && metadata.namespace ? [{ name, namespace: metadata.namespace }] : []
      },
    },
  ],
  indexes: [{ kind: EndpointSlice, name: 'mirrored', keys: (slice) => (isMirrored(slice) ? [keyOf(serviceOf(slice))] : []) }],
  // What it makes blocks the deletion of the Endpoints, not of the Service.
  grants: [{ groups: [''], resources: ['services/finalizers'], verbs: ['update'] }],

  async reconcile(endpoints, cluster) {
    const service = cluster.get(Service, endpoints.metadata)
    if (!isToMirror(endpoints) || !service || service.spec.selector !== undefined) return clear(endpoints.metadata, cluster)
    const plan = planMirror(endpoints, mirrorsOf(endpoints.metadata, cluster))
    if (plan.skipped > 0) {
      const message = `A max of ${mostPerSubset} addresses can be mirrored to EndpointSlices per Endpoints subset. ${plan.skipped} addresses were skipped`
      cluster.event(endpoints, { type: 'Warning', reason: 'TooManyAddressesToMirror', message })
    }
    try {
      const isGoing = Boolean(endpoints.metadata.deletionTimestamp)
      for (const slice of isGoing ? [] : plan.create) await cluster.create(EndpointSlice, slice, endpoints)
    } catch (error) {
      if (isNamespaceTerminating(error)) return
      throw error
    }
    for (const slice of plan.update) await cluster.update(EndpointSlice, slice)
    for (const slice of plan.delete) await cluster.delete(EndpointSlice, slice)
  },

  reconcileAbsent: clear,
})

type MirrorCluster = Cluster<typeof Endpoints | typeof Service | typeof EndpointSlice, typeof EndpointSlice>

async function clear(at: Ref, cluster: Cluster<any, any>): Promise<void> {
  for (const slice of mirrorsOf(at, cluster)) await cluster.delete(EndpointSlice, slice)
}

function mirrorsOf(at: Ref, cluster: MirrorCluster): readonly EndpointSlice[] {
  return cluster.indexed(EndpointSlice, { index: 'mirrored', value: keyOf(at) })
}

function isMirrored({ metadata }: EndpointSlice): boolean {
  return metadata.labels?.['endpointslice.kubernetes.io/managed-by'] === mirroredBy
}

/** Not where somebody asked for the contrary, nor where it is only a lock. */
function isToMirror({ metadata }: Endpoints): boolean {
  const { labels = {}, annotations = {} } = metadata
  return (
    labels['endpointslice.kubernetes.io/skip-mirror'] !== 'true' && !('control-plane.alpha.kubernetes.io/leader' in annotations)
  )
}

function selects({ spec }: Service): boolean {
  return spec.selector !== undefined
}

function serviceOf({ metadata }: EndpointSlice): Ref {
  return { name: metadata.labels?.['kubernetes.io/service-name'] ?? '', namespace: metadata.namespace }
}

function keyOf({ namespace = '', name }: Ref): string {
  return `${namespace}/${name}`
}

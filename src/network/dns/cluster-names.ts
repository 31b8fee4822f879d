/** The informer caches as DNS looks at them: by name and by address. */
import { Namespace } from '#api/core/v1/namespace.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import type { Client } from '#client/client.ts'
import { type Informer, type InformerOptions, startInformer } from '#client/informer.ts'
import type { ClusterNames } from './records.ts'

const byService = 'service'
const byIp = 'ip'

export interface WatchedNames extends ClusterNames {
  synced(): Promise<void>
}

export function watchNames(client: Client, options: InformerOptions): WatchedNames {
  const services = startInformer(client, Service, options)
  const slices = startInformer(client, EndpointSlice, options)
  const namespaces = startInformer(client, Namespace, options)
  services.addIndex(byIp, ({ spec }) => (spec.clusterIPs ?? []).filter((ip) => ip !== 'None'))
  slices.addIndex(byService, ({ metadata }) => [`${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name'] ?? ''}`])
  slices.addIndex(byIp, ({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses))
  return {
    service: (namespace, name) => services.get({ namespace, name }),
    slices: (namespace, service) => slices.indexed(byService, `${namespace}/${service}`),
    hasNamespace: (name) => namespaces.get({ name }) !== undefined,
    serviceByIp: (ip) => services.indexed(byIp, ip)[0],
    slicesByIp: (ip) => slices.indexed(byIp, ip),
    synced: async () => {
      await Promise.all([services, slices, namespaces].map((informer: Informer<any>) => informer.synced()))
    },
  }
}

/** What both the proxy and DNS of a node look at, watched once for the two of them. */
import { Namespace } from '#api/core/v1/namespace.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import type { Client } from '#client/client.ts'
import { type Informer, type InformerOptions, startInformer } from '#client/informer.ts'

export interface ServiceInformers {
  readonly services: Informer<Service>
  readonly slices: Informer<EndpointSlice>
  readonly namespaces: Informer<Namespace>
  /** The slices of a service. */
  slicesOf(namespace: string, service: string): readonly EndpointSlice[]
}

const byService = 'service'

export function watchServices(client: Client, options: InformerOptions): ServiceInformers {
  const services = startInformer(client, Service, options)
  const slices = startInformer(client, EndpointSlice, options)
  const namespaces = startInformer(client, Namespace, options)
  slices.addIndex(byService, ({ metadata }) => [`${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name'] ?? ''}`])
  const slicesOf = (namespace: string, service: string) => slices.indexed(byService, `${namespace}/${service}`)
  return { services, slices, namespaces, slicesOf }
}

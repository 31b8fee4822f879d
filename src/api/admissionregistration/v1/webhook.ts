/** How webhooks are reached. */
import { always, bytes, int32, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const serviceReference = object('io.k8s.api.admissionregistration.v1.ServiceReference', {
  namespace: always(1, string()),
  name: always(2, string()),
  path: pointer(3, string()),
  port: pointer(4, int32()),
})
export interface ServiceReference extends TypeOf<typeof serviceReference> {}
export const ServiceReference: Schema<ServiceReference> = serviceReference

const webhookClientConfig = object('io.k8s.api.admissionregistration.v1.WebhookClientConfig', {
  url: pointer(3, string(), { doc: 'Address of a webhook outside the cluster.' }),
  service: pointer(1, ServiceReference, { doc: 'Service of a webhook within.' }),
  caBundle: optional(2, bytes(), { doc: 'Certificates that its own is checked with, PEM.' }),
})
export interface WebhookClientConfig extends TypeOf<typeof webhookClientConfig> {}
export const WebhookClientConfig: Schema<WebhookClientConfig> = webhookClientConfig

/** What a custom resource definition says: names, versions, schemas, columns, subresources, conversion. */
import type { JsonSchema } from '#schema/json-schema.ts'
import {
  always,
  boolean,
  bytes,
  int32,
  known,
  list,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'
import { JSONSchemaProps } from './json-schema-props.ts'

const group = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1'

const names = object(`${group}.CustomResourceDefinitionNames`, {
  plural: always(1, string(), { doc: 'Name of the resource in paths.' }),
  singular: optional(2, string(), { doc: 'Default: the kind in lower case.' }),
  shortNames: optional(3, list(string(), { listType: 'atomic' }), { doc: 'Short names for use on the command line.' }),
  kind: always(4, string(), { doc: 'Kind of the objects, such as CronTab.' }),
  listKind: optional(5, string(), { doc: 'Kind of their lists; default: the kind with List.' }),
  categories: optional(6, list(string(), { listType: 'atomic' }), { doc: 'Groups that the resource belongs to, such as all.' }),
})
export interface CustomResourceDefinitionNames extends TypeOf<typeof names> {}
export const CustomResourceDefinitionNames: Schema<CustomResourceDefinitionNames> = names

const serviceReference = object(`${group}.ServiceReference`, {
  namespace: always(1, string()),
  name: always(2, string()),
  path: pointer(3, string(), { doc: 'Path below which the webhook answers.' }),
  port: pointer(4, int32(), { default: 443, doc: 'Port of the service.' }),
})

const webhookClientConfig = object(`${group}.WebhookClientConfig`, {
  url: pointer(3, string(), { doc: 'Where the webhook answers, if it is no service: https://host/path.' }),
  service: pointer(1, serviceReference, { doc: 'Service that answers.' }),
  caBundle: optional(2, bytes(), { doc: "Certificates that the webhook's one is checked with (PEM)." }),
})
export interface WebhookClientConfig extends TypeOf<typeof webhookClientConfig> {}

const webhookConversion = object(`${group}.WebhookConversion`, {
  clientConfig: pointer(2, webhookClientConfig, { doc: 'How the webhook is reached.' }),
  conversionReviewVersions: always(3, list(string(), { listType: 'atomic' }), {
    doc: 'Versions of ConversionReview that the webhook knows, the best one first.',
  }),
})

const conversion = object(`${group}.CustomResourceConversion`, {
  strategy: always(1, known('None', 'Webhook'), { doc: 'None changes the apiVersion alone; Webhook asks a service.' }),
  webhook: pointer(2, webhookConversion, { doc: 'The webhook, for that strategy.' }),
})
export interface CustomResourceConversion extends TypeOf<typeof conversion> {}

const validation = object(`${group}.CustomResourceValidation`, {
  openAPIV3Schema: pointer(1, JSONSchemaProps, { doc: 'Schema of the whole object.' }),
})

const scale = object(`${group}.CustomResourceSubresourceScale`, {
  specReplicasPath: always(1, string(), { doc: 'Path of the wanted number, below .spec.' }),
  statusReplicasPath: always(2, string(), { doc: 'Path of the observed number, below .status.' }),
  labelSelectorPath: pointer(3, string(), { doc: 'Path of a label selector as text.' }),
})
export interface CustomResourceSubresourceScale extends TypeOf<typeof scale> {}

const subresources = object(`${group}.CustomResourceSubresources`, {
  status: pointer(1, object(`${group}.CustomResourceSubresourceStatus`, {}), { doc: 'Status is written separately.' }),
  scale: pointer(2, scale, { doc: 'The objects can be scaled.' }),
})
export interface CustomResourceSubresources extends TypeOf<typeof subresources> {}

const column = object(`${group}.CustomResourceColumnDefinition`, {
  name: always(1, string()),
  type: always(2, string(), { doc: 'integer, number, string, boolean or date.' }),
  format: optional(3, string()),
  description: optional(4, string()),
  priority: optional(5, int32(), { doc: '0 is always shown, more with -o wide.' }),
  jsonPath: always(6, string(), { doc: 'Path of the value, such as .spec.replicas.' }),
})
export interface CustomResourceColumnDefinition extends TypeOf<typeof column> {}

const selectableField = object(`${group}.SelectableField`, {
  jsonPath: always(1, string(), { doc: 'Path of a field that field selectors may name.' }),
})
export interface SelectableField extends TypeOf<typeof selectableField> {}

const version = object(`${group}.CustomResourceDefinitionVersion`, {
  name: always(1, string(), { doc: 'Such as v1beta1.' }),
  served: always(2, boolean(), { doc: 'Clients may use it.' }),
  storage: always(3, boolean(), { doc: 'Objects are stored in it; true of one version.' }),
  deprecated: optional(7, boolean(), { doc: 'Clients that use it are warned.' }),
  deprecationWarning: pointer(8, string(), { doc: 'The text of that warning.' }),
  schema: pointer(4, validation, { doc: 'What objects of this version look like.' }),
  subresources: pointer(5, subresources, { doc: 'Status and scale.' }),
  additionalPrinterColumns: optional(6, list(column, { listType: 'atomic' }), { doc: 'Columns that kubectl get shows.' }),
  selectableFields: optional(9, list(selectableField, { listType: 'atomic' }), { doc: 'Fields that field selectors may name.' }),
})
export interface CustomResourceDefinitionVersion extends TypeOf<typeof version> {}
export const CustomResourceDefinitionVersion: Schema<CustomResourceDefinitionVersion> = version

const spec = object(`${group}.CustomResourceDefinitionSpec`, {
  group: always(1, string(), { doc: 'API group of the resource, such as stable.example.com.' }),
  names: always(3, CustomResourceDefinitionNames, { isRequired: true, doc: 'Names of the resource and its kind.' }),
  scope: always(4, known('Cluster', 'Namespaced'), { doc: 'Namespaced or Cluster.' }),
  versions: always(7, list(CustomResourceDefinitionVersion, { listType: 'atomic' }), { doc: 'Versions of the resource.' }),
  conversion: pointer(9, conversion, { doc: 'How objects of one version become those of another.' }),
  preserveUnknownFields: optional(10, boolean(), { doc: 'No longer to be set.' }),
})
export interface CustomResourceDefinitionSpec extends TypeOf<typeof spec> {}
export const CustomResourceDefinitionSpec: Schema<CustomResourceDefinitionSpec> = spec

/** The JSON schema of a version, if it has one. */
export function schemaOf({ schema }: CustomResourceDefinitionVersion): JsonSchema | undefined {
  return schema?.openAPIV3Schema
}

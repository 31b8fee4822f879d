/** namespace: Namespace. */
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, list, object, oneOf, optional, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const namespaceSpec = object('io.k8s.api.core.v1.NamespaceSpec', {
  finalizers: optional(1, list(string(), { listType: 'atomic' })),
})
export interface NamespaceSpec extends TypeOf<typeof namespaceSpec> {}
export const NamespaceSpec: Schema<NamespaceSpec> = namespaceSpec

const namespaceCondition = object('io.k8s.api.core.v1.NamespaceCondition', {
  type: always(1, string()),
  status: always(2, string()),
  lastTransitionTime: always(4, time()),
  reason: optional(5, string()),
  message: optional(6, string()),
})
export interface NamespaceCondition extends TypeOf<typeof namespaceCondition> {}
export const NamespaceCondition: Schema<NamespaceCondition> = namespaceCondition

const namespaceStatus = object('io.k8s.api.core.v1.NamespaceStatus', {
  phase: optional(1, oneOf('Active', 'Terminating')),
  conditions: optional(2, list(NamespaceCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' })),
})
export interface NamespaceStatus extends TypeOf<typeof namespaceStatus> {}
export const NamespaceStatus: Schema<NamespaceStatus> = namespaceStatus

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  scope: 'Cluster',
  schemaName: 'io.k8s.api.core.v1.Namespace',
  shortNames: ['ns'],
  nameFormat: 'dnsLabel',
  status: true,
  fields: {
    spec: always(2, NamespaceSpec),
    status: always(3, NamespaceStatus),
  },
})

export interface Namespace extends ObjectOf<typeof kind> {}
export const Namespace: Kind<'Namespace', Namespace> = kind

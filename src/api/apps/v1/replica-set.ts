/** replica-set: ReplicaSet. */
import { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  int32,
  int64,
  list,
  object,
  oneOf,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
  time,
} from '#schema/words.ts'

const replicaSetSpec = object('io.k8s.api.apps.v1.ReplicaSetSpec', {
  replicas: pointer(1, int32()),
  minReadySeconds: optional(4, int32()),
  selector: pointer(2, LabelSelector),
  template: always(3, PodTemplateSpec),
})
export interface ReplicaSetSpec extends TypeOf<typeof replicaSetSpec> {}
export const ReplicaSetSpec: Schema<ReplicaSetSpec> = replicaSetSpec

const replicaSetCondition = object('io.k8s.api.apps.v1.ReplicaSetCondition', {
  type: always(1, string()),
  status: always(2, oneOf('False', 'True', 'Unknown')),
  lastTransitionTime: always(3, time()),
  reason: optional(4, string()),
  message: optional(5, string()),
})
export interface ReplicaSetCondition extends TypeOf<typeof replicaSetCondition> {}
export const ReplicaSetCondition: Schema<ReplicaSetCondition> = replicaSetCondition

const replicaSetStatus = object('io.k8s.api.apps.v1.ReplicaSetStatus', {
  replicas: always(1, int32()),
  fullyLabeledReplicas: optional(2, int32()),
  readyReplicas: optional(4, int32()),
  availableReplicas: optional(5, int32()),
  terminatingReplicas: pointer(7, int32()),
  observedGeneration: optional(3, int64()),
  conditions: optional(6, list(ReplicaSetCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' })),
})
export interface ReplicaSetStatus extends TypeOf<typeof replicaSetStatus> {}
export const ReplicaSetStatus: Schema<ReplicaSetStatus> = replicaSetStatus

const kind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.apps.v1.ReplicaSet',
  shortNames: ['rs'],
  categories: ['all'],
  status: true,
  fields: {
    spec: always(2, ReplicaSetSpec),
    status: always(3, ReplicaSetStatus),
  },
})

export interface ReplicaSet extends ObjectOf<typeof kind> {}
export const ReplicaSet: Kind<'ReplicaSet', ReplicaSet> = kind

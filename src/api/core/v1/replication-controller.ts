/** replication-controller: ReplicationController. */
import { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  int32,
  int64,
  list,
  map,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
  time,
} from '#schema/words.ts'

const replicationControllerSpec = object('io.k8s.api.core.v1.ReplicationControllerSpec', {
  replicas: pointer(1, int32(), { default: 1 }),
  minReadySeconds: optional(4, int32(), { default: 0 }),
  selector: optional(2, map(string()) /* atomic */),
  template: pointer(3, PodTemplateSpec),
})
export interface ReplicationControllerSpec extends TypeOf<typeof replicationControllerSpec> {}
export const ReplicationControllerSpec: Schema<ReplicationControllerSpec> = replicationControllerSpec

const replicationControllerCondition = object('io.k8s.api.core.v1.ReplicationControllerCondition', {
  type: always(1, string()),
  status: always(2, string()),
  lastTransitionTime: always(3, time()),
  reason: optional(4, string()),
  message: optional(5, string()),
})
export interface ReplicationControllerCondition extends TypeOf<typeof replicationControllerCondition> {}
export const ReplicationControllerCondition: Schema<ReplicationControllerCondition> = replicationControllerCondition

const replicationControllerStatus = object('io.k8s.api.core.v1.ReplicationControllerStatus', {
  replicas: always(1, int32()),
  fullyLabeledReplicas: optional(2, int32()),
  readyReplicas: optional(4, int32()),
  availableReplicas: optional(5, int32()),
  observedGeneration: optional(3, int64()),
  conditions: optional(6, list(ReplicationControllerCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' })),
})
export interface ReplicationControllerStatus extends TypeOf<typeof replicationControllerStatus> {}
export const ReplicationControllerStatus: Schema<ReplicationControllerStatus> = replicationControllerStatus

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.core.v1.ReplicationController',
  shortNames: ['rc'],
  categories: ['all'],
  storagePrefix: 'controllers',
  status: true,
  fields: {
    spec: always(2, ReplicationControllerSpec),
    status: always(3, ReplicationControllerStatus),
  },
})

export interface ReplicationController extends ObjectOf<typeof kind> {}
export const ReplicationController: Kind<'ReplicationController', ReplicationController> = kind

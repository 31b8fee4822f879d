/** deployment: Deployment. */
import { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  boolean,
  int32,
  int64,
  intOrString,
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

const rollingUpdateDeployment = object('io.k8s.api.apps.v1.RollingUpdateDeployment', {
  maxUnavailable: pointer(1, intOrString()),
  maxSurge: pointer(2, intOrString()),
})
export interface RollingUpdateDeployment extends TypeOf<typeof rollingUpdateDeployment> {}
export const RollingUpdateDeployment: Schema<RollingUpdateDeployment> = rollingUpdateDeployment

const deploymentStrategy = object('io.k8s.api.apps.v1.DeploymentStrategy', {
  type: optional(1, oneOf('Recreate', 'RollingUpdate')),
  rollingUpdate: pointer(2, RollingUpdateDeployment),
})
export interface DeploymentStrategy extends TypeOf<typeof deploymentStrategy> {}
export const DeploymentStrategy: Schema<DeploymentStrategy> = deploymentStrategy

const deploymentSpec = object('io.k8s.api.apps.v1.DeploymentSpec', {
  replicas: pointer(1, int32()),
  selector: pointer(2, LabelSelector),
  template: always(3, PodTemplateSpec),
  strategy: always(4, DeploymentStrategy, { retainKeys: true }),
  minReadySeconds: optional(5, int32()),
  revisionHistoryLimit: pointer(6, int32()),
  paused: optional(7, boolean()),
  progressDeadlineSeconds: pointer(9, int32()),
})
export interface DeploymentSpec extends TypeOf<typeof deploymentSpec> {}
export const DeploymentSpec: Schema<DeploymentSpec> = deploymentSpec

const deploymentCondition = object('io.k8s.api.apps.v1.DeploymentCondition', {
  type: always(1, string()),
  status: always(2, oneOf('False', 'True', 'Unknown')),
  lastUpdateTime: always(6, time()),
  lastTransitionTime: always(7, time()),
  reason: optional(4, string()),
  message: optional(5, string()),
})
export interface DeploymentCondition extends TypeOf<typeof deploymentCondition> {}
export const DeploymentCondition: Schema<DeploymentCondition> = deploymentCondition

const deploymentStatus = object('io.k8s.api.apps.v1.DeploymentStatus', {
  observedGeneration: optional(1, int64()),
  replicas: optional(2, int32()),
  updatedReplicas: optional(3, int32()),
  readyReplicas: optional(7, int32()),
  availableReplicas: optional(4, int32()),
  unavailableReplicas: optional(5, int32()),
  terminatingReplicas: pointer(9, int32()),
  conditions: optional(6, list(DeploymentCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' })),
  collisionCount: pointer(8, int32()),
})
export interface DeploymentStatus extends TypeOf<typeof deploymentStatus> {}
export const DeploymentStatus: Schema<DeploymentStatus> = deploymentStatus

const kind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.apps.v1.Deployment',
  shortNames: ['deploy'],
  categories: ['all'],
  status: true,
  fields: {
    spec: always(2, DeploymentSpec),
    status: always(3, DeploymentStatus),
  },
})

export interface Deployment extends ObjectOf<typeof kind> {}
export const Deployment: Kind<'Deployment', Deployment> = kind

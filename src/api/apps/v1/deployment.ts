/** Deployment: identical pods, rolled from one template to the next. */

import { validateDeploymentSpec, validateDeploymentStatus } from '#api/apps/v1/deployment-validation.ts'
import { defaultPodTemplate } from '#api/core/v1/pod-defaults.ts'
import { dropGatedFields } from '#api/core/v1/pod-gates.ts'
import { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { workloadWarnings } from '#api/core/v1/pod-warnings.ts'
import { templateColumns } from '#api/core/v1/template-columns.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { labelSelectorText } from '#schema/selector.ts'
import {
  always,
  boolean,
  int32,
  int64,
  intOrString,
  known,
  list,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
  time,
} from '#schema/words.ts'

const rollingUpdateDeployment = object('io.k8s.api.apps.v1.RollingUpdateDeployment', {
  maxUnavailable: pointer(1, intOrString(), { doc: 'How many pods may be missing, as a number or a percentage.' }),
  maxSurge: pointer(2, intOrString(), { doc: 'How many pods there may be too many.' }),
})
export interface RollingUpdateDeployment extends TypeOf<typeof rollingUpdateDeployment> {}
export const RollingUpdateDeployment: Schema<RollingUpdateDeployment> = rollingUpdateDeployment

const deploymentStrategy = object('io.k8s.api.apps.v1.DeploymentStrategy', {
  type: optional(1, known('Recreate', 'RollingUpdate'), {
    default: 'RollingUpdate',
    doc: 'RollingUpdate, or Recreate, which ends all pods first.',
  }),
  rollingUpdate: pointer(2, RollingUpdateDeployment, { doc: 'How far a rolling update may go at a time.' }),
})
export interface DeploymentStrategy extends TypeOf<typeof deploymentStrategy> {}
export const DeploymentStrategy: Schema<DeploymentStrategy> = deploymentStrategy

const deploymentSpec = object('io.k8s.api.apps.v1.DeploymentSpec', {
  replicas: pointer(1, int32(), { default: 1, doc: 'Number of pods that are wanted.' }),
  selector: pointer(2, LabelSelector, { isRequired: true, doc: 'Labels of its pods; cannot be changed.' }),
  template: always(3, PodTemplateSpec, { isRequired: true, doc: 'What new pods are made from.' }),
  strategy: always(4, DeploymentStrategy, { retainKeys: true, doc: 'How old pods are replaced by new ones.' }),
  minReadySeconds: optional(5, int32(), { doc: 'Seconds that a pod must be ready to count as available.' }),
  revisionHistoryLimit: pointer(6, int32(), { default: 10, doc: 'Number of old replica sets to keep for a rollback.' }),
  paused: optional(7, boolean(), { doc: 'A paused deployment starts no rollout.' }),
  progressDeadlineSeconds: pointer(9, int32(), {
    default: 600,
    doc: 'Seconds without progress after which a rollout counts as failed.',
  }),
})
export interface DeploymentSpec extends TypeOf<typeof deploymentSpec> {}
export const DeploymentSpec: Schema<DeploymentSpec> = deploymentSpec

const deploymentCondition = object('io.k8s.api.apps.v1.DeploymentCondition', {
  type: always(1, string()),
  status: always(2, known('False', 'True', 'Unknown')),
  lastUpdateTime: always(6, time()),
  lastTransitionTime: always(7, time()),
  reason: optional(4, string()),
  message: optional(5, string()),
})
export interface DeploymentCondition extends TypeOf<typeof deploymentCondition> {}
export const DeploymentCondition: Schema<DeploymentCondition> = deploymentCondition

const deploymentStatus = object('io.k8s.api.apps.v1.DeploymentStatus', {
  observedGeneration: optional(1, int64(), { doc: 'Generation of the spec that the status was computed from.' }),
  replicas: optional(2, int32(), { doc: 'Pods that there are.' }),
  updatedReplicas: optional(3, int32(), { doc: 'Pods of the newest template.' }),
  readyReplicas: optional(7, int32(), { doc: 'Pods that are ready.' }),
  availableReplicas: optional(4, int32(), { doc: 'Pods that have been ready for long enough.' }),
  unavailableReplicas: optional(5, int32(), { doc: 'Pods that are missing.' }),
  terminatingReplicas: pointer(9, int32(), { doc: 'Pods that are ending.' }),
  conditions: optional(6, list(DeploymentCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'Aspects of the deployment that hold or do not.',
  }),
  collisionCount: pointer(8, int32(), { doc: 'How often the name of a new replica set was taken.' }),
})
export interface DeploymentStatus extends TypeOf<typeof deploymentStatus> {}
export const DeploymentStatus: Schema<DeploymentStatus> = deploymentStatus

const kind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  scope: 'Namespaced',
  doc: 'A deployment runs a set of identical pods and rolls them from one template to the next.',
  schemaName: 'io.k8s.api.apps.v1.Deployment',
  shortNames: ['deploy'],
  categories: ['all'],
  status: true,
  fields: {
    spec: always(2, DeploymentSpec, { doc: 'What is wanted.' }),
    status: always(3, DeploymentStatus, { doc: 'What was observed; written by the system.' }),
  },
  defaults({ spec: { template, strategy } }) {
    defaultPodTemplate(template)
    if (strategy.type !== 'RollingUpdate') return
    strategy.rollingUpdate = { maxUnavailable: '25%', maxSurge: '25%', ...strategy.rollingUpdate }
  },
  // Annotations are copied to the ReplicaSets.
  generationFrom: ['spec', 'metadata.annotations'],
  prepare(deployment, old) {
    deployment.status = old ? old.status : {}
    dropGatedFields(deployment.spec.template.spec, old?.spec.template.spec)
  },
  prepareStatus(deployment, old) {
    delete deployment.metadata.labels
    if (old.metadata.labels) deployment.metadata.labels = old.metadata.labels
  },
  immutable: ['spec.selector'],
  validate: ({ metadata, spec }, at) => [...validateFinalizers(metadata, at), ...validateDeploymentSpec(spec, at.child('spec'))],
  validateStatusUpdate: ({ status }, old, at) => validateDeploymentStatus(status, old.status, at.child('status')),
  warnings: (object, old) => workloadWarnings(object, old, true),
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  columns: [
    {
      name: 'Ready',
      doc: 'Pods that are ready, of those wanted.',
      value: ({ spec, status }) => `${status.readyReplicas ?? 0}/${spec.replicas}`,
    },
    { name: 'Up-to-date', doc: 'Pods made from the newest template.', value: ({ status }) => status.updatedReplicas ?? 0 },
    {
      name: 'Available',
      doc: 'Pods that have been ready for long enough.',
      value: ({ status }) => status.availableReplicas ?? 0,
    },
    age,
    ...templateColumns,
    {
      name: 'Selector',
      priority: 1,
      doc: 'Labels of the pods.',
      value: ({ spec }) => labelSelectorText(spec.selector ?? {}),
    },
  ],
})

export interface Deployment extends ObjectOf<typeof kind> {}
export const Deployment: Kind<'Deployment', Deployment> = kind

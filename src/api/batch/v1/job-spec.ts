/** JobSpec: pods that run to their end, and when they count as failed or as enough. */
import { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import {
  always,
  boolean,
  int32,
  int64,
  known,
  list,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const podFailurePolicyOnExitCodesRequirement = object('io.k8s.api.batch.v1.PodFailurePolicyOnExitCodesRequirement', {
  containerName: pointer(1, string()),
  operator: always(2, known('In', 'NotIn')),
  values: always(3, list(int32(), { listType: 'set' })),
})
export interface PodFailurePolicyOnExitCodesRequirement extends TypeOf<typeof podFailurePolicyOnExitCodesRequirement> {}
export const PodFailurePolicyOnExitCodesRequirement: Schema<PodFailurePolicyOnExitCodesRequirement> =
  podFailurePolicyOnExitCodesRequirement

const podFailurePolicyOnPodConditionsPattern = object('io.k8s.api.batch.v1.PodFailurePolicyOnPodConditionsPattern', {
  type: always(1, string()),
  status: always(2, string(), { isRequired: false }),
})
export interface PodFailurePolicyOnPodConditionsPattern extends TypeOf<typeof podFailurePolicyOnPodConditionsPattern> {}
export const PodFailurePolicyOnPodConditionsPattern: Schema<PodFailurePolicyOnPodConditionsPattern> =
  podFailurePolicyOnPodConditionsPattern

const podFailurePolicyRule = object('io.k8s.api.batch.v1.PodFailurePolicyRule', {
  action: always(1, known('Count', 'FailIndex', 'FailJob', 'Ignore')),
  onExitCodes: pointer(2, PodFailurePolicyOnExitCodesRequirement),
  onPodConditions: optional(3, list(PodFailurePolicyOnPodConditionsPattern, { listType: 'atomic' })),
})
export interface PodFailurePolicyRule extends TypeOf<typeof podFailurePolicyRule> {}
export const PodFailurePolicyRule: Schema<PodFailurePolicyRule> = podFailurePolicyRule

const podFailurePolicy = object('io.k8s.api.batch.v1.PodFailurePolicy', {
  rules: always(1, list(PodFailurePolicyRule, { listType: 'atomic' }), { nullWhenEmpty: true }),
})
export interface PodFailurePolicy extends TypeOf<typeof podFailurePolicy> {}
export const PodFailurePolicy: Schema<PodFailurePolicy> = podFailurePolicy

const successPolicyRule = object('io.k8s.api.batch.v1.SuccessPolicyRule', {
  succeededIndexes: pointer(1, string()),
  succeededCount: pointer(2, int32()),
})
export interface SuccessPolicyRule extends TypeOf<typeof successPolicyRule> {}
export const SuccessPolicyRule: Schema<SuccessPolicyRule> = successPolicyRule

const successPolicy = object('io.k8s.api.batch.v1.SuccessPolicy', {
  rules: always(1, list(SuccessPolicyRule, { listType: 'atomic' })),
})
export interface SuccessPolicy extends TypeOf<typeof successPolicy> {}
export const SuccessPolicy: Schema<SuccessPolicy> = successPolicy

const jobSpec = object('io.k8s.api.batch.v1.JobSpec', {
  parallelism: pointer(1, int32()),
  completions: pointer(2, int32()),
  activeDeadlineSeconds: pointer(3, int64()),
  podFailurePolicy: pointer(11, PodFailurePolicy),
  successPolicy: pointer(16, SuccessPolicy),
  backoffLimit: pointer(7, int32()),
  backoffLimitPerIndex: pointer(12, int32()),
  maxFailedIndexes: pointer(13, int32()),
  selector: pointer(4, LabelSelector),
  manualSelector: pointer(5, boolean()),
  template: always(6, PodTemplateSpec, { isRequired: true }),
  ttlSecondsAfterFinished: pointer(8, int32()),
  completionMode: pointer(9, known('Indexed', 'NonIndexed')),
  suspend: pointer(10, boolean()),
  podReplacementPolicy: pointer(14, known('Failed', 'TerminatingOrFailed')),
  managedBy: pointer(15, string()),
})
export interface JobSpec extends TypeOf<typeof jobSpec> {}
export const JobSpec: Schema<JobSpec> = jobSpec

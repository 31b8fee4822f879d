/** Rules for autoscalers of both versions (upstream `ValidateHorizontalPodAutoscaler`). */
import type {
  AutoscalerParts,
  HorizontalPodAutoscalerSpec,
  HorizontalPodAutoscalerStatus,
  HPAScalingPolicy,
  HPAScalingRules,
} from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import { referenceErrors, versionProblem } from '#api/autoscaling/v2/metric-reference.ts'
import { validateMetrics } from '#api/autoscaling/v2/metric-validation.ts'
import { nonNegative } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { compareQuantity } from '#schema/quantity.ts'

export function validateAutoscaler({ metadata, spec }: AutoscalerParts, at: Path): FieldError[] {
  return [...validateFinalizers(metadata, at), ...specErrors(spec, undefined, at.child('spec'))]
}

export function validateAutoscalerUpdate({ metadata, spec }: AutoscalerParts, old: AutoscalerParts, at: Path): FieldError[] {
  return [...validateFinalizers(metadata, at), ...specErrors(spec, old.spec, at.child('spec'))]
}

/** What an older server let in, an update bears. */
function specErrors(spec: HorizontalPodAutoscalerSpec, old: HorizontalPodAutoscalerSpec | undefined, at: Path): FieldError[] {
  const { minReplicas, maxReplicas, scaleTargetRef, metrics = [], behavior } = spec
  const least = old?.minReplicas === 0 ? 0 : 1
  // The only kind of the core group that can be scaled.
  const isGrouped = scaleTargetRef.kind !== 'ReplicationController'
  const wasWrong = old !== undefined && versionProblem(old.scaleTargetRef, isGrouped) !== undefined
  const maxAt = at.child('maxReplicas')
  return [
    ...(minReplicas < least ? [at.child('minReplicas').invalid(minReplicas, `must be greater than or equal to ${least}`)] : []),
    ...(maxReplicas < 1 ? [maxAt.invalid(maxReplicas, 'must be greater than 0')] : []),
    ...(maxReplicas < minReplicas ? [maxAt.invalid(maxReplicas, 'must be greater than or equal to `minReplicas`')] : []),
    ...referenceErrors(scaleTargetRef, at.child('scaleTargetRef'), { isGrouped, allowsAny: wasWrong }),
    ...validateMetrics(metrics, minReplicas, at.child('metrics')),
    ...(behavior?.scaleUp ? ruleErrors(behavior.scaleUp, at.child('behavior', 'scaleUp')) : []),
    ...(behavior?.scaleDown ? ruleErrors(behavior.scaleDown, at.child('behavior', 'scaleDown')) : []),
  ]
}

const longestWindow = 3600
const longestPeriod = 1800

function ruleErrors(
  { stabilizationWindowSeconds, selectPolicy, policies = [], tolerance }: HPAScalingRules,
  at: Path,
): FieldError[] {
  const windowAt = at.child('stabilizationWindowSeconds')
  const window = stabilizationWindowSeconds ?? 0
  const choices = ['Disabled', 'Max', 'Min']
  const isChosen = selectPolicy === undefined || choices.includes(selectPolicy)
  const here = at.child('policies')
  const isNegative = tolerance !== undefined && compareQuantity(tolerance, '0') < 0
  return [
    ...(window < 0 ? [windowAt.invalid(window, 'must be greater than or equal to zero')] : []),
    ...(window > longestWindow ? [windowAt.invalid(window, `must be less than or equal to ${longestWindow}`)] : []),
    ...(isChosen ? [] : [at.child('selectPolicy').notSupported(selectPolicy, choices)]),
    ...(policies.length === 0 ? [here.required('must specify at least one Policy')] : []),
    ...policies.flatMap((policy, index) => policyErrors(policy, here.index(index))),
    ...(isNegative ? [at.child('tolerance').invalid(tolerance, 'must be greater than or equal to 0')] : []),
  ]
}

function policyErrors({ type, value, periodSeconds }: HPAScalingPolicy, at: Path): FieldError[] {
  const here = at.child('periodSeconds')
  return [
    ...(type === 'Pods' || type === 'Percent' ? [] : [at.child('type').notSupported(type, ['Percent', 'Pods'])]),
    ...(value <= 0 ? [at.child('value').invalid(value, 'must be greater than zero')] : []),
    ...(periodSeconds <= 0 ? [here.invalid(periodSeconds, 'must be greater than zero')] : []),
    ...(periodSeconds > longestPeriod ? [here.invalid(periodSeconds, `must be less than or equal to ${longestPeriod}`)] : []),
  ]
}

export function validateAutoscalerStatus(
  { currentReplicas, desiredReplicas }: HorizontalPodAutoscalerStatus,
  at: Path,
): FieldError[] {
  return [
    ...nonNegative(currentReplicas, at.child('currentReplicas')),
    ...nonNegative(desiredReplicas, at.child('desiredReplicas')),
  ]
}

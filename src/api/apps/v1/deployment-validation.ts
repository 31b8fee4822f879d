/** Rules for Deployments (upstream `ValidateDeploymentSpec`, `ValidateDeploymentStatus`). */
import type { DeploymentSpec, DeploymentStatus, DeploymentStrategy, RollingUpdateDeployment } from '#api/apps/v1/deployment.ts'
import { validateWorkload } from '#api/apps/v1/workload.ts'
import { nonNegative } from '#api/core/v1/validation/checks.ts'
import { validateCounts } from '#api/core/v1/validation/pod-template.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isValidPercent } from '#schema/formats.ts'

export function validateDeploymentSpec(spec: DeploymentSpec, at: Path): FieldError[] {
  const { minReadySeconds = 0, progressDeadlineSeconds } = spec
  const deadline = at.child('progressDeadlineSeconds')
  return [
    ...nonNegative(spec.replicas, at.child('replicas')),
    ...validateWorkload(spec, at),
    ...strategyErrors(spec.strategy, at.child('strategy')),
    ...nonNegative(minReadySeconds, at.child('minReadySeconds')),
    ...nonNegative(spec.revisionHistoryLimit, at.child('revisionHistoryLimit')),
    ...nonNegative(progressDeadlineSeconds, deadline),
    ...(progressDeadlineSeconds <= minReadySeconds
      ? [deadline.invalid(progressDeadlineSeconds, 'must be greater than minReadySeconds')]
      : []),
  ]
}

function strategyErrors({ type, rollingUpdate }: DeploymentStrategy, at: Path): FieldError[] {
  const here = at.child('rollingUpdate')
  switch (type) {
    case 'Recreate':
      return rollingUpdate ? [here.forbidden("may not be specified when strategy `type` is 'Recreate'")] : []
    case 'RollingUpdate':
      return rollingUpdate ? rollingErrors(rollingUpdate, here) : [here.required('this should be defaulted and never be nil')]
    default: {
      const shown = rollingUpdate && { MaxUnavailable: rollingUpdate.maxUnavailable ?? 0, MaxSurge: rollingUpdate.maxSurge ?? 0 }
      return [at.notSupported({ Type: type, RollingUpdate: shown ?? null }, ['Recreate', 'RollingUpdate'])]
    }
  }
}

function rollingErrors({ maxUnavailable = 0, maxSurge = 0 }: RollingUpdateDeployment, at: Path): FieldError[] {
  const here = at.child('maxUnavailable')
  const errors = [...amountErrors(maxUnavailable, here), ...amountErrors(maxSurge, at.child('maxSurge'))]
  if (amountOf(maxUnavailable) === 0 && amountOf(maxSurge) === 0) {
    errors.push(here.invalid(maxUnavailable, 'may not be 0 when `maxSurge` is 0'))
  }
  const percent = percentOf(maxUnavailable)
  if (percent !== undefined && percent > 100) errors.push(here.invalid(maxUnavailable, 'must not be greater than 100%'))
  return errors
}

function amountErrors(value: number | string, at: Path): FieldError[] {
  if (typeof value === 'number') return nonNegative(value, at)
  return isValidPercent(value).map((message) => at.invalid(value, message))
}

function percentOf(value: number | string): number | undefined {
  return typeof value === 'string' && isValidPercent(value).length === 0 ? Number(value.slice(0, -1)) : undefined
}

/** Text that is no percentage counts as the number it spells, or 0. */
function amountOf(value: number | string): number {
  return percentOf(value) ?? (/^-?\d+$/.test(String(value)) ? Number(value) : 0)
}

const counts = [
  'observedGeneration',
  'replicas',
  'updatedReplicas',
  'readyReplicas',
  'availableReplicas',
  'unavailableReplicas',
  'terminatingReplicas',
  'collisionCount',
]

export function validateDeploymentStatus(status: DeploymentStatus, old: DeploymentStatus, at: Path): FieldError[] {
  const errors = validateCounts(status, at, counts)
  const { collisionCount } = status
  if (old.collisionCount !== undefined && (collisionCount === undefined || collisionCount < old.collisionCount)) {
    errors.push(at.child('collisionCount').invalid(collisionCount ?? 0, 'cannot be decremented'))
  }
  return errors
}

/** Rules for Deployments (upstream `ValidateDeploymentSpec`, `ValidateDeploymentStatus`). */
import { amountErrors, amountOf, over100Errors } from '#api/apps/v1/amount.ts'
import type { DeploymentSpec, DeploymentStatus, DeploymentStrategy, RollingUpdateDeployment } from '#api/apps/v1/deployment.ts'
import { collisionErrors, validateWorkload } from '#api/apps/v1/workload.ts'
import { nonNegative } from '#api/core/v1/validation/checks.ts'
import { validateCounts } from '#api/core/v1/validation/pod-template.ts'
import type { FieldError, Path } from '#schema/field-error.ts'

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
  return [...errors, ...over100Errors(maxUnavailable, here)]
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
  return [...validateCounts(status, at, counts), ...collisionErrors(status, old, at)]
}

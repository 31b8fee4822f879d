/** Rules for DaemonSets (upstream `ValidateDaemonSetSpec`, `validateDaemonSetStatus`). */
import { amountErrors, amountOf, over100Errors } from '#api/apps/v1/amount.ts'
import type { DaemonSetSpec, DaemonSetStatus, DaemonSetUpdateStrategy, RollingUpdateDaemonSet } from '#api/apps/v1/daemon-set.ts'
import { collisionErrors, isBroken } from '#api/apps/v1/workload.ts'
import { nonNegative } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { validateOwnedTemplate } from '#api/core/v1/validation/pod-template.ts'
import { selects } from '#api/meta/v1/label-selector.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import type { ObjectMeta } from '#schema/object-meta.ts'
import { validateLabelSelector } from '#schema/validate.ts'

export function validateDaemonSet(metadata: ObjectMeta, spec: DaemonSetSpec, at: Path): FieldError[] {
  const here = at.child('spec')
  const { selector, template } = spec
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {}
  const isEmpty = selector !== undefined && Object.keys(matchLabels).length + matchExpressions.length === 0
  const fits = matchExpressions.some(isBroken) || selects(selector, template.metadata.labels)
  const [mismatch, rest] = split(
    validateOwnedTemplate(template, here.child('template'), { kind: 'DaemonSet', selects: fits }),
    fits,
  )
  return [
    ...validateFinalizers(metadata, at),
    ...validateLabelSelector(selector, here.child('selector')),
    ...mismatch,
    ...(isEmpty ? [here.child('selector').invalid(selector, 'empty selector is invalid for daemonset')] : []),
    ...rest,
    ...nonNegative(spec.minReadySeconds, here.child('minReadySeconds')),
    ...strategyErrors(spec.updateStrategy, here.child('updateStrategy')),
    ...nonNegative(spec.revisionHistoryLimit, here.child('revisionHistoryLimit')),
  ]
}

/** The first error is that of the labels, if they do not fit. */
function split(errors: FieldError[], fits: boolean): [FieldError[], FieldError[]] {
  const count = fits ? 0 : 1
  return [errors.slice(0, count), errors.slice(count)]
}

function strategyErrors({ type, rollingUpdate }: DaemonSetUpdateStrategy, at: Path): FieldError[] {
  const here = at.child('rollingUpdate')
  switch (type) {
    case 'OnDelete':
      return []
    case 'RollingUpdate':
      return rollingUpdate ? rollingErrors(rollingUpdate, here) : [here.required()]
    default: {
      const shown = rollingUpdate && { MaxUnavailable: rollingUpdate.maxUnavailable ?? 0, MaxSurge: rollingUpdate.maxSurge ?? 0 }
      return [at.notSupported({ Type: type, RollingUpdate: shown ?? null }, ['RollingUpdate', 'OnDelete'])]
    }
  }
}

function rollingErrors({ maxUnavailable = 0, maxSurge = 0 }: RollingUpdateDaemonSet, at: Path): FieldError[] {
  const [unavailableAt, surgeAt] = [at.child('maxUnavailable'), at.child('maxSurge')]
  const errors = [
    ...amountErrors(maxUnavailable, unavailableAt),
    ...amountErrors(maxSurge, surgeAt),
    ...over100Errors(maxUnavailable, unavailableAt),
    ...over100Errors(maxSurge, surgeAt),
  ]
  const [hasUnavailable, hasSurge] = [amountOf(maxUnavailable) !== 0, amountOf(maxSurge) !== 0]
  if (hasUnavailable && hasSurge) errors.push(surgeAt.invalid(maxSurge, 'may not be set when maxUnavailable is non-zero'))
  if (!hasUnavailable && !hasSurge) errors.push(unavailableAt.required('cannot be 0 when maxSurge is 0'))
  return errors
}

const counts = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
] as const

export function validateDaemonSetStatus(status: DaemonSetStatus, old: DaemonSetStatus, at: Path): FieldError[] {
  return [
    ...counts.flatMap((name) => nonNegative(status[name] as number | undefined, at.child(name))),
    ...collisionErrors(status, old, at),
  ]
}

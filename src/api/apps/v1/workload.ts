/** Rules that workloads share: above all, the selector must take the template's pods. */
import type { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { validateOwnedTemplate } from '#api/core/v1/validation/pod-template.ts'
import { type LabelSelector, selects } from '#api/meta/v1/label-selector.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { validateLabelSelector } from '#schema/validate.ts'

interface WorkloadSpec {
  selector?: LabelSelector | undefined
  template: PodTemplateSpec
}

export function validateWorkload({ selector, template }: WorkloadSpec, at: Path): FieldError[] {
  const here = at.child('selector')
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {}
  const size = Object.keys(matchLabels).length + matchExpressions.length
  const errors = selector ? validateLabelSelector(selector, here) : [here.required()]
  // The message says deployment for ReplicaSets too.
  if (selector && size === 0) errors.push(here.invalid(selector, 'empty selector is invalid for deployment'))
  if (matchExpressions.some(isBroken)) return [...errors, here.invalid(selector, 'invalid label selector')]
  // An absent selector selects nothing, not even this template.
  const fits = selector !== undefined && (size === 0 || selects(selector, template.metadata.labels))
  return [...errors, ...validateOwnedTemplate(template, at.child('template'), { kind: 'ReplicaSet', selects: fits })]
}

/** Rules that upstream cannot make a selector of. */
export function isBroken({ operator, values = [] }: { operator: string; values?: readonly string[] | undefined }): boolean {
  if (operator === 'In' || operator === 'NotIn') return values.length === 0
  return (operator !== 'Exists' && operator !== 'DoesNotExist') || values.length > 0
}

interface Collisions {
  collisionCount?: number | undefined
}

/** The count makes names of revisions; were it to fall, one would come up a second time. */
export function collisionErrors({ collisionCount }: Collisions, old: Collisions, at: Path): FieldError[] {
  if (old.collisionCount === undefined || (collisionCount !== undefined && collisionCount >= old.collisionCount)) return []
  return [at.child('collisionCount').invalid(collisionCount ?? 0, 'cannot be decremented')]
}

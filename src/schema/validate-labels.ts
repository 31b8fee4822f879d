/** Rules for labels, annotations, label selectors and conditions (`pkg/apis/meta/v1/validation`). */
import type { FieldError, Path } from './field-error.ts'
import { isConditionReason, isQualifiedName, isValidLabelValue } from './formats.ts'

type Labels = Readonly<Record<string, string>>

export function validateLabelName(name: string, at: Path): FieldError[] {
  return isQualifiedName(name).map((problem) => at.invalid(name, problem))
}

export function validateLabels(labels: Labels | undefined, at: Path): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([name, value]) => [
    ...validateLabelName(name, at),
    ...isValidLabelValue(value).map((problem) => at.invalid(value, problem)),
  ])
}

/** Upstream's limit for all annotations of an object together: 256 KiB. */
export const maxAnnotationBytes = 256 * 1024

export function validateAnnotations(annotations: Labels | undefined, at: Path): FieldError[] {
  const errors: FieldError[] = []
  let size = 0
  for (const [name, value] of Object.entries(annotations ?? {})) {
    size += Buffer.byteLength(name) + Buffer.byteLength(value)
    for (const problem of isQualifiedName(name.toLowerCase())) errors.push(at.invalid(name, problem))
  }
  if (size > maxAnnotationBytes) errors.push(at.tooLong(maxAnnotationBytes))
  return errors
}

/** The shape of `metav1.LabelSelector`. */
export interface LabelSelectorLike {
  readonly matchLabels?: Labels | undefined
  readonly matchExpressions?: readonly LabelRequirementLike[] | undefined
}

interface LabelRequirementLike {
  readonly key: string
  readonly operator: string
  readonly values?: readonly string[] | undefined
}

interface SelectorOptions {
  /** For updates of objects that were stored with such a value. */
  readonly allowInvalidValues?: boolean
  /** Where a wider check follows, as in access reviews. */
  readonly allowUnknownOperators?: boolean
}

export function validateLabelSelector(
  selector: LabelSelectorLike | undefined,
  at: Path,
  options: SelectorOptions = {},
): FieldError[] {
  const rules = (selector?.matchExpressions ?? []).flatMap((rule, i) =>
    requirementErrors(rule, at.child('matchExpressions').index(i), options),
  )
  return [...validateLabels(selector?.matchLabels, at.child('matchLabels')), ...rules]
}

function requirementErrors(rule: LabelRequirementLike, at: Path, options: SelectorOptions): FieldError[] {
  const errors: FieldError[] = []
  const values = rule.values ?? []
  const valuesAt = at.child('values')
  switch (rule.operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) errors.push(valuesAt.required("must be specified when `operator` is 'In' or 'NotIn'"))
      break
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        errors.push(valuesAt.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
      }
      break
    default:
      if (!options.allowUnknownOperators) {
        errors.push(at.child('operator').invalid(rule.operator, 'not a valid selector operator'))
      }
  }
  errors.push(...validateLabelName(rule.key, at.child('key')))
  if (!options.allowInvalidValues) {
    for (const [i, value] of values.entries()) {
      for (const problem of isValidLabelValue(value)) errors.push(valuesAt.index(i).invalid(value, problem))
    }
  }
  return errors
}

interface ConditionLike {
  readonly type: string
  readonly status: string
  readonly observedGeneration?: number | undefined
  readonly lastTransitionTime: string
  readonly reason: string
  readonly message: string
}

const conditionStatuses = ['False', 'True', 'Unknown']
const maxReason = 1024
const maxMessage = 32 * 1024

/** Rules for lists of `metav1.Condition`. */
export function validateConditions(conditions: readonly ConditionLike[] | undefined, at: Path): FieldError[] {
  const seen = new Set<string>()
  return (conditions ?? []).flatMap((condition, i) => {
    const here = at.index(i)
    const isRepeated = seen.has(condition.type)
    seen.add(condition.type)
    return [...(isRepeated ? [here.child('type').duplicate(condition.type)] : []), ...conditionErrors(condition, here)]
  })
}

function conditionErrors(condition: ConditionLike, at: Path): FieldError[] {
  const { type, status, observedGeneration = 0, lastTransitionTime, reason, message } = condition
  const errors = validateLabelName(type, at.child('type'))
  if (!conditionStatuses.includes(status)) errors.push(at.child('status').notSupported(status, conditionStatuses))
  if (observedGeneration < 0) {
    errors.push(at.child('observedGeneration').invalid(observedGeneration, 'must be greater than or equal to zero'))
  }
  if (!lastTransitionTime) errors.push(at.child('lastTransitionTime').required())
  if (reason === '') errors.push(at.child('reason').required())
  else {
    for (const problem of isConditionReason(reason)) errors.push(at.child('reason').invalid(reason, problem))
    if (Buffer.byteLength(reason) > maxReason) errors.push(at.child('reason').tooLong(maxReason))
  }
  if (Buffer.byteLength(message) > maxMessage) errors.push(at.child('message').tooLong(maxMessage))
  return errors
}

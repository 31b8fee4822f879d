/** Rules for what a job does about failed pods (upstream `validatePodFailurePolicy`). */
import type {
  JobSpec,
  PodFailurePolicy,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
} from '#api/batch/v1/job-spec.ts'
import { formatted } from '#api/core/v1/validation/checks.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isQualifiedName } from '#schema/formats.ts'

export function failurePolicyErrors(spec: JobSpec, { rules }: PodFailurePolicy, at: Path): FieldError[] {
  const here = at.child('rules')
  return [
    ...(rules.length > 20 ? [here.tooMany(rules.length, 20)] : []),
    ...rules.flatMap((rule, index) => ruleErrors(spec, rule, here.index(index))),
  ]
}

function ruleErrors(spec: JobSpec, { action, onExitCodes, onPodConditions = [] }: PodFailurePolicyRule, at: Path): FieldError[] {
  const here = at.child('action')
  const errors: FieldError[] = []
  if (action === 'FailIndex') {
    if (spec.backoffLimitPerIndex === undefined) {
      errors.push(here.invalid(action, 'requires the backoffLimitPerIndex to be set'))
    }
  } else errors.push(...choiceErrors(action, ['Count', 'FailIndex', 'FailJob', 'Ignore'], here))
  if (onExitCodes) errors.push(...exitCodeErrors(spec, onExitCodes, at.child('onExitCodes')))
  errors.push(...conditionErrors(onPodConditions, at.child('onPodConditions')))
  const hasConditions = onPodConditions.length > 0
  if (onExitCodes && hasConditions) errors.push(omitted(at, 'specifying both OnExitCodes and OnPodConditions is not supported'))
  if (!onExitCodes && !hasConditions) {
    errors.push(omitted(at, 'specifying one of OnExitCodes and OnPodConditions is required'))
  }
  return errors
}

/** An error that does not show the value. */
export function omitted(at: Path, message: string): FieldError {
  return { ...at.invalid('', message), body: `Invalid value: ${message}` }
}

/** Upstream shows Go's rendering of the list where nothing was chosen. */
function choiceErrors(value: string, supported: readonly string[], at: Path): FieldError[] {
  if (!value) return [at.required(`valid values: [${supported.map((choice) => JSON.stringify(choice)).join(' ')}]`)]
  return supported.includes(value) ? [] : [at.notSupported(value, supported)]
}

function conditionErrors(patterns: readonly PodFailurePolicyOnPodConditionsPattern[], at: Path): FieldError[] {
  return [
    ...(patterns.length > 20 ? [at.tooMany(patterns.length, 20)] : []),
    ...patterns.flatMap(({ type, status }, index) => [
      ...formatted(isQualifiedName, type, at.index(index).child('type')),
      ...choiceErrors(status, ['False', 'True', 'Unknown'], at.index(index).child('status')),
    ]),
  ]
}

function exitCodeErrors(
  { template }: JobSpec,
  { operator, containerName, values }: PodFailurePolicyOnExitCodesRequirement,
  at: Path,
): FieldError[] {
  const errors = choiceErrors(operator, ['In', 'NotIn'], at.child('operator'))
  const names = [...template.spec.containers, ...(template.spec.initContainers ?? [])].map(({ name }) => name)
  if (containerName !== undefined && !names.includes(containerName)) {
    const message = 'must be one of the container or initContainer names in the pod template'
    errors.push(at.child('containerName').invalid(containerName, message))
  }
  const here = at.child('values')
  if (values.length === 0) errors.push(here.invalid(values, 'at least one value is required'))
  else if (values.length > 255) errors.push(here.tooMany(values.length, 255))
  for (const [index, value] of values.entries()) {
    if (operator === 'In' && value === 0) errors.push(here.index(index).invalid(value, 'must not be 0 for the In operator'))
    if (values.indexOf(value) < index) errors.push(here.index(index).duplicate(value))
  }
  const isOrdered = values.every((value, index) => index === 0 || values[index - 1]! <= value)
  return isOrdered ? errors : [...errors, here.invalid(values, 'must be ordered')]
}

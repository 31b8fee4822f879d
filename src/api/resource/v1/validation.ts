/** Rules that the kinds of dynamic resource allocation share (upstream `resource/validation`). */

import { expressionErrors } from '#api/admissionregistration/v1/expressions.ts'
import { dnsLabel, dnsSubdomain } from '#api/core/v1/validation/checks.ts'
import type {
  CELDeviceSelector,
  DeviceConfiguration,
  DeviceSelector,
  DeviceTaint,
  DeviceToleration,
} from '#api/resource/v1/device.ts'
import { validateDriverName } from '#api/storage/v1/validation.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isCIdentifier, isValidLabelValue } from '#schema/formats.ts'
import { validateLabelName } from '#schema/validate.ts'

const maxPoolName = 253
const maxIdentifier = 32

export function validatePoolName(name: string, at: Path): FieldError[] {
  if (name === '') return [at.required()]
  const errors = Buffer.byteLength(name) > maxPoolName ? [at.tooLong(maxPoolName)] : []
  return [...errors, ...name.split('/').flatMap((part) => dnsSubdomain(part, at))]
}

export const validateDeviceName = dnsLabel

export function validateQualifiedName(name: string, at: Path): FieldError[] {
  const parts = name.split('/')
  if (parts.length > 2) return [at.invalid(name, 'must not contain more than one slash')]
  if (parts.length === 1) return identifierErrors(name, at)
  const [domain, id] = parts as [string, string]
  return [
    ...(domain === '' ? [at.invalid('', 'the domain must not be empty')] : validateDriverName(domain, at)),
    ...(id === '' ? [at.invalid('', 'the name must not be empty')] : identifierErrors(id, at)),
  ]
}

export function validateFullyQualifiedName(name: string, at: Path): FieldError[] {
  const message = 'a fully qualified name must be a domain and a name separated by a slash'
  return [...validateQualifiedName(name, at), ...(name.includes('/') ? [] : [at.invalid(name, message)])]
}

function identifierErrors(id: string, at: Path): FieldError[] {
  const errors = Buffer.byteLength(id) > maxIdentifier ? [at.tooLong(maxIdentifier)] : []
  return [...errors, ...isCIdentifier(id).map((problem) => at.invalid(id, problem))]
}

type Check<T> = (item: T, at: Path) => FieldError[]

/** A list that is too long is not looked into. */
export function validateItems<T>(items: readonly T[], at: Path, { max, each }: { max: number; each: Check<T> }): FieldError[] {
  if (max >= 0 && items.length > max) return [at.tooMany(items.length, max)]
  return items.flatMap((item, index) => each(item, at.index(index)))
}

interface SetRules<T> {
  readonly max: number
  readonly each: Check<T>
  readonly key: (item: T) => unknown
}

/** The same, where no key may come twice. */
export function validateSet<T>(items: readonly T[], at: Path, { max, each, key }: SetRules<T>): FieldError[] {
  const errors = validateItems(items, at, { max, each })
  if (max >= 0 && items.length > max) return errors
  const seen = new Set<unknown>()
  for (const [index, item] of items.entries()) {
    const value = key(item)
    if (seen.has(value)) errors.push(at.index(index).duplicate(value))
    seen.add(value)
  }
  return errors
}

const maxSelectors = 32
const maxExpression = 10 * 1024

export function validateSelectors(selectors: readonly DeviceSelector[] = [], at: Path, isStored = false): FieldError[] {
  return validateItems(selectors, at, {
    max: maxSelectors,
    each: ({ cel }, here) => (cel ? celErrors(cel, here.child('cel', 'expression'), isStored) : [here.child('cel').required()]),
  })
}

function celErrors({ expression }: CELDeviceSelector, at: Path, isStored: boolean): FieldError[] {
  if (isStored) return []
  if (Buffer.byteLength(expression) > maxExpression) return [at.tooLong(maxExpression)]
  return expressionErrors(expression, { as: 'deviceSelector', hasParams: false, variables: [] }, at)
}

const maxParameters = 10 * 1024

export function validateConfiguration({ opaque }: DeviceConfiguration, at: Path, isStored = false): FieldError[] {
  const here = at.child('opaque')
  if (!opaque) return [here.required()]
  return [
    ...validateDriverName(opaque.driver, here.child('driver')),
    ...rawErrors(opaque.parameters, here.child('parameters'), isStored ? Number.POSITIVE_INFINITY : maxParameters),
  ]
}

export function rawErrors(value: unknown, at: Path, max: number): FieldError[] {
  if (value === undefined || value === null) return [at.required()]
  if (Buffer.byteLength(JSON.stringify(value)) > max) return [at.tooLong(max)]
  const isObject = typeof value === 'object' && !Array.isArray(value)
  return isObject ? [] : [at.invalid('<value omitted>', 'must be a valid JSON object')]
}

const effects = ['NoExecute', 'NoSchedule', 'None']

export function validateDeviceTaint({ key, value = '', effect }: DeviceTaint, at: Path, oldEffect?: string): FieldError[] {
  const here = at.child('effect')
  const errors = [...validateLabelName(key, at.child('key')), ...(value ? labelValueErrors(value, at.child('value')) : [])]
  if (oldEffect === effect) return errors
  if ((effect as string) === '') return [...errors, here.required()]
  return effects.includes(effect) ? errors : [...errors, here.notSupported(effect, effects)]
}

function labelValueErrors(value: string, at: Path): FieldError[] {
  return isValidLabelValue(value).map((problem) => at.invalid(value, problem))
}

export function validateDeviceToleration({ key, operator, value = '', effect }: DeviceToleration, at: Path): FieldError[] {
  return [
    ...(key ? validateLabelName(key, at.child('key')) : []),
    ...operatorErrors(operator, value, at),
    ...(effect && !effects.includes(effect) ? [at.child('effect').notSupported(effect, effects)] : []),
  ]
}

function operatorErrors(operator: string | undefined, value: string, at: Path): FieldError[] {
  const here = at.child('operator')
  if (!operator) return [here.required()]
  if (operator === 'Exists') return value ? [at.child('value').invalid(value, 'must be empty for operator `Exists`')] : []
  return operator === 'Equal' ? labelValueErrors(value, at.child('value')) : [here.notSupported(operator, ['Equal', 'Exists'])]
}

const maxBindingConditions = 4

/** Conditions that a pod waits for before it is bound, and those that end the waiting (KEP-5007). */
export function validateBindingConditions(
  {
    bindingConditions: wanted = [],
    bindingFailureConditions: failures = [],
  }: { bindingConditions?: string[] | undefined; bindingFailureConditions?: string[] | undefined },
  at: Path,
): FieldError[] {
  const [wantedAt, failuresAt] = [at.child('bindingConditions'), at.child('bindingFailureConditions')]
  const errors = [
    ...validateItems(wanted, wantedAt, { max: maxBindingConditions, each: validateLabelName }),
    ...validateItems(failures, failuresAt, { max: maxBindingConditions, each: validateLabelName }),
  ]
  for (const [index, condition] of wanted.entries()) {
    if (wanted.indexOf(condition) < index) errors.push(wantedAt.index(index).duplicate(condition))
  }
  for (const [index, condition] of failures.entries()) {
    if (failures.indexOf(condition) < index) errors.push(failuresAt.index(index).duplicate(condition))
    if (wanted.includes(condition)) {
      errors.push(failuresAt.index(index).invalid(condition, 'bindingFailureConditions must not overlap with bindingConditions'))
    }
  }
  if (wanted.length === 0 && failures.length > 0) {
    errors.push(wantedAt.invalid(wanted, 'bindingConditions are required to use bindingFailureConditions'))
  }
  if (failures.length === 0 && wanted.length > 0) {
    errors.push(failuresAt.invalid(failures, 'bindingFailureConditions are required to use bindingConditions'))
  }
  return errors
}

/** Rules for LimitRanges (upstream `ValidateLimitRange`). */
import type { LimitRangeItem, LimitRangeSpec } from '#api/core/v1/limit-range.ts'
import { mayOvercommit } from '#api/core/v1/pod-resources.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isQualifiedName } from '#schema/formats.ts'
import type { ObjectMeta } from '#schema/object-meta.ts'
import { compareQuantity, milliValue } from '#schema/quantity.ts'
import { formatted } from './checks.ts'
import { validateFinalizers } from './metadata.ts'
import { containerResourceName, resourceName } from './resources.ts'

export function validateLimitRange(metadata: ObjectMeta, { limits }: LimitRangeSpec, at: Path): FieldError[] {
  const seen = new Set<string>()
  const errors = validateFinalizers(metadata, at)
  for (const [index, item] of limits.entries()) {
    const here = at.child('spec', 'limits').index(index)
    errors.push(...typeErrors(item.type, here.child('type')))
    if (seen.has(item.type)) errors.push(here.child('type').duplicate(item.type))
    seen.add(item.type)
    errors.push(...nameErrors(item, here))
    for (const name of namesOf(item)) errors.push(...boundErrors(name, item, here))
  }
  return errors
}

const standardTypes = ['Pod', 'Container', 'PersistentVolumeClaim']

function typeErrors(type: string, at: Path): FieldError[] {
  const errors = formatted(isQualifiedName, type, at)
  if (errors.length > 0 || type.includes('/') || standardTypes.includes(type)) return errors
  return [at.invalid(type, 'must be a standard limit type or fully qualified')]
}

const lists = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const

function nameErrors(item: LimitRangeItem, at: Path): FieldError[] {
  const rule = item.type === 'Pod' || item.type === 'Container' ? containerResourceName : resourceName
  return lists.flatMap((list) => {
    const here = at.child(list)
    const names = Object.keys(item[list] ?? {}).sort()
    const isDefault = list === 'default' || list === 'defaultRequest'
    if (item.type === 'Pod' && isDefault) {
      return names.length > 0 ? [here.forbidden("may not be specified when `type` is 'Pod'")] : []
    }
    const errors = names.flatMap((name) => rule(name, here.key(name)))
    const lacksStorage =
      list === 'defaultRequest' && item.type === 'PersistentVolumeClaim' && !item.min?.storage && !item.max?.storage
    const message = 'either minimum or maximum storage value is required, but neither was provided'
    return lacksStorage ? [...errors, at.child('limits').required(message)] : errors
  })
}

function namesOf(item: LimitRangeItem): string[] {
  const counted = item.type === 'Pod' ? (['max', 'min', 'maxLimitRequestRatio'] as const) : lists
  return [...new Set(counted.flatMap((list) => Object.keys(item[list] ?? {})))].sort()
}

function boundErrors(name: string, item: LimitRangeItem, at: Path): FieldError[] {
  const isPod = item.type === 'Pod'
  const [min, max, ratio] = [item.min?.[name], item.max?.[name], item.maxLimitRequestRatio?.[name]]
  const limit = isPod ? undefined : item.default?.[name]
  const request = isPod ? undefined : item.defaultRequest?.[name]
  const isOver = (a: string | undefined, b: string | undefined) => a !== undefined && b !== undefined && compareQuantity(a, b) > 0
  const here = (list: string) => at.child(list).key(name)
  const errors: FieldError[] = []
  if (isOver(min, max)) errors.push(here('min').invalid(min, `min value ${min} is greater than max value ${max}`))
  const requestAt = here('defaultRequest')
  if (isOver(min, request)) {
    errors.push(requestAt.invalid(request, `min value ${min} is greater than default request value ${request}`))
  }
  if (isOver(request, max)) {
    errors.push(requestAt.invalid(request, `default request value ${request} is greater than max value ${max}`))
  }
  if (isOver(request, limit)) {
    errors.push(requestAt.invalid(request, `default request value ${request} is greater than default limit value ${limit}`))
  }
  if (isOver(min, limit)) errors.push(here('default').invalid(min, `min value ${min} is greater than default value ${limit}`))
  if (isOver(limit, max)) errors.push(here('default').invalid(max, `default value ${limit} is greater than max value ${max}`))
  errors.push(...ratioErrors({ ratio, min, max }, here('maxLimitRequestRatio')))
  if (!mayOvercommit(name) && limit !== undefined && request !== undefined && compareQuantity(limit, request) !== 0) {
    errors.push(requestAt.invalid(request, `default value ${limit} must equal to defaultRequest value ${request} in ${name}`))
  }
  return errors
}

interface Ratio {
  ratio: string | undefined
  min: string | undefined
  max: string | undefined
}

function ratioErrors({ ratio, min, max }: Ratio, at: Path): FieldError[] {
  if (ratio === undefined) return []
  const errors = compareQuantity(ratio, '1') < 0 ? [at.invalid(ratio, `ratio ${ratio} is less than 1`)] : []
  if (min === undefined || max === undefined) return errors
  const widest = milliValue(max) / milliValue(min)
  const isTooWide = milliValue(ratio) / 1000 > widest
  const shown = Number.isFinite(widest) ? widest.toFixed(6) : '+Inf'
  return isTooWide ? [...errors, at.invalid(ratio, `ratio ${ratio} is greater than max/min = ${shown}`)] : errors
}

/** Numbers of pods that may be given as a percentage (upstream `ValidatePositiveIntOrPercent`, `IsNotMoreThan100Percent`). */
import { nonNegative } from '#api/core/v1/validation/checks.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isValidPercent } from '#schema/formats.ts'

export function amountErrors(value: number | string, at: Path): FieldError[] {
  if (typeof value === 'number') return nonNegative(value, at)
  return isValidPercent(value).map((message) => at.invalid(value, message))
}

export function over100Errors(value: number | string, at: Path): FieldError[] {
  const percent = percentOf(value)
  return percent !== undefined && percent > 100 ? [at.invalid(value, 'must not be greater than 100%')] : []
}

/** Text that is no percentage counts as the number it spells, or 0. */
export function amountOf(value: number | string): number {
  return percentOf(value) ?? (/^-?\d+$/.test(String(value)) ? Number(value) : 0)
}

function percentOf(value: number | string): number | undefined {
  return typeof value === 'string' && isValidPercent(value).length === 0 ? Number(value.slice(0, -1)) : undefined
}

/** A percentage of `total`, rounded up, or the number itself; throws upstream's text where it is neither. */
export function percentOrNumber(value: number | string, total: number): number {
  if (typeof value === 'number') return value
  const percent = percentOf(value)
  if (percent === undefined) throw new Error('invalid value for IntOrString: invalid type: string is not a percentage')
  return Math.ceil((percent * total) / 100)
}

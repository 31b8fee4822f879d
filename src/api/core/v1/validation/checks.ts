/** The small checks that all validation of the core group is made of; each answers the errors it found. */
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Label, isDns1123Subdomain } from '#schema/formats.ts'

type Check = (value: string) => string[]

export function required(value: string | undefined, at: Path): FieldError[] {
  return value ? [] : [at.required()]
}

/** Every message of a format check becomes an error about the value. */
export function formatted(check: Check, value: string, at: Path): FieldError[] {
  return check(value).map((message) => at.invalid(value, message))
}

export function requiredAs(check: Check, value: string | undefined, at: Path): FieldError[] {
  return value ? formatted(check, value, at) : [at.required()]
}

export const dnsLabel = (value: string, at: Path) => formatted(isDns1123Label, value, at)
export const dnsSubdomain = (value: string, at: Path) => formatted(isDns1123Subdomain, value, at)

/** The supported values are shown in the order given: upstream's, which is not always sorted. */
export function among(value: string, supported: readonly string[], at: Path): FieldError[] {
  return supported.includes(value) ? [] : [at.notSupported(value, supported)]
}

/** The same, where an empty value is missing rather than wrong. */
export function requiredAmong(value: string | undefined, supported: readonly string[], at: Path): FieldError[] {
  return value ? among(value, supported, at) : [at.required()]
}

export function within(value: number, [min, max]: readonly [number, number], at: Path): FieldError[] {
  return value < min || value > max ? [at.invalid(value, `must be between ${min} and ${max}, inclusive`)] : []
}

export function nonNegative(value: number | undefined, at: Path): FieldError[] {
  return value !== undefined && value < 0 ? [at.invalid(value, 'must be greater than or equal to 0')] : []
}

export function positive(value: number | undefined, at: Path): FieldError[] {
  return value !== undefined && value <= 0 ? [at.invalid(value, 'must be greater than zero')] : []
}

/** Permission bits of a file. */
export function fileMode(mode: number | undefined, at: Path): FieldError[] {
  const isBad = mode !== undefined && (mode < 0 || mode > 0o777)
  return isBad ? [at.invalid(mode, 'must be a number between 0 and 0777 (octal), both inclusive')] : []
}

export function descendingPath(path: string, at: Path): FieldError[] {
  return [...(path.startsWith('/') ? [at.invalid(path, 'must be a relative path')] : []), ...noBacksteps(path, at)]
}

export function noBacksteps(path: string, at: Path): FieldError[] {
  return path.split('/').includes('..') ? [at.invalid(path, "must not contain '..'")] : []
}

/** Names that begin with two dots are the kubelet's own, for atomic updates of a volume. */
export function nonReservedPath(path: string, at: Path): FieldError[] {
  const isReserved = path.startsWith('..') && !path.startsWith('../')
  return [...descendingPath(path, at), ...(isReserved ? [at.invalid(path, "must not start with '..'")] : [])]
}

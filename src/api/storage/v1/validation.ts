/** Rules that several kinds of the storage group share (upstream `storage/validation`). */
import { formatted } from '#api/core/v1/validation/checks.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Subdomain, isQualifiedName } from '#schema/formats.ts'

const maxParameters = 512
const maxParameterBytes = 256 * 1024

type Texts = Readonly<Record<string, string>>

export function validateProvisioner(name: string, at: Path): FieldError[] {
  if (!name) return [at.required()]
  const lower = name.toLowerCase()
  return isQualifiedName(lower).map((problem) => at.invalid(lower, problem))
}

export function validateParameters(parameters: Texts = {}, at: Path): FieldError[] {
  const keys = Object.keys(parameters)
  if (keys.length > maxParameters) return [at.tooLong(maxParameters)]
  return [
    ...keys.filter((key) => key === '').map((key) => at.invalid(key, 'field can not be empty.')),
    ...(bytesOf(parameters) > maxParameterBytes ? [at.tooLong(maxParameterBytes)] : []),
  ]
}

export function bytesOf(texts: Texts = {}): number {
  return Object.entries(texts).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0)
}

const maxDriverName = 63

/** Upstream's `ValidateCSIDriverName`. */
export function validateDriverName(name: string, at: Path): FieldError[] {
  return [
    ...(name ? [] : [at.required()]),
    ...(Buffer.byteLength(name) > maxDriverName ? [at.tooLong(maxDriverName)] : []),
    ...formatted(isDns1123Subdomain, name.toLowerCase(), at),
  ]
}

const defaultAnnotation = 'storageclass.kubernetes.io/is-default-class'
const betaDefaultAnnotation = 'storageclass.beta.kubernetes.io/is-default-class'

/** Whether `kubectl get` marks the class as the default. */
export function isDefaultClass(annotations: Texts = {}): boolean {
  return annotations[defaultAnnotation] === 'true' || annotations[betaDefaultAnnotation] === 'true'
}

/** Texts are compared by what they say, not by the order of their keys. */
export function sameTexts(a: Texts = {}, b: Texts = {}): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}

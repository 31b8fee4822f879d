/** Rules for ConfigMaps and Secrets, which differ in little (upstream `ValidateConfigMap`, `ValidateSecret`). */
import { semanticEqual } from '#schema/equal.ts'
import { type FieldError, Path } from '#schema/field-error.ts'
import { isConfigMapKey } from '#schema/formats.ts'
import { formatted } from './checks.ts'

/** Bytes of all values together. */
const maxSize = 1024 * 1024

interface ConfigMapData {
  data?: Record<string, string> | undefined
  binaryData?: Record<string, string> | undefined
}

export function validateConfigMapData({ data = {}, binaryData = {} }: ConfigMapData, at: Path): FieldError[] {
  const errors: FieldError[] = []
  for (const key of Object.keys(data)) {
    const here = at.child('data').key(key)
    errors.push(...formatted(isConfigMapKey, key, here))
    if (Object.hasOwn(binaryData, key)) errors.push(here.invalid(key, 'duplicate of key present in binaryData'))
  }
  for (const key of Object.keys(binaryData)) errors.push(...formatted(isConfigMapKey, key, at.child('binaryData').key(key)))
  const size = sum(Object.values(data).map((text) => Buffer.byteLength(text))) + sum(Object.values(binaryData).map(decodedLength))
  // Upstream's path here is empty.
  return size > maxSize ? [...errors, { ...new Path().tooLong(maxSize), field: '' }] : errors
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function decodedLength(base64: string): number {
  return Buffer.byteLength(base64, 'base64')
}

interface SecretData {
  metadata: { annotations?: Record<string, string> | undefined }
  type: string
  data?: Record<string, string> | undefined
}

export function validateSecretData({ metadata, type, data = {} }: SecretData, at: Path): FieldError[] {
  const here = at.child('data')
  const errors = Object.keys(data).flatMap((key) => formatted(isConfigMapKey, key, here.key(key)))
  if (sum(Object.values(data).map(decodedLength)) > maxSize) errors.push(here.tooLong(maxSize))
  const account = 'kubernetes.io/service-account.name'
  if (type === 'kubernetes.io/service-account-token' && !metadata.annotations?.[account]) {
    errors.push(at.child('metadata', 'annotations').key(account).required())
  }
  return [...errors, ...keyErrors(type, data, here)]
}

/** Keys that the well known types must have. */
function keyErrors(type: string, data: Readonly<Record<string, string>>, at: Path): FieldError[] {
  const missing = (key: string) => (data[key] === undefined ? [at.key(key).required()] : [])
  switch (type) {
    case 'kubernetes.io/dockercfg':
      return jsonErrors(data['.dockercfg'], at.key('.dockercfg'))
    case 'kubernetes.io/dockerconfigjson':
      return jsonErrors(data['.dockerconfigjson'], at.key('.dockerconfigjson'))
    case 'kubernetes.io/basic-auth': {
      const errors = [...missing('username'), ...missing('password')]
      return errors.length === 2 ? errors : []
    }
    case 'kubernetes.io/ssh-auth':
      return data['ssh-privatekey'] ? [] : [at.key('ssh-privatekey').required()]
    case 'kubernetes.io/tls':
      return [...missing('tls.crt'), ...missing('tls.key')]
    default:
      return []
  }
}

function jsonErrors(value: string | undefined, at: Path): FieldError[] {
  if (value === undefined) return [at.required()]
  const text = Buffer.from(value, 'base64').toString()
  const redacted = '<secret contents redacted>'
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && !Array.isArray(parsed)) return []
    const kind = Array.isArray(parsed) ? 'array' : typeof parsed === 'boolean' ? 'bool' : typeof parsed
    return [at.invalid(redacted, `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`)]
  } catch {
    return [at.invalid(redacted, jsonProblem(text))]
  }
}

/** Go's words for the usual ways in which text is not JSON. */
function jsonProblem(text: string): string {
  const trimmed = text.trim()
  if (trimmed === '') return 'unexpected end of JSON input'
  const first = trimmed[0]!
  if (!'{["-0123456789tfn'.includes(first)) {
    return `invalid character '${first}' looking for beginning of value`
  }
  const literal = ['true', 'false', 'null'].find((word) => word[0] === first)
  const wrong = literal ? [...literal].findIndex((letter, index) => trimmed[index] !== letter) : -1
  if (literal && wrong >= 0 && wrong < trimmed.length) {
    return `invalid character '${trimmed[wrong]}' in literal ${literal} (expecting '${literal[wrong]}')`
  }
  return 'unexpected end of JSON input'
}

interface Immutable extends ConfigMapData {
  immutable?: boolean | undefined
}

export function validateImmutable(now: Immutable, old: Immutable, at: Path): FieldError[] {
  if (!old.immutable) return []
  const message = 'field is immutable when `immutable` is set'
  const changed = (['data', 'binaryData'] as const).filter((field) => !semanticEqual(now[field], old[field]))
  return [
    ...(now.immutable ? [] : [at.child('immutable').forbidden(message)]),
    ...changed.map((field) => at.child(field).forbidden(message)),
  ]
}

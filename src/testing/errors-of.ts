/** What validation says of an object, as a user sees it: decoded, defaulted and prepared as the server does. */
import { decode } from '#schema/decode.ts'
import { applyDefaults } from '#schema/default.ts'
import { formatFieldError } from '#schema/field-error.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { validateObject, validateStatusUpdate, validateUpdate } from '#schema/validate.ts'

const identity = { name: 'a', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z', resourceVersion: '1' }

const time = '2026-01-02T00:00:00Z'

/** A decoded and defaulted object named `a`. */
export function made<T extends KubeObject>(kind: Kind<string, T>, body: object): T {
  const { metadata, ...rest } = body as { metadata?: object }
  const namespace = kind.namespaced ? { namespace: 'default' } : {}
  const sent = { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { ...identity, ...namespace, ...metadata }, ...rest }
  const object = decode(kind.schema, sent) as T
  applyDefaults(kind, object)
  return object
}

export function errorsOf<T extends KubeObject>(kind: Kind<string, T>, body: object): string[] {
  const object = made(kind, body)
  kind.def.prepare?.(object, undefined, time)
  return validateObject(kind, decode(kind.schema, object) as T).map(formatFieldError)
}

export function updateErrorsOf<T extends KubeObject>(kind: Kind<string, T>, now: object, before: object): string[] {
  const [object, old] = [made(kind, now), made(kind, before)]
  kind.def.prepare?.(object, old, time)
  return validateUpdate(kind, decode(kind.schema, object) as T, old).map(formatFieldError)
}

export function statusErrorsOf<T extends KubeObject>(kind: Kind<string, T>, now: object, before: object): string[] {
  const [object, old] = [made(kind, now), made(kind, before)]
  kind.def.prepareStatus?.(object, old, time)
  return validateStatusUpdate(kind, object, old).map(formatFieldError)
}

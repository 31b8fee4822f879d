/** What the server does to every object it is about to write, whatever its kind (upstream's `rest.BeforeCreate` and `BeforeUpdate`). */
import { formatTime } from '#lib/clock.ts'
import { suffix } from '#lib/random.ts'
import { runDecoder, zeroOf } from '#schema/decode.ts'
import type { FieldError } from '#schema/field-error.ts'
import type { Kind, KubeObject, Subresource } from '#schema/kind.ts'
import { badRequest, invalid } from '#schema/status-error.ts'
import { validateObject, validateStatusUpdate, validateSubresourceUpdate, validateUpdate } from '#schema/validate.ts'
import { sameJson, valueAt } from './same-json.ts'
import type { WriteContext } from './write-context.ts'

/**
 * Which part of an object a write is about; the rest stays as it was. A Subresource brings its own rules. `raw`: the server's
 * own change, which knows what it does (binding).
 */
export type Part = 'main' | 'status' | 'raw' | Subresource

/** Clients may not bring along what only the server sets. */
export function wipeSystemFields({ metadata }: { metadata: Partial<KubeObject['metadata']> }): void {
  delete metadata.creationTimestamp
  delete metadata.uid
  delete metadata.deletionTimestamp
  delete metadata.deletionGracePeriodSeconds
  delete metadata.selfLink
}

/** An object without a namespace gets that of the request; another one is refused. */
export function ensureNamespace({ metadata }: KubeObject, namespace: string): void {
  const given = metadata.namespace ?? ''
  if (given === namespace) return
  if (given && namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  if (namespace) metadata.namespace = namespace
  else delete metadata.namespace
}

/** Identity and birth; each attempt with a generated name gets new ones. */
export function fillSystemFields({ metadata }: KubeObject, { kind, registry: { clock, random } }: WriteContext): void {
  metadata.creationTimestamp = formatTime(clock.now())
  metadata.uid = random.uuid()
  const { generateName } = metadata
  if (!generateName || metadata.name) return
  metadata.name = kind.def.keepsGenerateName ? generateName : generatedName(generateName, suffix(random))
}

/** The prefix is cut so that the whole fits a label value (63). */
export function generatedName(prefix: string, ending: string): string {
  return prefix.slice(0, 63 - ending.length) + ending
}

/**
 * What a change of a status leaves alone of `old`, and may share with it: admission and preparation change an object in place, but not
 * there. Metadata are everybody's, and of custom resources nobody knows what was stored.
 */
export function keptOf({ kind }: WriteContext, { part, old }: { part: Part; old: KubeObject }) {
  if (part !== 'status' || kind.def.custom) return undefined
  return { ...old, metadata: undefined } as Readonly<Record<string, unknown>>
}

/** Resets, validates, and answers a clean copy that nobody else holds. */
export function prepareCreate(context: WriteContext, object: KubeObject): KubeObject {
  const { kind, namespace, registry } = context
  ensureNamespace(object, namespace)
  if (kind.def.status && !kind.def.statusOnCreate) resetStatus(kind, object)
  if (generationPaths(kind).length > 0) object.metadata.generation = 1
  kind.def.prepare?.(object, undefined, formatTime(registry.clock.now()))
  const clean = cleanCopy(kind, object)
  refuse(context, clean, validateObject(kind, clean))
  for (const warning of kind.def.warnings?.(clean, undefined) ?? []) context.warn(warning)
  return clean
}

/** The same for a change of `old`, which is shared and stays untouched. */
export function prepareUpdate(
  context: WriteContext,
  object: KubeObject,
  { old, part }: { old: KubeObject; part: Part },
): KubeObject {
  const { kind, namespace, registry } = context
  if (part === 'raw') return cleanCopy(kind, object, old)
  ensureNamespace(object, namespace)
  keep(object.metadata, old.metadata, 'generation')
  resetOtherParts(kind, object, { old, part, now: formatTime(registry.clock.now()) })
  object.metadata.uid ||= old.metadata.uid
  object.metadata.creationTimestamp = old.metadata.creationTimestamp
  if (old.metadata.deletionTimestamp) object.metadata.deletionTimestamp = old.metadata.deletionTimestamp
  object.metadata.deletionGracePeriodSeconds ??= old.metadata.deletionGracePeriodSeconds
  const clean = cleanCopy(kind, object, old)
  refuse(context, clean, errorsOf(kind, clean, { old, part }))
  if (part === 'main') for (const warning of kind.def.warnings?.(clean, old) ?? []) context.warn(warning)
  if (part === 'status') for (const warning of kind.def.statusWarnings?.(clean) ?? []) context.warn(warning)
  return clean
}

/**
 * The object and its metadata are fresh, what lies below may be shared with what nobody changes any more. managedFields are large, never
 * changed and checked already: they are shared whole.
 */
function cleanCopy(kind: Kind, object: KubeObject, old?: KubeObject): KubeObject {
  const { managedFields, ...metadata } = object.metadata
  const clean = runDecoder(kind.schema, { ...object, metadata }, { mayShare: true, kept: old }) as KubeObject
  if (managedFields) clean.metadata.managedFields = managedFields
  return clean
}

function errorsOf(kind: Kind, object: KubeObject, { old, part }: { old: KubeObject; part: Exclude<Part, 'raw'> }): FieldError[] {
  if (part === 'main') return validateUpdate(kind, object, old)
  if (part === 'status') return validateStatusUpdate(kind, object, old)
  return validateSubresourceUpdate(part, object, old)
}

interface Change {
  old: any
  part: Exclude<Part, 'raw'>
  now: string
}

function resetOtherParts(kind: Kind, object: any, { old, part, now }: Change): void {
  if (part === 'status') {
    for (const field of Object.keys(kind.schema.fields)) {
      if (!['apiVersion', 'kind', 'metadata', 'status'].includes(field)) keep(object, old, field)
    }
    kind.def.prepareStatus?.(object, old, now)
    return
  }
  if (part === 'main') {
    if (kind.def.status) keep(object, old, 'status')
    kind.def.prepare?.(object, old, now)
  } else part.prepare?.(object, old, now)
  const changed = generationPaths(kind).some((path) => !sameJson(valueAt(object, path), valueAt(old, path)))
  if (changed) object.metadata.generation = (old.metadata.generation ?? 0) + 1
}

/** Values of `old` are shared: what is kept is copied later, with the rest. */
function keep<T extends object>(object: T, old: T, field: keyof T & string): void {
  if (old[field] === undefined) delete object[field]
  else object[field] = old[field]
}

function generationPaths(kind: Kind): readonly string[] {
  return kind.def.generationFrom ?? (kind.def.status ? ['spec'] : [])
}

function resetStatus(kind: Kind, object: any): void {
  const field = kind.schema.fields.status
  if (!field) return
  if (field.presence === 'always' || field.presence === 'required') object.status = zeroOf(field.schema as any)
  else delete object.status
}

function refuse({ kind }: WriteContext, object: KubeObject, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(kind.def, object.metadata.name ?? '', errors)
}

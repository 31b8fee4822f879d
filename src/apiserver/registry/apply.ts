/** PATCH with `application/apply-patch+yaml`: server-side apply (upstream's `applyPatcher`). */
import { copyJson } from '#schema/copy.ts'
import { DecodeError, decode } from '#schema/decode.ts'
import { applyDefaults } from '#schema/default.ts'
import { difference, type FieldSet, fieldSet, has, isEmpty, pathsOf, pathText, union } from '#schema/field-set.ts'
import { stringifyJson } from '#schema/json.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { type Applied, applyTyped } from '#schema/managed-apply.ts'
import { encodeManaged, type Managers } from '#schema/managed-fields.ts'
import { ApplyConflict, managersAfterUpdate } from '#schema/managed-update.ts'
import { badRequest, conflict, type Reason, StatusError } from '#schema/status-error.ts'
import { shapeOf, TypedError } from '#schema/typed.ts'
import { compareTyped } from '#schema/typed-compare.ts'
import { fieldSetOf, validateTyped } from '#schema/typed-walk.ts'
import type { Request } from '../request.ts'
import { managersOf, versionsOf, writerOf, zeroObject } from './field-managers.ts'
import type { WriteOptions } from './options.ts'
import { complain, yamlFindings } from './read-object.ts'
import { checkAddress } from './update.ts'
import type { WriteContext } from './write-context.ts'

export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration'

/** Of all annotations together; what would make them larger is left out. */
const maxAnnotations = 256 * 1024

type Json = Record<string, any>

let yaml: Promise<typeof import('#schema/yaml.ts')> | undefined

/** What the request makes of the current object, or of nothing. */
export async function applierOf(
  context: WriteContext,
  options: WriteOptions,
): Promise<(current: KubeObject | undefined) => KubeObject> {
  const { request } = context
  const { value: patch, duplicates } = await readPatch(request)
  request.audit?.sent(patch)
  return (current) => {
    const object = applied(context, { current, patch, options })
    complain(request, options, yamlFindings(duplicates), (text) =>
      badRequest(text.replace('strict decoding error:', 'error strict decoding YAML:')),
    )
    if (object.metadata.uid && !current) {
      const { kind, name } = context
      const why = `the provided object specified uid ${object.metadata.uid}, and no existing object was found`
      throw conflict(kind, name, `uid mismatch: ${why}`)
    }
    checkAddress(context, object)
    return object
  }
}

async function readPatch(request: Request): Promise<{ value: Json; duplicates: readonly string[] }> {
  const { value, duplicates } = await parsePatch(request)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { value: value as Json, duplicates }
  const found = Array.isArray(value) ? 'array' : typeof value
  const why = `json: cannot unmarshal ${found} into Go value of type map[string]interface {}`
  throw badRequest(`error decoding YAML: error unmarshaling JSON: while decoding JSON: ${why}`)
}

async function parsePatch(request: Request): Promise<{ value: unknown; duplicates: readonly string[] }> {
  if (request.object !== undefined) return { value: copyJson(request.object), duplicates: [] }
  const { parseYaml } = await (yaml ??= import('#schema/yaml.ts'))
  try {
    const [document] = parseYaml(new TextDecoder().decode(await request.body()))
    return document ?? { value: {}, duplicates: [] }
  } catch (error) {
    if (error instanceof StatusError) throw error
    throw badRequest(`error decoding YAML: error converting YAML to JSON: ${(error as Error).message}`)
  }
}

interface Task {
  readonly current: KubeObject | undefined
  readonly patch: Json
  readonly options: WriteOptions
}

function applied(context: WriteContext, { current, patch, options }: Task): KubeObject {
  const { kind } = context
  checkPatch(kind, patch)
  const live = current ?? zeroObject(kind)
  const managers = managersBefore(context, live)
  const result = applyOrRefuse(context, { live, patch, managers, force: options.force === true })
  const object = result.object === undefined ? (copyLive(live) as KubeObject) : decodeApplied(kind, result.object)
  if (options.fieldManager === 'kubectl') keepLastApplied(object, patch)
  const known = live.metadata.managedFields
  const entries = result.managers === managers ? known : encodeManaged(result.managers)
  if (entries) object.metadata.managedFields = entries
  else delete object.metadata.managedFields
  return object
}

function copyLive({ metadata: { managedFields: _, ...metadata }, ...rest }: KubeObject): unknown {
  return copyJson({ ...rest, metadata })
}

function checkPatch(kind: Kind, patch: Json): void {
  const [group = '', version = ''] = splitVersion(patch.apiVersion)
  if (patch.apiVersion !== kind.apiVersion || patch.kind !== kind.kind) {
    throw badRequest(`invalid object type: ${group}/${version}, Kind=${textOf(patch.kind)}`)
  }
  if (Array.isArray(patch.metadata?.managedFields)) throw badRequest('metadata.managedFields must be nil')
  try {
    validateTyped(shapeOf(kind.schema), patch)
  } catch (error) {
    throw plainError(`failed to create typed patch object (${described(patch)}): ${(error as Error).message}`)
  }
}

function splitVersion(apiVersion: unknown): string[] {
  const text = typeof apiVersion === 'string' ? apiVersion : ''
  return text.includes('/') ? text.split('/') : ['', text]
}

function described({ metadata, apiVersion, kind }: Json): string {
  const [group, version] = splitVersion(apiVersion)
  return `${textOf(metadata?.namespace)}/${textOf(metadata?.name)}; ${group}/${version}, Kind=${kind}`
}

/** Of a field that may hold anything: to Go it is empty then. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Upstream gives these no reason. */
function plainError(message: string): StatusError {
  return new StatusError('' as Reason, message, { code: 500 })
}

/** What stood there before anybody was recorded belongs to somebody all the same. */
function managersBefore(context: WriteContext, live: KubeObject): Managers {
  let managers: Managers
  try {
    managers = managersOf(live.metadata.managedFields)
  } catch (error) {
    throw plainError(`failed to decode managed fields: ${(error as Error).message}`)
  }
  if (managers.size > 0 || !live.metadata.uid) return managers
  const writer = { ...writerOf(context), manager: 'before-first-apply' }
  return managersAfterUpdate(versionsOf(context), { live: zeroObject(context.kind), object: live, managers, writer })
}

interface Attempt {
  readonly live: KubeObject
  readonly patch: Json
  readonly managers: Managers
  readonly force: boolean
}

function applyOrRefuse(context: WriteContext, { live, patch, managers, force }: Attempt): Applied {
  const versions = versionsOf(context)
  const writer = writerOf(context)
  const task = { live, applied: patch, managers, writer }
  try {
    return applyTyped(versions, { ...task, force })
  } catch (error) {
    if (error instanceof TypedError) throw plainError(`failed to merge config: ${error.message}`)
    if (error instanceof DecodeError) throw unconvertible(context.kind, patch, error)
    if (!(error instanceof ApplyConflict)) throw error
    if (writer.manager !== 'kubectl') throw conflictError(error.conflicts)
    const allowed = unchangedSinceLastApplied(context, live)
    const rest = error.conflicts.map(({ id, set }) => ({ id, set: without(set, allowed) })).filter(({ set }) => !isEmpty(set))
    if (rest.length > 0) throw conflictError(rest)
    return applyTyped(versions, { ...task, force: true })
  }
}

function without(set: FieldSet, allowed: FieldSet): FieldSet {
  return fieldSet(...pathsOf(set).filter((path) => !has(allowed, path)))
}

/** What client-side apply set and nobody changed since: who moves to server-side apply may take it along. */
function unchangedSinceLastApplied(context: WriteContext, live: KubeObject): FieldSet {
  const { kind } = context
  const shape = shapeOf(kind.schema)
  try {
    const last = JSON.parse(live.metadata.annotations?.[lastAppliedAnnotation] ?? '')
    if (last.apiVersion !== kind.apiVersion) return fieldSet()
    validateTyped(shape, last)
    const { modified, added, removed } = compareTyped(shape, last, live)
    return difference(fieldSetOf(shape, last), union(union(modified, added), removed))
  } catch {
    return fieldSet()
  }
}

function conflictError(conflicts: ApplyConflict['conflicts']): StatusError {
  const causes = conflicts.flatMap(({ id, set }) =>
    pathsOf(set).map((path) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${managerText(id)}`,
      field: pathText(path),
    })),
  )
  return new StatusError('Conflict', conflictText(conflicts, causes), { details: { causes } })
}

function conflictText(conflicts: ApplyConflict['conflicts'], causes: readonly { message: string; field: string }[]): string {
  const [only] = causes
  if (only && causes.length === 1) return `Apply failed with 1 conflict: ${only.message}: ${only.field}`
  const lines = conflicts.flatMap(({ id, set }) => [
    `conflicts with ${managerText(id)}:`,
    ...pathsOf(set).map((path) => `- ${pathText(path)}`),
  ])
  return `Apply failed with ${causes.length} conflicts: ${lines.join('\n')}`
}

function managerText(id: string): string {
  const { manager = '', operation, apiVersion, subresource } = JSON.parse(id)
  const name = JSON.stringify(manager) + (subresource ? ` with subresource ${JSON.stringify(subresource)}` : '')
  return operation === 'Update' ? `${name} using ${apiVersion}` : name
}

function decodeApplied(kind: Kind, value: unknown): KubeObject {
  const merged = value as Json
  const { managedFields: _, ...metadata } = merged.metadata ?? {}
  let object: KubeObject
  try {
    object = decode(kind.schema, { ...merged, metadata }) as KubeObject
  } catch (error) {
    throw unconvertible(kind, merged, error as Error)
  }
  object.apiVersion = kind.apiVersion
  object.kind = kind.kind
  applyDefaults(kind, object)
  return object
}

function unconvertible(kind: Kind, object: Json, { message }: Error): StatusError {
  const text = `unable to convert unstructured object to ${kind.group}/${kind.version}, Kind=${kind.kind}: ${message}`
  return plainError(`failed to convert new object (${described(object)}) to proper version (${kind.apiVersion}): ${text}`)
}

/** An object that client-side apply knows stays one that it can go on with. */
function keepLastApplied({ metadata }: KubeObject, patch: Json): void {
  const { annotations } = metadata
  if (!annotations?.[lastAppliedAnnotation]) return
  const { [lastAppliedAnnotation]: _, ...own } = patch.metadata?.annotations ?? {}
  const bare = { ...patch, metadata: { ...patch.metadata, ...(patch.metadata?.annotations && { annotations: own }) } }
  annotations[lastAppliedAnnotation] = `${goJson(sorted(bare))}\n`
  let size = 0
  for (const [key, value] of Object.entries(annotations)) size += Buffer.byteLength(key) + Buffer.byteLength(value)
  if (size > maxAnnotations) delete annotations[lastAppliedAnnotation]
}

/** Go escapes what could end a script in HTML. */
function goJson(value: unknown): string {
  const code = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`
  return stringifyJson(value).replace(/[<>&\u2028\u2029]/g, code)
}

/** Go writes the keys of maps in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const keys = Object.keys(value).sort()
  return Object.fromEntries(keys.map((key) => [key, sorted((value as Json)[key])]))
}

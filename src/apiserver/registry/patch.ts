/** PATCH of one object, or of a part of it: JSON patch, merge patch, strategic merge patch; apply stands in a file of its own. */
import { copyJson } from '#schema/copy.ts'
import { runDecoder } from '#schema/decode.ts'
import { applyDefaults } from '#schema/default.ts'
import { root } from '#schema/field-error.ts'
import { type ParsedJson, parseJson, stringifyJson } from '#schema/json.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { badRequest, invalid, StatusError } from '#schema/status-error.ts'
import type { Request, Response } from '../request.ts'
import { answer } from './answer.ts'
import { trackWrite } from './field-managers.ts'
import { type WriteOptions, writeOptions } from './options.ts'
import { complain, mediaType, unsupportedMediaType } from './read-object.ts'
import type { Registry } from './registry.ts'
import { keptOf } from './strategy.ts'
import { checkAddress, mayCreate, partOf } from './update.ts'
import { type WriteContext, writeContext } from './write-context.ts'
import { type Change, writeLoop } from './write-loop.ts'

const types = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const

/** Loaded by the first who needs them: to ask for a module costs as much as a small patch. */
let applying: Promise<typeof import('./apply.ts')> | undefined
let merging: Promise<typeof import('#schema/merge.ts')> | undefined

/** Upstream's `maxJSONPatchOperations`. */
const maxOperations = 10_000

export async function patch(registry: Registry, request: Request, kind: Kind): Promise<Response> {
  const { context, next, creates } = await patchedBy(registry, request, kind)
  const createWhenAbsent = creates && !context.subresource ? mayCreate(context) : undefined
  return answer(await writeLoop({ context, part: partOf(request, kind), next, createWhenAbsent }))
}

export interface Patching {
  readonly context: WriteContext
  /** Server-side apply makes what is not there. */
  readonly creates: boolean
  readonly next: Change['next']
}

/** What the request makes of the current object, for the write loop. */
export async function patchedBy(registry: Registry, request: Request, kind: Kind): Promise<Patching> {
  const type = checkType(request, kind)
  const options = patchOptions(request, type)
  const context = writeContext(registry, request, { kind, options })
  if (type === types.apply) {
    const { applierOf } = await (applying ??= import('./apply.ts'))
    return { context, creates: true, next: await applierOf(context, options) }
  }
  const body = await readPatch(request)
  request.audit?.sent(body.value)
  const part = partOf(request, kind)
  const apply = await patcher(type, body.value, kind)
  const seesManagers = mentionsManagers(type, body.value)
  const next = (current: KubeObject) => {
    const patched = apply(seesManagers ? current : withoutManagers(current))
    const object = decodePatched(request, kind, {
      patched,
      kept: keptOf(context, { part, old: current }),
      options,
      duplicates: body.duplicates,
    })
    trackWrite(context, object, current)
    checkAddress(context, object)
    return object
  }
  return { context, creates: false, next }
}

/** Whether the patch may look into managedFields, which are large and nobody else's business. */
function mentionsManagers(type: string, body: any): boolean {
  if (type !== types.json) return body?.metadata === null || body?.metadata?.managedFields !== undefined
  const reaches = (path: unknown) =>
    ['', '/metadata'].includes(path as string) || String(path).startsWith('/metadata/managedFields')
  return (body as any[]).some((operation) => reaches(operation?.path) || reaches(operation?.from ?? '/'))
}

function withoutManagers(object: KubeObject): KubeObject {
  if (!object.metadata.managedFields) return object
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

/** Strategic merging knows built-in kinds alone. */
function checkType(request: Request, { def }: Kind): string {
  const type = mediaType(request)
  const known = Object.values<string>(types).filter((one) => !def.custom || one !== types.strategic)
  if (!known.includes(type)) throw unsupportedMediaType(known)
  return type
}

function patchOptions(request: Request, type: string): WriteOptions {
  const options = writeOptions(request.query, 'PatchOptions')
  const isApply = type === types.apply
  if (isApply ? options.fieldManager !== '' : options.force === undefined) return options
  const error = isApply
    ? root.child('fieldManager').required('is required for apply patch')
    : root.child('force').forbidden('may not be specified for non-apply patch')
  throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [error])
}

async function readPatch(request: Request): Promise<Pick<ParsedJson, 'value' | 'duplicates'>> {
  if (request.object !== undefined) return { value: copyJson(request.object), duplicates: [] }
  try {
    return parseJson(await request.body())
  } catch (error) {
    throw badRequest(`error decoding patch: ${(error as Error).message}`)
  }
}

type Patcher = (current: any) => unknown

/** The current object stays as it is; what a patch makes may share parts with it. */
async function patcher(type: string, body: unknown, kind: Kind): Promise<Patcher> {
  const { jsonPatch, mergePatch, strategicMerge } = await (merging ??= import('#schema/merge.ts'))
  if (type === types.json) {
    const operations = checkOperations(body)
    return (current) => unprocessable(() => jsonPatch(copyJson(current), operations))
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('Invalid JSON Patch')
  if (type === types.merge) return (current) => mergePatch(current, body)
  return (current) => unprocessable(() => strategicMerge(kind.schema, current, body))
}

function checkOperations(body: unknown): any[] {
  if (!Array.isArray(body)) {
    throw badRequest(`error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp`)
  }
  if (body.length <= maxOperations) return body
  const text = `The allowed maximum operations in a JSON patch is ${maxOperations}, got ${body.length}`
  throw new StatusError('RequestEntityTooLarge', `Request entity too large: ${text}`)
}

/** A patch that does not fit the object is the client's fault: 422 without more ado. */
function unprocessable<T>(apply: () => T): T {
  try {
    return apply()
  } catch (error) {
    if (error instanceof StatusError) throw error
    throw new StatusError('Invalid', 'the server rejected our request due to an error in our request', {
      details: {},
      cause: error,
    })
  }
}

interface Patched {
  readonly patched: unknown
  readonly kept: ReturnType<typeof keptOf>
  readonly options: WriteOptions
  readonly duplicates: readonly string[]
}

function decodePatched(request: Request, kind: Kind, { patched, kept, options, duplicates }: Patched): KubeObject {
  const report = { unknown: [] as string[] }
  const refuse = (text: string) => {
    const error = root.child('patch').invalid(stringifyJson(patched), text)
    return invalid({ group: '', kind: '' }, '', [error])
  }
  let object: KubeObject
  try {
    object = runDecoder(kind.schema, patched, { report, kept }) as KubeObject
  } catch (error) {
    throw refuse((error as Error).message)
  }
  complain(request, options, [...duplicates, ...report.unknown], refuse)
  object.apiVersion = kind.apiVersion
  object.kind = kind.kind
  applyDefaults(kind, object, kept)
  return object
}

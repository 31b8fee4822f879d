/** Reads an object off a request: bytes in one of three formats, or the values that an in-process caller handed in. */
import { decode, decodeOwned } from '#schema/decode.ts'
import { applyDefaults } from '#schema/default.ts'
import { type ParsedJson, parseJson } from '#schema/json.ts'
import { setOwn } from '#schema/json-parser.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { badRequest, StatusError } from '#schema/status-error.ts'
import type { Schema } from '#schema/words.ts'
import type { Request } from '../request.ts'
import type { KindTable } from './kind-table.ts'
import type { WriteOptions } from './options.ts'

export interface RawBody {
  readonly value: unknown
  /** Keys that stood there twice, in strict decoding's words. */
  readonly duplicates: readonly string[]
  /** Of JSON: these and unknown fields, in the order of the text. */
  readonly findings?: ParsedJson['findings']
  /** For error texts. */
  readonly bytes: Uint8Array
}

/** Loaded by the first who needs them. */
let yaml: Promise<typeof import('#schema/yaml.ts')> | undefined
let protobuf: Promise<typeof import('#schema/protobuf.ts')> | undefined

const formats = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']

/** What the body is to be: any Kind will do. */
export interface Shape {
  readonly kind: string
  readonly schema: Schema<any>
}

/** The body as JSON values, which may be the caller's own: decoding copies. Undefined where there is none. */
export async function readBody(request: Request, shape: Shape): Promise<RawBody | undefined> {
  if (request.object !== undefined) {
    request.audit?.sent(request.object)
    return { value: request.object, duplicates: [], bytes: new Uint8Array() }
  }
  const bytes = await request.body()
  if (bytes.length === 0) return undefined
  const type = mediaType(request)
  try {
    const parsed = type === 'application/json' ? parseJson(bytes) : await parseOther(bytes, type, shape)
    request.audit?.sent(parsed.value)
    return {
      value: parsed.value,
      get duplicates() {
        return parsed.duplicates
      },
      ...(parsed.findings && { findings: (schema) => parsed.findings?.(schema) ?? [] }),
      bytes,
    }
  } catch (error) {
    if (error instanceof StatusError) throw error
    throw unrecognized(shape.kind, bytes, error)
  }
}

/** To upstream YAML is JSON with its keys in order, and that is how unknown fields are told. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(inOrder)
  const ordered: Record<string, unknown> = {}
  for (const key of Object.keys(value).sort()) setOwn(ordered, key, inOrder((value as Record<string, unknown>)[key]))
  return ordered
}

export function mediaType({ headers }: Request): string {
  return (headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase() || 'application/json'
}

/** What is no JSON, whose readers are loaded when they are wanted. */
async function parseOther(bytes: Uint8Array, type: string, shape: Shape): Promise<Omit<RawBody, 'bytes'>> {
  if (type === 'application/yaml') {
    const { parseYaml } = await (yaml ??= import('#schema/yaml.ts'))
    const [document] = parseYaml(new TextDecoder().decode(bytes))
    return { value: inOrder(document?.value), duplicates: yamlFindings(document?.duplicates ?? []) }
  }
  const isCustom = shape.schema.json !== undefined
  if (type === 'application/vnd.kubernetes.protobuf' && !isCustom)
    return { value: await fromProtobuf(bytes, shape), duplicates: [] }
  throw unsupportedMediaType(formats.filter((one) => !isCustom || !one.endsWith('protobuf')))
}

async function fromProtobuf(bytes: Uint8Array, { kind, schema }: Shape): Promise<unknown> {
  const { decodeProtobuf, unwrapUnknown } = await (protobuf ??= import('#schema/protobuf.ts'))
  const { apiVersion, kind: name, raw } = unwrapUnknown(bytes)
  if (name && name !== kind) return { apiVersion, kind: name }
  return { ...(decodeProtobuf(schema, raw) as object), apiVersion, kind: name }
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const text = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`
  return new StatusError('UnsupportedMediaType', text)
}

/** The request's object: of the right kind, decoded strictly or not as the client asked, with defaults. */
export async function readObject(
  request: Request,
  kind: Kind,
  { kinds, options }: { kinds: KindTable; options: WriteOptions },
): Promise<KubeObject> {
  const read = await readBody(request, kind)
  if (!read) throw unrecognized(kind.kind, new Uint8Array(), 'unexpected end of JSON input')
  // To Go, null is an object that says nothing.
  const body = read.value === null || read.value === undefined ? { ...read, value: {} } : read
  checkType(body, kind, kinds)
  const object = decodeBody(request, kind, { body, options })
  object.apiVersion = kind.apiVersion
  object.kind = kind.kind
  applyDefaults(kind, object)
  return object
}

function decodeBody(request: Request, kind: Kind, { body, options }: { body: RawBody; options: WriteOptions }): KubeObject {
  const report = { unknown: [] as string[] }
  let object: KubeObject
  try {
    // What was read off the wire is ours, unless the audit keeps it; what an in-process client handed in is not.
    const read = request.object === undefined && !request.audit ? decodeOwned : decode
    object = read(kind.schema, body.value, report) as KubeObject
  } catch (error) {
    throw cannotHandle(body.value, kind, error instanceof Error ? error.message : error)
  }
  complain(request, options, findingsOf(kind, body, report), (text) => cannotHandle(body.value, kind, text))
  return object
}

/** Of a custom resource upstream looks for duplicates while it parses, and for unknown fields later. */
function findingsOf(kind: Kind, { duplicates, findings }: RawBody, { unknown }: { unknown: string[] }): readonly string[] {
  if (duplicates.length === 0) return unknown
  return findings && !kind.def.custom ? findings(kind.schema) : [...duplicates, ...unknown]
}

/** Repeated keys of YAML are one complaint, though several warnings. */
export function yamlFindings(duplicates: readonly string[]): string[] {
  return duplicates.length === 0 ? [] : [yamlPrefix + duplicates.map((text) => `  ${text}`).join('\n')]
}

const yamlPrefix = 'error converting YAML to JSON: yaml: unmarshal errors:\n'

/** Strict decoding's findings: an error, warnings, or nothing. */
export function complain(
  { warnings }: Request,
  { fieldValidation }: WriteOptions,
  findings: readonly string[],
  refuse: (text: string) => StatusError,
): void {
  if (findings.length === 0 || fieldValidation === 'Ignore') return
  if (fieldValidation === 'Strict') throw refuse(`strict decoding error: ${findings.join(', ')}`)
  for (const finding of findings) {
    for (const line of finding.replace(yamlPrefix, '').split('\n')) warnings.add(line.trim())
  }
}

function checkType({ value, bytes }: RawBody, kind: Kind, kinds: KindTable): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
    const text = `couldn't get version/kind; json parse error: json: cannot unmarshal ${found} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`
    throw unrecognized(kind.kind, bytes, text)
  }
  for (const field in value) {
    if (field !== 'apiVersion' && field !== 'kind') continue
    const found = (value as Record<string, unknown>)[field]
    if (found === null || typeof found === 'string') continue
    const what =
      typeof found === 'boolean' ? 'bool' : Array.isArray(found) ? 'array' : typeof found === 'object' ? 'object' : 'number'
    throw unrecognized(kind.kind, bytes, `json: cannot unmarshal ${what} into Go struct field .${field} of type string`)
  }
  const given = value as TypeMeta
  const [apiVersion, name] = [given.apiVersion || kind.apiVersion, given.kind || kind.kind]
  if (apiVersion === kind.apiVersion && name === kind.kind) return
  const known = kinds.byName(apiVersion, name)
  if (!known) {
    const scheme = 'in scheme "pkg/api/legacyscheme/scheme.go:30"'
    throw cannotHandle(
      value,
      kind,
      `no kind ${JSON.stringify(name)} is registered for version ${JSON.stringify(apiVersion)} ${scheme}`,
    )
  }
  if (name !== kind.kind || known.group !== kind.group) {
    const from = `${known.version}.${name}`
    throw cannotHandle(value, kind, `converting (${from}) to (${hubName(kind)}.${kind.kind}): unknown conversion`)
  }
  const text = `the API version in the data (${apiVersion}) does not match the expected API version (${kind.apiVersion})`
  throw badRequest(text)
}

interface TypeMeta {
  readonly apiVersion?: string | null
  readonly kind?: string | null
}

/** The Go package of upstream's internal types. */
function hubName({ group }: Kind): string {
  return group === '' ? 'core' : (group.split('.')[0] as string)
}

function cannotHandle(value: unknown, kind: Kind, why: unknown): StatusError {
  const given = value as TypeMeta
  const version = (given.apiVersion || kind.apiVersion).split('/').at(-1)
  return badRequest(
    `${given.kind || kind.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind.kind}: ${why}`,
  )
}

function unrecognized(kind: string, bytes: Uint8Array, error: unknown): StatusError {
  const text = error instanceof Error ? error.message : String(error)
  const why = text.startsWith("couldn't get") ? text : `couldn't get version/kind; json parse error: ${text}`
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${summarize(bytes)})`)
}

/** The first bytes of a body, as text if it looks like JSON (upstream's `summarizeData`). */
function summarize(bytes: Uint8Array): string {
  if (bytes.length === 0) return '<empty>'
  const head = Buffer.from(bytes.subarray(0, 30))
  const more = bytes.length > 30 ? ' ...' : ''
  return (bytes[0] === 0x7b ? head.toString('utf8') : head.toString('hex')) + more
}

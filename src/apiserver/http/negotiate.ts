/** What the client wants to read: encoding of the answer, and whether as the object, a Table, or its metadata alone. */
import { formatFieldError, root } from '#schema/field-error.ts'
import { badRequest, StatusError } from '#schema/status-error.ts'
import type { Request } from '../request.ts'

export type Encoding = 'json' | 'yaml' | 'protobuf'

export interface Wanted {
  readonly encoding: Encoding
  /** Indented, as `application/json;pretty=1` says. */
  readonly pretty?: true
  readonly as?: { readonly kind: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'; readonly version: string }
}

export const mediaTypes: Readonly<Record<Encoding, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
}

const streams = [mediaTypes.json, mediaTypes.protobuf].map((type) => `${type};stream=watch`)

const transformations = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'])
const plain: Wanted = { encoding: 'json' }

/** What can be made of an answer: custom resources have no protobuf form, save for their metadata; reviews and the like have no table. */
type Form = 'built-in' | 'custom' | 'without table'

interface Offer {
  readonly form: Form
  /** A watch, whose events YAML has no form for. */
  readonly isStream: boolean
}

const caches: Readonly<Record<Form | 'stream' | 'custom stream', Map<string, Wanted>>> = {
  'built-in': new Map(),
  custom: new Map(),
  'without table': new Map(),
  stream: new Map(),
  'custom stream': new Map(),
}

/** The first of the accepted types that we can make, best quality first; 406 where there is none. */
export function negotiate(request: Pick<Request, 'headers' | 'kind' | 'info'>): Wanted {
  const { accept } = request.headers
  if (!accept || accept === '*/*' || accept === 'application/json') return plain
  const offer = { form: formOf(request), isStream: request.info.verb === 'watch' }
  const cache = caches[offer.isStream ? (offer.form === 'custom' ? 'custom stream' : 'stream') : offer.form]
  const known = cache.get(accept)
  if (known) return known
  const wanted = choose(accept, offer)
  if (cache.size < 1000 && accept.length <= 500) cache.set(accept, wanted)
  return wanted
}

const objectsInRows = ['None', 'Metadata', 'Object'] as const

/** What the rows of a Table carry, as the query says (upstream's `ValidateTableOptions`). */
export function includedObject(query: URLSearchParams, { as }: Wanted): (typeof objectsInRows)[number] | undefined {
  const asked = query.get('includeObject')
  if (as?.kind !== 'Table' || !asked) return undefined
  const known = objectsInRows.find((name) => name === asked)
  if (known) return known
  const error = root.child('includeObject').invalid(asked, "must be 'Metadata', 'Object', 'None', or empty")
  throw badRequest(`Unable to convert to Table as requested: ${formatFieldError(error)}`)
}

function formOf({ kind, info }: Pick<Request, 'kind' | 'info'>): Form {
  if (!kind) return 'built-in'
  if (kind.def.custom) return 'custom'
  const isReview = kind.def.virtual && !kind.def.columns
  return isReview || (info.subresource && info.verb === 'create') ? 'without table' : 'built-in'
}

function choose(accept: string, { form, isStream }: Offer): Wanted {
  const isCustom = form === 'custom'
  const clauses = accept
    .split(',')
    .map(parseClause)
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
  for (const { type, parameters } of clauses) {
    const encoding = encodingOf(type)
    if (!encoding) continue
    const { as: kind, g: group = 'meta.k8s.io', v: version = 'v1', stream } = parameters
    const style = parameters.pretty === '1' ? ({ pretty: true } as const) : {}
    if (stream && (stream !== 'watch' || encoding === 'yaml')) continue
    if (isCustom && encoding === 'protobuf' && !kind) continue
    if (isStream && encoding === 'yaml') break
    if (!kind) return { encoding, ...style }
    const isKnown = transformations.has(kind) && group === 'meta.k8s.io' && (version === 'v1' || version === 'v1beta1')
    if (isKnown && !(kind === 'Table' && (encoding === 'protobuf' || form === 'without table')))
      return { encoding, ...style, as: { kind, version } as NonNullable<Wanted['as']> }
  }
  throw notAcceptable(isStream ? streams : Object.values(mediaTypes))
}

export function notAcceptable(types: readonly string[]): StatusError {
  return new StatusError('NotAcceptable', `only the following media types are accepted: ${types.join(', ')}`)
}

function encodingOf(type: string): Encoding | undefined {
  if (type === '*/*' || type === 'application/*') return 'json'
  return (Object.keys(mediaTypes) as Encoding[]).find((encoding) => mediaTypes[encoding] === type)
}

export function parseClause(clause: string): { type: string; quality: number; parameters: Record<string, string> } {
  const [type = '', ...rest] = clause.split(';').map((part) => part.trim())
  const parameters: Record<string, string> = {}
  for (const part of rest) {
    const [name = '', value = ''] = part.split('=')
    parameters[name.trim().toLowerCase()] = value.trim().replace(/^"|"$/g, '')
  }
  const quality = parameters.q === undefined ? 1 : Number(parameters.q)
  return { type: type.toLowerCase(), quality: Number.isFinite(quality) ? quality : 0, parameters }
}

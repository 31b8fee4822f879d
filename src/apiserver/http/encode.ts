/** Objects as bytes, in the encoding and the shape that the client asked for. */
import { TokenRequest } from '#api/authentication/v1/token-request.ts'
import { Scale } from '#api/autoscaling/v1/scale.ts'
import { listSchemaOf } from '#api/meta/v1/list-meta.ts'
import { Status } from '#api/meta/v1/status.ts'
import { zeroOf } from '#schema/decode.ts'
import { stringifyJson } from '#schema/json.ts'
import { type Kind, type KubeObject, listKindOf } from '#schema/kind.ts'
import { nullLists } from '#schema/null-lists.ts'
import { ObjectMeta } from '#schema/object-meta.ts'
import { encodeProtobuf, wrapUnknown } from '#schema/protobuf.ts'
import { type ListMetadata, toTable } from '#schema/table.ts'
import { always, list, type Node, object, type Schema } from '#schema/words.ts'
import { toYaml } from '#schema/yaml-print.ts'
import { mediaTypes, notAcceptable, type Wanted } from './negotiate.ts'

export interface Encoded {
  readonly contentType: string
  readonly bytes: Uint8Array
}

export interface Encodable {
  readonly object: unknown
  /** Ready JSON of the object as it is. */
  readonly bytes?: Uint8Array | undefined
}

export interface EncodeOptions {
  readonly wanted: Wanted
  /** The kind that the request is about. */
  readonly kind?: Kind | undefined
  /** Milliseconds since the epoch, for ages in tables. */
  readonly now: number
  /** Indented JSON, for people. */
  readonly pretty?: boolean
  readonly includeObject?: 'None' | 'Metadata' | 'Object'
}

type Typed = {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata?: ListMetadata
  readonly items?: readonly KubeObject[]
}

export function encode(answer: Encodable, options: EncodeOptions): Encoded {
  const { wanted } = options
  const isStatus = wanted.as && (answer.object as Typed).kind === 'Status'
  const shaped = wanted.as && !isStatus ? { object: transform(answer.object as Typed, options) } : answer
  return { contentType: mediaTypes[wanted.encoding], bytes: toBytes(shaped, options) }
}

function toBytes(answer: Encodable, { wanted, kind, pretty }: EncodeOptions): Uint8Array {
  switch (wanted.encoding) {
    case 'yaml':
      return Buffer.from(toYaml(written(answer.object, kind)))
    case 'protobuf':
      return protobufOf(answer.object as Typed, kind)
    default:
      if (pretty) return Buffer.from(`${indented(written(answer.object, kind))}\n`)
      return Buffer.from(`${stringifyJson(written(answer.object, kind))}\n`)
  }
}

/** Of one object or a list; what is no object of the kind is written as it stands. */
function written(object: unknown, kind: Kind | undefined): unknown {
  const nulls = kind && nullLists(kind.schema)
  if (!nulls) return object
  const one = object as Typed
  if (one.kind === kind.kind) return nulls.toWire(object)
  return one.kind === listKindOf(kind) && one.items ? { ...one, items: one.items.map((item) => nulls.toWire(item)) } : object
}

function indented(value: unknown): string {
  const exact = (_: string, inner: unknown) =>
    typeof inner === 'bigint' ? (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(inner)) : inner
  return JSON.stringify(value, exact, 2)
}

/** Shapes an object or list as Table or as metadata alone. */
export function transform(object: Typed, { wanted, kind, now, includeObject = 'Metadata' }: EncodeOptions): unknown {
  const { as } = wanted
  if (!as || !kind) return object
  const isList = object.kind === listKindOf(kind) && Array.isArray(object.items)
  const objects = isList ? (object.items as readonly KubeObject[]) : [object as unknown as KubeObject]
  const apiVersion = `meta.k8s.io/${as.version}`
  if (as.kind === 'Table') {
    const { resourceVersion } = object.metadata ?? {}
    const metadata = isList ? (object.metadata ?? {}) : resourceVersion ? { resourceVersion } : {}
    const columnsOf = object.kind === Scale.kind ? Scale : kind
    return toTable(columnsOf, objects, { now, includeObject, metadata, version: as.version as 'v1' })
  }
  const partial = objects.map(({ metadata }) => ({ kind: 'PartialObjectMetadata', apiVersion, metadata }))
  if (as.kind === 'PartialObjectMetadata') {
    if (isList) throw notAcceptable(Object.values(mediaTypes))
    return partial[0]
  }
  return { kind: 'PartialObjectMetadataList', apiVersion, metadata: object.metadata ?? {}, items: partial }
}

const partialSchema = object('io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata', { metadata: always(1, ObjectMeta) })
const partialListSchema = object('io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadataList', {
  metadata: listMetadataField(),
  items: always(2, list(partialSchema as Schema<unknown>)),
})

function listMetadataField() {
  const anyKind = { kind: '', def: { schemaName: 'x' }, schema: partialSchema } as unknown as Kind
  return listSchemaOf(anyKind).fields.metadata as ReturnType<typeof always<unknown>>
}

function protobufOf(value: Typed, kind: Kind | undefined): Uint8Array {
  const schema = schemaOf(value, kind)
  return wrapUnknown(value.apiVersion ?? '', value.kind ?? '', encodeProtobuf(schema as Schema<unknown>, value))
}

/** The message type of what is sent; things without one are sent to nobody as protobuf. */
function schemaOf({ kind: name, apiVersion }: Typed, kind: Kind | undefined): Node {
  if (name === 'Status') return Status
  if (name === 'PartialObjectMetadata') return partialSchema
  if (name === 'PartialObjectMetadataList') return partialListSchema
  if (kind && name === kind.kind) return kind.schema
  if (kind && name === listKindOf(kind)) return listSchemaOf(kind)
  const other = kind && subresourceSchemas.get(`${apiVersion} ${name}`)
  if (other) return other
  throw notAcceptable([mediaTypes.json, mediaTypes.yaml])
}

/** Kinds that only subresources speak. */
const subresourceSchemas = new Map<string, Node>(
  [Scale, TokenRequest].map(({ apiVersion, kind, schema }: Kind) => [`${apiVersion} ${kind}`, schema]),
)

/** One frame of a watch. JSON: a line. Protobuf: four bytes of length, then a WatchEvent around the object's own envelope. */
export function watchFrame(
  type: string,
  { object: value, bytes }: Encodable,
  options: EncodeOptions & { readonly isFirst: boolean },
): Uint8Array {
  const { wanted, isFirst } = options
  const shaped = shapeEvent(type, value as Typed, { ...options, isFirst })
  if (wanted.encoding === 'protobuf') return protobufFrame(type, protobufOf(shaped as Typed, options.kind))
  const body = shaped === value && bytes ? bytes : Buffer.from(stringifyJson(written(shaped, options.kind)))
  return Buffer.concat([Buffer.from(`{"type":"${type}","object":`), body, Buffer.from('}\n')])
}

function shapeEvent(type: string, value: Typed, options: EncodeOptions & { isFirst: boolean }): unknown {
  if (!options.wanted.as || type === 'ERROR') return value
  const { kind } = options
  // A bookmark holds nothing but a version; what prints columns may count on the rest of an object, as in Go.
  const whole = type === 'BOOKMARK' && kind ? { ...(zeroOf(kind.schema) as Typed), ...value } : value
  const shaped = transform(whole, options) as { columnDefinitions?: unknown }
  if (options.wanted.as.kind === 'Table' && !options.isFirst) return { ...shaped, columnDefinitions: null }
  return shaped
}

function protobufFrame(type: string, raw: Uint8Array): Uint8Array {
  const inner = Buffer.concat([Buffer.from([0x0a]), varint(raw.length), raw])
  const name = Buffer.from(type)
  const event = Buffer.concat([Buffer.from([0x0a]), varint(name.length), name, Buffer.from([0x12]), varint(inner.length), inner])
  const head = Buffer.alloc(4)
  head.writeUInt32BE(event.length)
  return Buffer.concat([head, event])
}

function varint(value: number): Uint8Array {
  const out: number[] = []
  let rest = value
  while (rest > 127) {
    out.push((rest & 127) | 128)
    rest >>>= 7
  }
  return Uint8Array.from([...out, rest])
}

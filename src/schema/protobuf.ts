/**
 * Objects as Kubernetes' protobuf and back. The numbers stand in the schemas; a schema is compiled once into writers and readers.
 *
 * What is in an object is written; what is absent is not. Reading gives JSON values of the right types, still to be brought into shape by
 * `decode`, which fills in and drops zero values. Sources: apimachinery `runtime/serializer/protobuf`, `generated.proto`.
 */
import { type Codec, scalars, wrongWireType } from './protobuf-scalars.ts'
import { ProtobufError, Reader, Writer, wire } from './protobuf-wire.ts'
import type { Field, ListNode, MapNode, Node, ObjectNode, Schema } from './words.ts'

export { ProtobufError } from './protobuf-wire.ts'

export function encodeProtobuf(schema: Schema<any> | Node, value: unknown): Uint8Array {
  const writer = new Writer()
  messageOf(schema as ObjectNode).write(writer, value as Json)
  return writer.finish()
}

/** Throws ProtobufError for what is no such message; unknown fields are skipped. */
export function decodeProtobuf<T>(schema: Schema<T>, bytes: Uint8Array): T {
  return messageOf(schema as unknown as ObjectNode).read(new Reader(bytes)) as T
}

type Json = Record<string, unknown>

interface Message {
  write(writer: Writer, value: Json): void
  read(reader: Reader): Json
}

/** How one field of a message is written out of an object and read into one. */
interface FieldCodec {
  readonly name: string
  readonly number: number
  /** Wire type; of one item, where the field repeats. */
  readonly type: number
  write(writer: Writer, value: Json): void
  read(reader: Reader, into: Record<string, any>): void
  /** Reads many numbers behind one tag (packed); undefined where that cannot be. */
  readPacked?(reader: Reader, into: Record<string, any>): void
}

const messages = new WeakMap<ObjectNode, Message>()

function messageOf(schema: ObjectNode): Message {
  const known = messages.get(schema)
  if (known) return known
  // A schema that contains itself finds this entry, which is filled in below.
  const compiled: Message = { write: () => {}, read: () => ({}) }
  messages.set(schema, compiled)
  Object.assign(compiled, compile(Object.entries(schema.fields)))
  return compiled
}

/** Those of an embedded struct share a message of their own. */
function compile(fields: readonly (readonly [string, Field])[]): Message {
  const own = fields.filter(([, { number, embeddedIn }]) => number > 0 && embeddedIn === undefined)
  const embedded = Map.groupBy(
    fields.filter(([, { embeddedIn }]) => embeddedIn !== undefined),
    ([, { embeddedIn }]) => embeddedIn?.[0] as number,
  )
  const codecs = [
    ...own.map(([name, { number, schema }]) => fieldOf(name, number, schema)),
    ...[...embedded].map(([number, members]) => embeddedField(number, members)),
  ].sort((a, b) => a.number - b.number)
  const byNumber = new Map(codecs.map((codec) => [codec.number, codec]))
  return {
    write(writer, value) {
      for (const codec of codecs) codec.write(writer, value)
    },
    read(reader) {
      const into: Json = {}
      readFields(reader, byNumber, into)
      return into
    },
  }
}

function readFields(reader: Reader, fields: ReadonlyMap<number, FieldCodec>, into: Json): void {
  while (!reader.isAtEnd) {
    const { number, type } = reader.tag()
    const field = fields.get(number)
    if (!field) reader.skip(type)
    else if (type === field.type) field.read(reader, into)
    else if (type === wire.bytes && field.readPacked) field.readPacked(reader, into)
    else throw wrongWireType(type, field.name)
  }
}

function embeddedField(number: number, members: readonly (readonly [string, Field])[]): FieldCodec {
  const inner = compile(members.map(([name, field]) => [name, lessEmbedded(field)] as const))
  return {
    name: members[0]?.[0] ?? '',
    number,
    type: wire.bytes,
    write(writer, value) {
      writer.tag(number, wire.bytes)
      writer.nested(() => inner.write(writer, value))
    },
    read: (reader, into) => void Object.assign(into, inner.read(reader.nested())),
  }
}

/** The field as it stands one message further in. */
function lessEmbedded({ embeddedIn = [], ...field }: Field): Field {
  return embeddedIn.length > 1 ? { ...field, embeddedIn: embeddedIn.slice(1) } : field
}

function fieldOf(name: string, number: number, schema: Node): FieldCodec {
  if (schema.type === 'list') return listField(name, number, schema)
  if (schema.type === 'map') return mapField(name, number, schema)
  const { type, write, read } = codecOf(schema)
  // A time that is null is Go's zero time, and a message with nothing in it.
  const isNullWritten = schema.type === 'time' || schema.type === 'microTime'
  return {
    name,
    number,
    type,
    write(writer, value) {
      const one = value[name]
      if (one === undefined || (one === null && !isNullWritten)) return
      writer.tag(number, type)
      write(writer, one)
    },
    read(reader, into) {
      into[name] = read(reader)
    },
  }
}

function listField(name: string, number: number, { items }: ListNode): FieldCodec {
  const { type, write, read } = codecOf(items)
  return {
    name,
    number,
    type,
    write(writer, value) {
      for (const one of (value[name] as unknown[] | undefined) ?? []) {
        writer.tag(number, type)
        write(writer, one)
      }
    },
    read(reader, into) {
      into[name] ??= []
      into[name].push(read(reader))
    },
    ...(type !== wire.bytes && {
      readPacked(reader, into) {
        into[name] ??= []
        const packed = reader.nested()
        while (!packed.isAtEnd) into[name].push(read(packed))
      },
    }),
  }
}

function mapField(name: string, number: number, { values }: MapNode): FieldCodec {
  const value: Codec = codecOf(values)
  const members = new Map([
    [1, fieldOf('key', 1, { type: 'string' })],
    [
      2,
      { name: 'value', number: 2, type: value.type, write() {}, read: (reader, into) => void (into.value = value.read(reader)) },
    ],
  ] as [number, FieldCodec][])
  return {
    name,
    number,
    type: wire.bytes,
    write(writer, object) {
      const entries = Object.entries((object[name] as object | undefined) ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
      for (const [key, one] of entries) {
        writer.tag(number, wire.bytes)
        writer.nested(() => {
          writer.tag(1, wire.bytes)
          writer.string(key)
          writer.tag(2, value.type)
          value.write(writer, one)
        })
      }
    },
    read(reader, into) {
      into[name] ??= Object.create(null)
      const entry: Record<string, any> = { key: '' }
      readFields(reader.nested(), members, entry)
      into[name][entry.key] = entry.value ?? zeroOf(values)
    },
  }
}

/** Of an entry without a value. */
function zeroOf({ type }: Node): unknown {
  if (type === 'list') return []
  if (type === 'object' || type === 'map') return {}
  if (type === 'boolean') return false
  if (type === 'quantity') return '0'
  return type === 'int32' || type === 'int64' || type === 'double' ? 0 : ''
}

function codecOf(schema: Node): Codec {
  switch (schema.type) {
    case 'object': {
      const message = schema.alternative ? unionOf(schema, schema.alternative) : messageOf(schema)
      return nested(
        (writer, value) => message.write(writer, value),
        (reader) => message.read(reader),
      )
    }
    case 'list': {
      // Inside a map a list is a message with `items = 1` (ExtraValue and its like).
      const items = listField('items', 1, schema)
      const byNumber = new Map([[1, items]])
      return nested(
        (writer, value) => items.write(writer, { items: value }),
        (reader) => {
          const into: { items: unknown[] } = { items: [] }
          readFields(reader, byNumber, into as unknown as Json)
          return into.items
        },
      )
    }
    case 'map':
      throw new ProtobufError('a map of maps has no protobuf form')
    default:
      return scalars[schema.type]
  }
}

/** A schema or something else (apiextensions' `JSONSchemaPropsOrBool` and its like). */
function unionOf({ alternative: _, ...schema }: ObjectNode, alternative: NonNullable<ObjectNode['alternative']>): Message {
  const plain = plainOf(schema)
  const boolean = fieldOf('other', 1, { type: 'boolean' })
  const list: Node = { type: 'list', items: alternative === 'strings' ? { type: 'string' } : plain }
  const isBoolean = alternative === 'boolean'
  const codecs = [isBoolean ? boolean : fieldOf('other', 2, list), fieldOf('schema', isBoolean ? 2 : 1, plain)]
  const byNumber = new Map(codecs.map((codec) => [codec.number, codec]))
  return {
    write(writer, value: unknown) {
      const isOther = typeof value === 'boolean' || Array.isArray(value)
      const parts = isOther ? { other: value } : { ...(isBoolean && { other: true }), schema: value }
      for (const codec of codecs.toSorted((a, b) => a.number - b.number)) codec.write(writer, parts)
    },
    read(reader) {
      const parts: Json = {}
      readFields(reader, byNumber, parts)
      return (parts.schema ?? parts.other ?? (isBoolean ? false : [])) as Json
    },
  }
}

const plainNodes = new WeakMap<ObjectNode['fields'], ObjectNode>()

/** The same for all unions of a schema, which contain each other. */
function plainOf(schema: ObjectNode): ObjectNode {
  let plain = plainNodes.get(schema.fields)
  if (!plain) plainNodes.set(schema.fields, (plain = schema))
  return plain
}

function nested(write: Codec['write'], read: Codec['read']): Codec {
  return {
    type: wire.bytes,
    write: (writer, value) => writer.nested(() => write(writer, value)),
    read: (reader) => read(reader.nested()),
  }
}

const magic = Buffer.from('k8s\0')

/** `runtime.Unknown` behind the four bytes that tell protobuf from other encodings. */
export function wrapUnknown(apiVersion: string, kind: string, raw: Uint8Array): Uint8Array {
  const writer = new Writer()
  writer.tag(1, wire.bytes)
  writer.nested(() => {
    writer.tag(1, wire.bytes)
    writer.string(apiVersion)
    writer.tag(2, wire.bytes)
    writer.string(kind)
  })
  writer.tag(2, wire.bytes)
  writer.bytes(raw)
  writer.tag(3, wire.bytes)
  writer.string('')
  writer.tag(4, wire.bytes)
  writer.string('')
  return Buffer.concat([magic, writer.finish()])
}

export interface Unknown {
  readonly apiVersion: string
  readonly kind: string
  readonly raw: Uint8Array
}

const typeMetaFields = fieldsOf({ apiVersion: 1, kind: 2 })
const unknownFields = new Map<number, FieldCodec>([
  [
    1,
    {
      ...{ name: 'typeMeta', number: 1, type: wire.bytes, write() {} },
      read: (reader, into) => readFields(reader.nested(), typeMetaFields, into),
    },
  ],
  [2, { name: 'raw', number: 2, type: wire.bytes, write() {}, read: (reader, into) => void (into.raw = reader.bytes()) }],
])

function fieldsOf(numbers: Readonly<Record<string, number>>): Map<number, FieldCodec> {
  return new Map(Object.entries(numbers).map(([name, number]) => [number, fieldOf(name, number, { type: 'string' })]))
}

export function unwrapUnknown(bytes: Uint8Array): Unknown {
  if (!magic.equals(bytes.subarray(0, 4))) {
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]')
  }
  const unknown: Unknown = { apiVersion: '', kind: '', raw: new Uint8Array() }
  readFields(new Reader(bytes, 4), unknownFields, unknown as unknown as Json)
  return unknown
}

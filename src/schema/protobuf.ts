/**
 * Objects as Kubernetes' protobuf and back. The numbers stand in the schemas; a schema is compiled once into writers and readers.
 *
 * What is in an object is written; what is absent is not. Reading gives JSON values of the right types, still to be brought into shape by
 * `decode`, which fills in and drops zero values. Sources: apimachinery `runtime/serializer/protobuf`, `generated.proto`.
 */
import { formatMicroTime, formatTime } from '#lib/clock.ts'
import { parseJson, stringifyJson } from './json.ts'
import { ProtobufError, Reader, Writer, wire } from './protobuf-wire.ts'
import type { Field, ListNode, MapNode, Node, ObjectNode, ScalarNode, Schema } from './words.ts'

export { ProtobufError } from './protobuf-wire.ts'

type Write = (writer: Writer, value: any) => void
type Read = (reader: Reader) => unknown

/** How one value stands behind its tag. */
interface Codec {
  readonly type: number
  readonly write: Write
  readonly read: Read
}

export function encodeProtobuf(schema: Schema<any> | Node, value: unknown): Uint8Array {
  const writer = new Writer()
  messageOf(schema as ObjectNode).write(writer, value as Record<string, unknown>)
  return writer.finish()
}

export function decodeProtobuf<T>(schema: Schema<T>, bytes: Uint8Array): T {
  return messageOf(schema as unknown as ObjectNode).read(new Reader(bytes)) as T
}

interface Message {
  write(writer: Writer, value: Record<string, unknown>): void
  read(reader: Reader): Record<string, unknown>
}

const messages = new WeakMap<ObjectNode, Message>()

function messageOf(schema: ObjectNode): Message {
  const known = messages.get(schema)
  if (known) return known
  const compiled: Message = { write: () => {}, read: () => ({}) }
  messages.set(schema, compiled)
  Object.assign(compiled, compile(Object.entries(schema.fields)))
  return compiled
}

/** Fields by number; those of an embedded struct share a message of their own. */
function compile(fields: readonly (readonly [string, Field])[]): Message {
  const own = fields.filter(([, { number, embeddedIn }]) => number > 0 && embeddedIn === undefined)
  const embedded = Map.groupBy(
    fields.filter(([, { embeddedIn }]) => embeddedIn !== undefined),
    ([, { embeddedIn }]) => embeddedIn as number,
  )
  const writers: { readonly number: number; readonly write: Write }[] = []
  const readers = new Map<number, (reader: Reader, into: Record<string, unknown>) => void>()
  for (const [name, field] of own) {
    const entry = fieldOf(name, field.number, field.schema)
    writers.push({ number: field.number, write: entry.write })
    readers.set(field.number, entry.read)
  }
  for (const [number, members] of embedded) {
    const inner = compile(members.map(([name, { embeddedIn: _, ...field }]) => [name, field] as const))
    writers.push({
      number,
      write: (writer, value) => {
        writer.tag(number, wire.bytes)
        writer.nested(() => inner.write(writer, value))
      },
    })
    readers.set(number, (reader, into) => void Object.assign(into, inner.read(reader.nested())))
  }
  writers.sort((a, b) => a.number - b.number)
  return {
    write(writer, value) {
      for (const { write } of writers) write(writer, value)
    },
    read(reader) {
      const into: Record<string, unknown> = {}
      while (!reader.isAtEnd) {
        const { number, type } = reader.tag()
        const read = readers.get(number)
        if (read) read(reader, into)
        else reader.skip(type)
      }
      return into
    },
  }
}

interface FieldCodec {
  readonly write: Write
  readonly read: (reader: Reader, into: Record<string, any>) => void
}

function fieldOf(name: string, number: number, schema: Node): FieldCodec {
  if (schema.type === 'list') return listField(name, number, schema)
  if (schema.type === 'map') return mapField(name, number, schema)
  const { type, write, read } = codecOf(schema)
  return {
    write(writer, value) {
      const one = value[name]
      if (one === undefined || (one === null && schema.type !== 'time' && schema.type !== 'microTime')) return
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
    write(writer, value) {
      for (const one of value[name] ?? []) {
        writer.tag(number, type)
        write(writer, one)
      }
    },
    read(reader, into) {
      into[name] ??= []
      into[name].push(read(reader))
    },
  }
}

function mapField(name: string, number: number, { values }: MapNode): FieldCodec {
  const { type, write, read } = codecOf(values)
  return {
    write(writer, value) {
      const entries = Object.entries(value[name] ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
      for (const [key, one] of entries) {
        writer.tag(number, wire.bytes)
        writer.nested(() => {
          writer.tag(1, wire.bytes)
          writer.string(key)
          writer.tag(2, type)
          write(writer, one)
        })
      }
    },
    read(reader, into) {
      into[name] ??= Object.create(null)
      const entry = reader.nested()
      let key = ''
      let one: unknown
      while (!entry.isAtEnd) {
        const tag = entry.tag()
        if (tag.number === 1) key = text(entry)
        else if (tag.number === 2) one = read(entry)
        else entry.skip(tag.type)
      }
      into[name][key] = one ?? empty(values)
    },
  }
}

function empty(values: Node): unknown {
  if (values.type === 'list') return []
  if (values.type === 'object' || values.type === 'map') return {}
  return values.type === 'boolean' ? false : values.type === 'int32' || values.type === 'int64' ? 0 : ''
}

function codecOf(schema: Node): Codec {
  switch (schema.type) {
    case 'object': {
      const message = messageOf(schema)
      return nested(
        (writer, value) => message.write(writer, value),
        (reader) => message.read(reader),
      )
    }
    case 'list': {
      // Inside a map a list is a message with `items = 1` (ExtraValue and its like).
      const items = listField('items', 1, schema)
      return fields(
        { write: (writer, value) => items.write(writer, { items: value }), read: (into) => into.items ?? [] },
        { 1: items },
      )
    }
    case 'map':
      throw new ProtobufError('a map of maps has no protobuf form')
    default:
      return scalarOf(schema)
  }
}

function nested(write: Write, read: Read): Codec {
  return {
    type: wire.bytes,
    write: (writer, value) => writer.nested(() => write(writer, value)),
    read: (reader) => read(reader.nested()),
  }
}

/** A small message of fixed fields, and how a value is made of them. */
function fields(
  { write, read }: { write: Write; read: (parts: Record<string, any>) => unknown },
  members: Readonly<Record<number, FieldCodec>>,
): Codec {
  return nested(write, (reader) => {
    const parts: Record<string, unknown> = {}
    while (!reader.isAtEnd) {
      const { number, type } = reader.tag()
      const member = members[number]
      if (member) member.read(reader, parts)
      else reader.skip(type)
    }
    return read(parts)
  })
}

function scalarOf({ type }: ScalarNode): Codec {
  return scalars[type]
}

const text = (reader: Reader) => reader.bytes().toString('utf8')

/** Those that stand by themselves; filled up below with those that are messages made of them. */
const scalars = {
  string: { type: wire.bytes, write: (writer, value) => writer.string(value), read: text },
  boolean: {
    type: wire.varint,
    write: (writer, value) => writer.varint(value ? 1 : 0),
    read: (reader) => Number(reader.varint()) !== 0,
  },
  int32: {
    type: wire.varint,
    write: (writer, value) => writer.varint(value),
    read: (reader) => Number(BigInt.asIntN(32, BigInt(reader.varint()))),
  },
  int64: { type: wire.varint, write: (writer, value) => writer.varint(value), read: (reader) => reader.signed() },
  double: { type: wire.fixed64, write: (writer, value) => writer.double(value), read: (reader) => reader.double() },
  bytes: {
    type: wire.bytes,
    write: (writer, value) => writer.bytes(Buffer.from(value, 'base64')),
    read: (reader) => reader.bytes().toString('base64'),
  },
} as Record<ScalarNode['type'], Codec>

const part = (name: string, number: number, type: ScalarNode['type']) => fieldOf(name, number, { type })

const quantityText = part('string', 1, 'string')
const seconds = part('seconds', 1, 'int64')
const nanos = part('nanos', 2, 'int32')
const nanoseconds = part('duration', 1, 'int64')
const intType = part('type', 1, 'int64')
const intValue = part('intVal', 2, 'int32')
const stringValue = part('strVal', 3, 'string')
const rawBytes = part('raw', 1, 'bytes')

Object.assign(scalars, {
  quantity: fields(
    { write: (writer, value) => quantityText.write(writer, { string: String(value) }), read: (parts) => parts.string ?? '0' },
    { 1: quantityText },
  ),
  time: timestamp(formatTime),
  microTime: timestamp(formatMicroTime),
  duration: fields(
    {
      write: (writer, value) => nanoseconds.write(writer, { duration: durationNanos(value) }),
      read: (parts) => parts.duration ?? 0,
    },
    { 1: nanoseconds },
  ),
  intOrString: fields(
    {
      write(writer, value) {
        const isText = typeof value === 'string'
        intType.write(writer, { type: isText ? 1 : 0 })
        intValue.write(writer, { intVal: isText ? 0 : value })
        stringValue.write(writer, { strVal: isText ? value : '' })
      },
      read: (parts) => (Number(parts.type ?? 0) === 1 ? (parts.strVal ?? '') : (parts.intVal ?? 0)),
    },
    { 1: intType, 2: intValue, 3: stringValue },
  ),
  raw: fields(
    {
      write: (writer, value) => rawBytes.write(writer, { raw: Buffer.from(stringifyJson(value)).toString('base64') }),
      read: (parts) => (parts.raw ? parseJson(Buffer.from(parts.raw, 'base64')).value : null),
    },
    { 1: rawBytes },
  ),
} satisfies Partial<Record<ScalarNode['type'], Codec>>)

/** Google's Timestamp; none at all stands for Go's zero time, which is null in JSON. */
function timestamp(format: (milliseconds: number) => string): Codec {
  return fields(
    {
      write(writer, value) {
        if (!value) return
        const milliseconds = Date.parse(value)
        const whole = Math.floor(milliseconds / 1000)
        const fraction = /\.(\d+)/.exec(value)?.[1] ?? ''
        seconds.write(writer, { seconds: whole })
        nanos.write(writer, { nanos: Number(fraction.padEnd(9, '0').slice(0, 9)) })
      },
      read(parts) {
        if (parts.seconds === undefined && parts.nanos === undefined) return null
        const base = format(Number(parts.seconds ?? 0) * 1000)
        const micros = String(Math.trunc((parts.nanos ?? 0) / 1000)).padStart(6, '0')
        return base.replace(/\.\d{6}Z$/, `.${micros}Z`)
      },
    },
    { 1: seconds, 2: nanos },
  )
}

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
}

/** Go's `1h2m3.5s` in nanoseconds. */
function durationNanos(value: string | number | bigint): bigint {
  if (typeof value !== 'string') return BigInt(value)
  let sum = 0n
  for (const [, whole = '0', fraction = '', unit = ''] of value.matchAll(/(\d*)(?:\.(\d+))?(ns|us|µs|ms|s|m|h)/g)) {
    const scale = units[unit] as bigint
    sum += BigInt(whole || '0') * scale
    if (fraction) sum += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length)
  }
  return value.startsWith('-') ? -sum : sum
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

export function unwrapUnknown(bytes: Uint8Array): Unknown {
  if (!magic.equals(bytes.subarray(0, 4)))
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]')
  const reader = new Reader(bytes, 4)
  const unknown = { apiVersion: '', kind: '', raw: Buffer.alloc(0) as Uint8Array }
  while (!reader.isAtEnd) {
    const { number, type } = reader.tag()
    if (number === 1) {
      const meta = reader.nested()
      while (!meta.isAtEnd) {
        const tag = meta.tag()
        if (tag.number === 1) unknown.apiVersion = text(meta)
        else if (tag.number === 2) unknown.kind = text(meta)
        else meta.skip(tag.type)
      }
    } else if (number === 2) unknown.raw = reader.bytes()
    else reader.skip(type)
  }
  return unknown
}

/** Scalars as protobuf: those of the wire itself, and those that are small messages of their own in Go. */
import { formatMicroTime, formatTime } from '#lib/clock.ts'
import { formatDuration, parseDuration } from './go-time.ts'
import { parseJson, stringifyJson } from './json.ts'
import { ProtobufError, type Reader, type Writer, wire } from './protobuf-wire.ts'
import type { ScalarType } from './words.ts'

/** How one value stands behind its tag. */
export interface Codec {
  /** Wire type. */
  readonly type: number
  write(writer: Writer, value: any): void
  read(reader: Reader): unknown
}

const string: Codec = { type: wire.bytes, write: (writer, value) => writer.string(value), read: (reader) => reader.string() }
const bytes: Codec = {
  type: wire.bytes,
  write: (writer, value) => writer.bytes(Buffer.from(value, 'base64')),
  read: (reader) => reader.bytes().toString('base64'),
}
const int32: Codec = { type: wire.varint, write: (writer, value) => writer.varint(value), read: (reader) => reader.int32() }
const int64: Codec = { type: wire.varint, write: (writer, value) => writer.varint(value), read: (reader) => reader.signed() }

export const scalars: Readonly<Record<ScalarType, Codec>> = {
  string,
  bytes,
  int32,
  int64,
  boolean: {
    type: wire.varint,
    write: (writer, value) => writer.varint(value ? 1 : 0),
    read: (reader) => Number(reader.varint()) !== 0,
  },
  double: { type: wire.fixed64, write: (writer, value) => writer.double(value), read: (reader) => reader.double() },
  quantity: message({ 1: string }, { split: (value) => [[1, String(value)]], join: (parts) => parts[1] ?? '0' }),
  time: timestamp(formatTime),
  microTime: timestamp(formatMicroTime),
  duration: message(
    { 1: int64 },
    {
      split: (value) => [[1, parseDuration(value)]],
      join: (parts) => formatDuration(BigInt(parts[1] ?? 0)),
    },
  ),
  intOrString: message(
    { 1: int64, 2: int32, 3: string },
    {
      split: (value) => (typeof value === 'string' ? intOrText(1, 0, value) : intOrText(0, value, '')),
      join: (parts) => (Number(parts[1] ?? 0) === 1 ? (parts[3] ?? '') : (parts[2] ?? 0)),
    },
  ),
  raw: message(
    { 1: { type: wire.bytes, write: (writer, value) => writer.bytes(value), read: (reader) => reader.bytes() } },
    {
      split: (value) => [[1, Buffer.from(stringifyJson(value))]],
      join: (parts) => (parts[1]?.length > 0 ? parseJson(parts[1]).value : null),
    },
  ),
}

function intOrText(type: number, number: number, text: string): [number, unknown][] {
  return [
    [1, type],
    [2, number],
    [3, text],
  ]
}

interface Shape {
  /** The fields of a value, by number. */
  split(value: any): [number, unknown][]
  join(parts: Record<number, any>): unknown
}

/** A small message of scalars, which stands for one JSON value. */
function message(members: Readonly<Record<number, Codec>>, { split, join }: Shape): Codec {
  return {
    type: wire.bytes,
    write(writer, value) {
      writer.nested(() => {
        for (const [number, part] of split(value)) {
          const codec = members[number] as Codec
          writer.tag(number, codec.type)
          codec.write(writer, part)
        }
      })
    },
    read(outer) {
      const reader = outer.nested()
      const parts: Record<number, unknown> = {}
      while (!reader.isAtEnd) {
        const { number, type } = reader.tag()
        const codec = members[number]
        if (!codec) reader.skip(type)
        else if (codec.type === type) parts[number] = codec.read(reader)
        else throw wrongWireType(type, String(number))
      }
      return join(parts)
    },
  }
}

/** The last second that has a text, in the year 9999, and the first, in the year 0. */
const [firstSecond, lastSecond] = [-62_167_219_200, 253_402_300_799]

/** Google's Timestamp; none at all stands for Go's zero time, which is null in JSON. */
function timestamp(format: (milliseconds: number) => string): Codec {
  return message(
    { 1: int64, 2: int32 },
    {
      split(value) {
        if (!value) return []
        const fraction = /\.(\d+)/.exec(value)?.[1] ?? ''
        const nanos = Number(fraction.padEnd(9, '0').slice(0, 9))
        const seconds: [number, unknown] = [1, Math.floor(Date.parse(value) / 1000)]
        return nanos === 0 ? [seconds] : [seconds, [2, nanos]]
      },
      join(parts) {
        if (parts[1] === undefined && parts[2] === undefined) return null
        const seconds = Number(parts[1] ?? 0)
        const nanos = parts[2] ?? 0
        if (seconds < firstSecond || seconds > lastSecond || nanos < 0 || nanos > 999_999_999) {
          throw new ProtobufError('Time.MarshalJSON: year outside of range [0,9999]')
        }
        const micros = String(Math.trunc(nanos / 1000)).padStart(6, '0')
        return format(seconds * 1000).replace(/\.\d{6}Z$/, `.${micros}Z`)
      },
    },
  )
}

export function wrongWireType(type: number, field: string): ProtobufError {
  const name = field.charAt(0).toUpperCase() + field.slice(1)
  return new ProtobufError(`proto: wrong wireType = ${type} for field ${name}`)
}

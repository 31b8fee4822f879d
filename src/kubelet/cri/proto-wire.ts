/**
 * Messages of a .proto file to bytes and back. 64-bit integers are text, since nanoseconds exceed 2^53; enums are their names; what the
 * wire leaves out has its default; fields that the file does not know are skipped.
 */
import type { Field, FieldType, MessageType, Scalar } from './proto-file.ts'

export type Message = Record<string, any>

export function encode(type: MessageType, value: Message): Buffer {
  const parts: Uint8Array[] = []
  for (const field of type.fields) {
    const given = value[field.name]
    if (given === undefined || given === null) continue
    if (field.isMap) for (const [key, one] of Object.entries(given)) put(parts, field.number, 2, entry(field, key, one))
    else if (!field.isRepeated) encodeField(parts, field, given, { isDefaultLeftOut: true })
    else if (isPacked(field.type) && given.length > 0) {
      put(parts, field.number, 2, Buffer.concat(given.map((one: unknown) => varint(numberOf(field.type, one)))))
    } else for (const one of given) encodeField(parts, field, one, { isDefaultLeftOut: false })
  }
  return Buffer.concat(parts)
}

function isPacked(type: FieldType): boolean {
  return type.is === 'enum' || (type.is === 'scalar' && type.scalar !== 'string' && type.scalar !== 'bytes')
}

function entry({ type }: Field, key: string, value: unknown): Buffer {
  const parts: Uint8Array[] = []
  put(parts, 1, 2, Buffer.from(key))
  encodeField(parts, { number: 2, type }, value, { isDefaultLeftOut: false })
  return Buffer.concat(parts)
}

function encodeField(
  parts: Uint8Array[],
  { number, type }: Pick<Field, 'number' | 'type'>,
  value: any,
  { isDefaultLeftOut }: { isDefaultLeftOut: boolean },
): void {
  if (type.is === 'message') return put(parts, number, 2, encode(type.message, value))
  if (isPacked(type)) {
    const amount = numberOf(type, value)
    if (!isDefaultLeftOut || amount !== 0n) parts.push(varint(BigInt(number * 8)), varint(amount))
    return
  }
  if (isDefaultLeftOut && value.length === 0) return
  put(parts, number, 2, typeof value === 'string' ? Buffer.from(value) : value)
}

function put(parts: Uint8Array[], number: number, wireType: number, bytes: Uint8Array): void {
  parts.push(varint(BigInt(number * 8 + wireType)), varint(BigInt(bytes.length)), bytes)
}

function numberOf(type: FieldType, value: any): bigint {
  if (type.is === 'enum' && typeof value === 'string') return BigInt(type.numbers.get(value) ?? 0)
  return BigInt(typeof value === 'number' ? Math.trunc(value) : value)
}

/** Negative numbers take ten bytes, whatever their type. */
function varint(value: bigint): Uint8Array {
  if (value >= 0n && value < 0x80n) return Uint8Array.of(Number(value))
  const bytes: number[] = []
  let left = BigInt.asUintN(64, value)
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80)
  bytes.push(Number(left))
  return Uint8Array.from(bytes)
}

export function decode(type: MessageType, bytes: Uint8Array): Message {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return new Decoder(buffer).message(type, buffer.length)
}

function defaultOf({ type, isMap, isRepeated }: Field): unknown {
  if (isMap) return {}
  if (isRepeated) return []
  if (type.is === 'message') return null
  return type.is === 'enum' ? (type.names.get(0) ?? 0) : scalarDefaults[type.scalar]
}

const scalarDefaults: Readonly<Record<Scalar, unknown>> = {
  string: '',
  bytes: Buffer.alloc(0),
  bool: false,
  int32: 0,
  uint32: 0,
  int64: '0',
  uint64: '0',
}

class Decoder {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  message(type: MessageType, end: number): Message {
    const result: Message = {}
    for (const field of type.fields) result[field.name] = defaultOf(field)
    while (this.#at < end) {
      const tag = this.#small()
      const field = type.byNumber.get(tag >>> 3)
      if (field) this.#read(result, field, tag & 7)
      else this.#skip(tag & 7)
    }
    if (this.#at !== end) throw new Error(`proto: ${type.name} ends within a field`)
    return result
  }

  #read(result: Message, field: Field, wireType: number): void {
    const { name, type } = field
    if (field.isMap) this.#entry(result[name], type)
    else if (!field.isRepeated) result[name] = this.#value(type)
    else if (isPacked(type) && wireType === 2) {
      for (const end = this.#end(); this.#at < end; ) result[name].push(this.#value(type))
    } else result[name].push(this.#value(type))
  }

  #entry(map: Message, type: FieldType): void {
    const end = this.#end()
    let key = ''
    let value: unknown = type.is === 'message' ? {} : type.is === 'scalar' ? scalarDefaults[type.scalar] : type.names.get(0)
    while (this.#at < end) {
      const number = this.#small() >>> 3
      if (number === 1) key = this.#text()
      else value = this.#value(type)
    }
    map[key] = value
  }

  #value(type: FieldType): unknown {
    if (type.is === 'message') return this.message(type.message, this.#end())
    if (type.is === 'enum') {
      const number = this.#small()
      return type.names.get(number) ?? number
    }
    if (type.scalar === 'string') return this.#text()
    if (type.scalar === 'bytes') return this.#raw()
    if (type.scalar === 'bool') return this.#varint() !== 0n
    if (type.scalar === 'int64') return `${BigInt.asIntN(64, this.#varint())}`
    if (type.scalar === 'uint64') return `${this.#varint()}`
    return type.scalar === 'int32' ? Number(BigInt.asIntN(32, this.#varint())) : this.#small()
  }

  #raw(): Buffer {
    const end = this.#end()
    const from = this.#at
    return Buffer.from(this.#bytes.subarray(from, this.#jump(end)))
  }

  #text(): string {
    const end = this.#end()
    const from = this.#at
    return this.#bytes.toString('utf8', from, this.#jump(end))
  }

  /** Reads a length, and answers where what it measures ends. */
  #end(): number {
    const length = this.#small()
    const end = this.#at + length
    if (end > this.#bytes.length) throw new Error('proto: a length leads beyond the end')
    return end
  }

  #jump(to: number): number {
    this.#at = to
    return to
  }

  /** Up to 2^32, which holds for tags, lengths and enums. */
  #small(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new Error('proto: ends within a number')
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new Error('proto: a number is too long')
  }

  #varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new Error('proto: ends within a number')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new Error('proto: a number is too long')
  }

  #skip(wireType: number): void {
    if (wireType === 0) this.#varint()
    else if (wireType === 2) this.#jump(this.#end())
    else this.#at += wireType === 1 ? 8 : 4
  }
}

/** The protobuf wire format: tags, varints, lengths (protobuf.dev, "Encoding"). */

export class ProtobufError extends Error {}

export const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/** Writes forward; a nested message's length is filled in behind it. */
export class Writer {
  #buffer = Buffer.allocUnsafe(1024)
  #length = 0

  tag(number: number, type: number): void {
    this.varint(number * 8 + type)
  }

  varint(value: number | bigint): void {
    if (typeof value === 'bigint' || value < 0 || value > 0xffffffff) return this.#bigVarint(BigInt(value))
    this.#reserve(5)
    let rest = value
    while (rest > 127) {
      this.#buffer[this.#length++] = (rest & 127) | 128
      rest = Math.floor(rest / 128)
    }
    this.#buffer[this.#length++] = rest
  }

  double(value: number): void {
    this.#reserve(8)
    this.#length = this.#buffer.writeDoubleLE(value, this.#length)
  }

  string(text: string): void {
    const size = Buffer.byteLength(text)
    this.varint(size)
    this.#reserve(size)
    this.#length += this.#buffer.write(text, this.#length)
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length)
    this.#reserve(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
  }

  /** What `write` writes, with its length before it. */
  nested(write: () => void): void {
    this.#reserve(1)
    const start = ++this.#length
    write()
    const size = this.#length - start
    if (size < 128) {
      this.#buffer[start - 1] = size
      return
    }
    const extra = size < 1 << 14 ? 1 : size < 1 << 21 ? 2 : size < 1 << 28 ? 3 : 4
    this.#reserve(extra)
    this.#buffer.copyWithin(start + extra, start, this.#length)
    const end = this.#length + extra
    this.#length = start - 1
    this.varint(size)
    this.#length = end
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  #bigVarint(value: bigint): void {
    this.#reserve(10)
    let rest = BigInt.asUintN(64, value)
    while (rest > 127n) {
      this.#buffer[this.#length++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.#buffer[this.#length++] = Number(rest)
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + more))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }
}

/** Messages may nest so deep; schemas that contain themselves would else follow hostile input down to the end of the stack. */
const maxDepth = 500

/** Reads within bounds; every length is checked before it is used. */
export class Reader {
  readonly #bytes: Buffer
  #at: number
  readonly #end: number
  readonly #depth: number

  constructor(bytes: Uint8Array, start = 0, { end = bytes.length, depth = 0 } = {}) {
    if (depth > maxDepth) throw new ProtobufError('proto: exceeded maximum recursion depth')
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = start
    this.#end = end
    this.#depth = depth
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end
  }

  /** Number and type of the next field. */
  tag(): { number: number; type: number } {
    const value = Number(this.varint())
    const number = Math.floor(value / 8)
    if (number < 1) throw new ProtobufError('proto: illegal tag')
    return { number, type: value % 8 }
  }

  /** An unsigned value; a bigint where a number is not exact. */
  varint(): number | bigint {
    let low = 0
    let scale = 1
    for (let i = 0; i < 7; i++) {
      const byte = this.#byte()
      low += (byte & 127) * scale
      if (byte < 128) return low
      scale *= 128
    }
    let value = BigInt(low)
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte()
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return shrink(BigInt.asUintN(64, value))
    }
    throw new ProtobufError('proto: integer overflow')
  }

  /** The same as a two's complement number of 64 bits. */
  signed(): number | bigint {
    const value = this.varint()
    return typeof value === 'number' && value < 2 ** 53 ? value : shrink(BigInt.asIntN(64, BigInt(value)))
  }

  /** The lowest 32 bits as a two's complement number; Go drops the others too. */
  int32(): number {
    const value = this.varint()
    return typeof value === 'number' ? value | 0 : Number(BigInt.asIntN(32, value))
  }

  double(): number {
    const at = this.#take(8)
    return this.#bytes.readDoubleLE(at)
  }

  bytes(): Buffer {
    const size = Number(this.varint())
    const at = this.#take(size)
    return this.#bytes.subarray(at, at + size)
  }

  string(): string {
    const size = Number(this.varint())
    const at = this.#take(size)
    return this.#bytes.toString('utf8', at, at + size)
  }

  /** A reader of the next field's content. */
  nested(): Reader {
    const size = Number(this.varint())
    const at = this.#take(size)
    return new Reader(this.#bytes, at, { end: at + size, depth: this.#depth + 1 })
  }

  skip(type: number): void {
    if (type === wire.varint) this.varint()
    else if (type === wire.fixed64) this.#take(8)
    else if (type === wire.bytes) this.bytes()
    else if (type === wire.fixed32) this.#take(4)
    else throw new ProtobufError(`proto: illegal wireType ${type}`)
  }

  #byte(): number {
    return this.#bytes[this.#take(1)] as number
  }

  #take(size: number): number {
    const at = this.#at
    if (!(size >= 0) || at + size > this.#end) throw new ProtobufError('unexpected EOF')
    this.#at += size
    return at
  }
}

function shrink(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

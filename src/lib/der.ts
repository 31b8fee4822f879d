/** ASN.1 as X.509 writes it (X.690, DER): what a value is made of, and what one consists of. */

export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const size = body.length < 0x80 ? [body.length] : longSize(body.length)
  return Buffer.concat([Buffer.from([tag, ...size]), body])
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)
export const octets = (...parts: readonly Uint8Array[]): Buffer => der(0x04, ...parts)
export const truth = der(0x01, Buffer.of(0xff))

/** Bytes of a number that is not negative. */
export function integer(bytes: Uint8Array): Buffer {
  return der(0x02, ...((bytes[0] ?? 0) >= 0x80 ? [Buffer.of(0)] : []), bytes)
}

export function bits(bytes: Uint8Array, unused = 0): Buffer {
  return der(0x03, Buffer.of(unused), bytes)
}

/** `1.2.840.10045.4.3.2`. */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const groups = rest.flatMap((number) => {
    const bytes = [number & 0x7f]
    for (let left = number >>> 7; left > 0; left >>>= 7) bytes.unshift((left & 0x7f) | 0x80)
    return bytes
  })
  return der(0x06, Buffer.of(40 * first + second, ...groups))
}

/** As RFC 5280 wants a time: two digits for the year until 2049. */
export function time(milliseconds: number): Buffer {
  const text = `${new Date(milliseconds)
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:T]/g, '')}Z`
  const isShort = text < '2050'
  return der(isShort ? 0x17 : 0x18, Buffer.from(isShort ? text.slice(2) : text))
}

export interface DerValue {
  readonly tag: number
  /** With tag and length. */
  readonly whole: Buffer
  readonly body: Buffer
}

/** The values that stand one after the other in there. */
export function valuesIn(bytes: Uint8Array): DerValue[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: DerValue[] = []
  for (let at = 0; at < buffer.length; ) {
    const first = buffer[at + 1] ?? 0
    const extra = first < 0x80 ? 0 : first & 0x7f
    const length = extra === 0 ? first : buffer.readUIntBE(at + 2, extra)
    const from = at + 2 + extra
    if (from + length > buffer.length) throw new Error('der: a length leads beyond the end')
    found.push({ tag: buffer[at] ?? 0, whole: buffer.subarray(at, from + length), body: buffer.subarray(from, from + length) })
    at = from + length
  }
  return found
}

function longSize(length: number): number[] {
  const bytes: number[] = []
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left % 256)
  return [0x80 | bytes.length, ...bytes]
}

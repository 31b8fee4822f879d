/** XSalsa20 and Poly1305 as NaCl's secretbox puts them together; Node's crypto has neither. */
import { timingSafeEqual } from 'node:crypto'

const nonceSize = 24
const tagSize = 16

/** Answers tag and ciphertext. */
export function seal(message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  const { pad, oneTimeKey } = stream(message.byteLength, nonce, key)
  const box = new Uint8Array(tagSize + message.byteLength)
  for (let i = 0; i < message.byteLength; i++) box[tagSize + i] = message[i]! ^ pad[i]!
  box.set(poly1305(box.subarray(tagSize), oneTimeKey))
  return box
}

/** Undefined where the box was not sealed with this key and nonce. */
export function open(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  if (box.byteLength < tagSize || nonce.byteLength !== nonceSize) return undefined
  const { pad, oneTimeKey } = stream(box.byteLength - tagSize, nonce, key)
  const sealed = box.subarray(tagSize)
  if (!timingSafeEqual(poly1305(sealed, oneTimeKey), box.subarray(0, tagSize))) return undefined
  return sealed.map((byte, i) => byte ^ pad[i]!)
}

/** The first 32 bytes of the key stream are the key of the authenticator; the message begins behind them. */
function stream(size: number, nonce: Uint8Array, key: Uint8Array): { pad: Uint8Array; oneTimeKey: Uint8Array } {
  const subKey = hsalsa20(key, nonce.subarray(0, 16))
  const blocks = Math.ceil((size + 32) / 64)
  const bytes = new Uint8Array(blocks * 64)
  const input = new Uint8Array(16)
  input.set(nonce.subarray(16))
  const counter = new DataView(input.buffer)
  for (let block = 0; block < blocks; block++) {
    counter.setUint32(8, block, true)
    const state = initial(subKey, input)
    const mixed = rounds(state)
    const out = new DataView(bytes.buffer, block * 64)
    for (let i = 0; i < 16; i++) out.setUint32(i * 4, mixed[i]! + state[i]!, true)
  }
  return { oneTimeKey: bytes.subarray(0, 32), pad: bytes.subarray(32) }
}

function hsalsa20(key: Uint8Array, input: Uint8Array): Uint8Array {
  const mixed = rounds(initial(key, input))
  const out = new DataView(new ArrayBuffer(32))
  for (const [i, word] of [0, 5, 10, 15, 6, 7, 8, 9].entries()) out.setUint32(i * 4, mixed[word]!, true)
  return new Uint8Array(out.buffer)
}

/** `expand 32-byte k`, key and input where Salsa20 has them. */
function initial(key: Uint8Array, input: Uint8Array): Uint32Array {
  const k = words(key)
  const n = words(input)
  const [c0, c1, c2, c3] = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]
  return Uint32Array.of(c0, ...k.subarray(0, 4), c1, ...n, c2, ...k.subarray(4), c3)
}

function words(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Uint32Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getUint32(i * 4, true))
}

/** Columns and rows of quarter rounds, ten times. */
const quarters = [
  [0, 4, 8, 12],
  [5, 9, 13, 1],
  [10, 14, 2, 6],
  [15, 3, 7, 11],
  [0, 1, 2, 3],
  [5, 6, 7, 4],
  [10, 11, 8, 9],
  [15, 12, 13, 14],
] as const

function rounds(state: Uint32Array): Uint32Array {
  const x = state.slice()
  for (let round = 0; round < 10; round++) {
    for (const [a, b, c, d] of quarters) {
      x[b]! ^= rotate(x[a]! + x[d]!, 7)
      x[c]! ^= rotate(x[b]! + x[a]!, 9)
      x[d]! ^= rotate(x[c]! + x[b]!, 13)
      x[a]! ^= rotate(x[d]! + x[c]!, 18)
    }
  }
  return x
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

const prime = (1n << 130n) - 5n

/** RFC 8439, 2.5. */
function poly1305(message: Uint8Array, key: Uint8Array): Uint8Array {
  const r = numberOf(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn
  let sum = 0n
  for (let at = 0; at < message.byteLength; at += 16) {
    const block = message.subarray(at, at + 16)
    sum = ((sum + numberOf(block) + (1n << BigInt(8 * block.byteLength))) * r) % prime
  }
  const tag = new Uint8Array(tagSize)
  let left = sum + numberOf(key.subarray(16, 32))
  for (let i = 0; i < tagSize; i++, left >>= 8n) tag[i] = Number(left & 0xffn)
  return tag
}

function numberOf(littleEndian: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(littleEndian).reverse().toString('hex') || '0'}`)
}

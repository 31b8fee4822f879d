/** Chance as a parameter: components are handed a Random and never ask the machine. */
import { randomBytes, randomUUID } from 'node:crypto'

export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** An RFC 4122 version 4 UUID. */
  uuid(): string
  /** Unpredictable bytes where the source is the machine; repeatable ones where it is seeded. */
  bytes(length: number): Uint8Array
}

/** Asking the machine is dear: it is asked for many numbers at once. */
const drawn = { bytes: Buffer.alloc(0), at: 0 }

export const systemRandom: Random = {
  next() {
    if (drawn.at >= drawn.bytes.length) {
      drawn.bytes = randomBytes(6 * 256)
      drawn.at = 0
    }
    drawn.at += 6
    return drawn.bytes.readUIntBE(drawn.at - 6, 6) / 2 ** 48
  },
  uuid: () => randomUUID(),
  bytes: (length) => randomBytes(length),
}

/** A repeatable source (mulberry32): the same seed gives the same sequence. Not for keys or tokens. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const bytes = (length: number) => Uint8Array.from({ length }, () => Math.floor(next() * 256))
  const uuid = () => {
    const raw = Buffer.from(bytes(16))
    raw[6] = ((raw[6] as number) & 0x0f) | 0x40
    raw[8] = ((raw[8] as number) & 0x3f) | 0x80
    const hex = raw.toString('hex')
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  }
  return { next, uuid, bytes }
}

/** Letters and digits that spell no words by accident (upstream's `rand.String`). */
const safeAlphabet = 'bcdfghjklmnpqrstvwxz2456789'

/** The ending of generated names, such as `x7k2p`. */
export function suffix(random: Random, length = 5): string {
  let out = ''
  for (let i = 0; i < length; i++) out += safeAlphabet[Math.floor(random.next() * safeAlphabet.length)]
  return out
}

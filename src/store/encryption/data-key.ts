/**
 * Keys that encrypt values and are themselves encrypted by a KMS: AES-GCM under the key as it is, or under one that is derived for each
 * value from a seed, so that no number of values wears it out (upstream `aes_extended_nonce.go`).
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import type { Random } from '#lib/random.ts'

/** `context` is the key under which the value is stored. */
export interface DataKey {
  /** Throws where it was not sealed by this key. */
  open(sealed: Uint8Array, context: string): Uint8Array
}

export interface SeededKey extends DataKey {
  seal(value: Uint8Array, context: string): Uint8Array
}

export const seedSize = 32
const infoSize = 32
const nonceSize = 12
const tagSize = 16
const tooShort = 'the stored data was shorter than the required size'

/** The info of the derivation, the nonce, the ciphertext, the tag. */
export function seededKey(seed: Uint8Array, random: Random): SeededKey {
  if (seed.byteLength < seedSize) throw new Error(`invalid seed length ${seed.byteLength} used for key generation`)
  return {
    seal(value, context) {
      const info = random.bytes(infoSize)
      const nonce = random.bytes(nonceSize)
      const sealing = createCipheriv('aes-256-gcm', derived(seed, info), nonce).setAAD(Buffer.from(context))
      return Buffer.concat([info, nonce, sealing.update(value), sealing.final(), sealing.getAuthTag()])
    },
    open(sealed, context) {
      if (sealed.byteLength < infoSize) throw new Error(tooShort)
      return opened(derived(seed, sealed.subarray(0, infoSize)), sealed.subarray(infoSize), context)
    },
  }
}

/** For reading alone: values that were written before keys were derived. */
export function plainKey(key: Uint8Array): DataKey {
  if (![16, 24, 32].includes(key.byteLength)) throw new Error(`crypto/aes: invalid key size ${key.byteLength}`)
  return { open: (sealed, context) => opened(key, sealed, context) }
}

/** The first block of HKDF's expansion with SHA-256 (RFC 5869, 2.3), which is all of a key. */
function derived(seed: Uint8Array, info: Uint8Array): Buffer {
  return createHmac('sha256', seed).update(info).update(Uint8Array.of(1)).digest()
}

/** Bytes of their own: what the ciphers answer may lie in a shared pool. */
function opened(key: Uint8Array, sealed: Uint8Array, context: string): Uint8Array {
  if (sealed.byteLength < nonceSize) throw new Error(tooShort)
  const cipher = `aes-${key.byteLength * 8}-gcm` as 'aes-256-gcm'
  try {
    const opening = createDecipheriv(cipher, key, sealed.subarray(0, nonceSize)).setAAD(Buffer.from(context))
    opening.setAuthTag(sealed.subarray(-tagSize))
    return new Uint8Array(Buffer.concat([opening.update(sealed.subarray(nonceSize, -tagSize)), opening.final()]))
  } catch (error) {
    throw new Error('cipher: message authentication failed', { cause: error })
  }
}

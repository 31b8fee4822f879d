/** The ways in which a value may be stored: each with its prefix, as upstream writes it, so that data moves between the two. */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Random } from '#lib/random.ts'
import { open, seal } from './secretbox.ts'

/** `context` is the key under which the value is stored: a value that was moved to another key does not open. */
export interface Provider {
  /** What stored values begin with; '' for what is stored as it is. */
  readonly prefix: string
  seal(value: Uint8Array, context: string): Uint8Array
  /** Throws where it was not sealed by this provider. */
  open(sealed: Uint8Array, context: string): Uint8Array
  /** Whether it would be sealed with another key now. */
  isStale?(sealed: Uint8Array): boolean
  /**
   * Asks others for what `open` needs; undefined where that is nothing. Rejects where they did not say it, after which `open` throws;
   * `isPatient`: not because they are away.
   */
  fetch?(sealed: Uint8Array, isPatient: boolean): Promise<void> | undefined
}

export interface NamedKey {
  readonly name: string
  readonly secret: Uint8Array
}

/** Values as they are. */
export const identity: Provider = {
  prefix: '',
  seal: (value) => value,
  open(value) {
    if (startsWith(value, 'k8s:enc:')) throw new Error('identity transformer tried to read encrypted data')
    return value
  },
}

/** AES-GCM with a random nonce of 12 bytes in front and the tag behind. */
export function aesgcm({ name, secret }: NamedKey, random: Random): Provider {
  const cipher = `aes-${secret.byteLength * 8}-gcm` as 'aes-256-gcm'
  return {
    prefix: `k8s:enc:aesgcm:v1:${name}:`,
    seal(value, context) {
      const nonce = random.bytes(12)
      const sealing = createCipheriv(cipher, secret, nonce).setAAD(Buffer.from(context))
      return Buffer.concat([nonce, sealing.update(value), sealing.final(), sealing.getAuthTag()])
    },
    open(sealed, context) {
      if (sealed.byteLength < 28) throw new Error('the stored data was shorter than the required size')
      const opening = createDecipheriv(cipher, secret, sealed.subarray(0, 12)).setAAD(Buffer.from(context))
      opening.setAuthTag(sealed.subarray(-16))
      return finished(() => Buffer.concat([opening.update(sealed.subarray(12, -16)), opening.final()]))
    },
  }
}

/** AES-CBC with PKCS#7 padding, the initial vector in front. Upstream keeps it for old data: it does not notice changes. */
export function aescbc({ name, secret }: NamedKey, random: Random): Provider {
  const cipher = `aes-${secret.byteLength * 8}-cbc`
  return {
    prefix: `k8s:enc:aescbc:v1:${name}:`,
    seal(value) {
      const vector = random.bytes(16)
      const sealing = createCipheriv(cipher, secret, vector)
      return Buffer.concat([vector, sealing.update(value), sealing.final()])
    },
    open(sealed) {
      if (sealed.byteLength < 16) throw new Error('the stored data was shorter than the required size')
      const opening = createDecipheriv(cipher, secret, sealed.subarray(0, 16))
      return finished(() => Buffer.concat([opening.update(sealed.subarray(16)), opening.final()]))
    },
  }
}

export function secretbox({ name, secret }: NamedKey, random: Random): Provider {
  return {
    prefix: `k8s:enc:secretbox:v1:${name}:`,
    seal(value) {
      const nonce = random.bytes(24)
      return Buffer.concat([nonce, seal(value, nonce, secret)])
    },
    open(sealed) {
      const value = open(sealed.subarray(24), sealed.subarray(0, 24), secret)
      if (!value) throw new Error('failed to decrypt: the key or the data is another')
      return value
    },
  }
}

/** Bytes of their own: what the ciphers answer may lie in a shared pool. */
function finished(open: () => Buffer): Uint8Array {
  try {
    return new Uint8Array(open())
  } catch (error) {
    throw new Error('failed to decrypt: the key or the data is another', { cause: error })
  }
}

export function startsWith(value: Uint8Array, prefix: string): boolean {
  if (value.byteLength < prefix.length) return false
  for (let i = 0; i < prefix.length; i++) if (value[i] !== prefix.charCodeAt(i)) return false
  return true
}

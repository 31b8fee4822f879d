/** A KMS for tests: keys by their ids, in memory; whoever speaks for it over a socket wraps it. */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import { type KmsService, KmsUnreachable } from '#store/encryption/kms.ts'

export interface TestKms extends KmsService {
  /** What it seals with, and tells. */
  keyId: string
  /** What it tells beside the truth. */
  healthz: string
  version: string
  /** The key that it says it has sealed with, where that is another one. */
  claims: string | undefined
  isDown: boolean
  /** Of each method. */
  readonly calls: Record<'status' | 'encrypt' | 'decrypt', number>
  /** Ids of keys that it has forgotten. */
  readonly lost: Set<string>
}

const annotation = 'padding.kms.example.com'

export function testKms(): TestKms {
  const secret = (keyId: string) => createHash('sha256').update(keyId).digest()
  const vector = Buffer.alloc(16, 7)
  const arrive = (method: keyof TestKms['calls']) => {
    if (kms.isDown) throw new KmsUnreachable('rpc error: code = Unavailable desc = away')
    kms.calls[method]++
  }
  const kms: TestKms = {
    ...{ keyId: 'key-1', healthz: 'ok', version: 'v2', claims: undefined, isDown: false, lost: new Set() },
    calls: { status: 0, encrypt: 0, decrypt: 0 },
    async status() {
      arrive('status')
      return { version: kms.version, healthz: kms.healthz, keyId: kms.keyId }
    },
    async encrypt(plaintext) {
      arrive('encrypt')
      const cipher = createCipheriv('aes-256-cbc', secret(kms.keyId), vector)
      const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
      return { ciphertext, keyId: kms.claims ?? kms.keyId, annotations: new Map([[annotation, Buffer.from('pkcs7')]]) }
    },
    async decrypt({ source, keyId, annotations }) {
      arrive('decrypt')
      if (kms.lost.has(keyId)) throw new Error(`rpc error: code = InvalidArgument desc = no key ${keyId}`)
      if (Buffer.from(annotations.get(annotation) ?? []).toString() !== 'pkcs7') throw new Error('no annotation')
      const decipher = createDecipheriv('aes-256-cbc', secret(keyId), vector)
      return Buffer.concat([decipher.update(source), decipher.final()])
    },
  }
  return kms
}

/** Signatures as X.509 and PKCS#10 name them (RFC 5280, 5758, 8410). */
import { type KeyObject, sign } from 'node:crypto'
import { bits, der, oid, sequence } from './der.ts'

/** `content` with its signature: a certificate, or a request for one. */
export function signed(key: KeyObject, content: (algorithm: Buffer) => Buffer): Buffer {
  const { algorithm, hash } = schemeOf(key)
  const body = content(algorithm)
  return sequence(body, algorithm, bits(sign(hash, body, key)))
}

const curves: Readonly<Record<string, readonly [id: string, hash: string]>> = {
  prime256v1: ['1.2.840.10045.4.3.2', 'sha256'],
  secp384r1: ['1.2.840.10045.4.3.3', 'sha384'],
  secp521r1: ['1.2.840.10045.4.3.4', 'sha512'],
}

function schemeOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): { algorithm: Buffer; hash: string | null } {
  if (asymmetricKeyType === 'ed25519') return { algorithm: sequence(oid('1.3.101.112')), hash: null }
  if (asymmetricKeyType === 'rsa') return { algorithm: sequence(oid('1.2.840.113549.1.1.11'), der(0x05)), hash: 'sha256' }
  const [id, hash] = curves[asymmetricKeyDetails?.namedCurve ?? ''] ?? []
  if (!id || !hash) throw new Error(`no way to sign with a key of type ${asymmetricKeyType}`)
  return { algorithm: sequence(oid(id)), hash }
}

/** A certificate signing request that says nothing but its key (PKCS#10, RFC 2986), as the kubelet sends it: who it is for stands beside it. */
import { createPublicKey, type KeyObject, sign } from 'node:crypto'

/** DER. */
export function emptyRequest(key: KeyObject): Buffer {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const version = der(0x02, Buffer.of(0))
  const [subject, attributes] = [der(0x30), der(0xa0)]
  const info = der(0x30, version, subject, spki, attributes)
  const { algorithm, hash } = schemeOf(key)
  return der(0x30, info, algorithm, der(0x03, Buffer.of(0), sign(hash, info, key)))
}

function schemeOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): { algorithm: Buffer; hash: string | null } {
  if (asymmetricKeyType === 'ed25519') return { algorithm: der(0x30, oid([1, 3, 101, 112])), hash: null }
  if (asymmetricKeyType === 'rsa') {
    return { algorithm: der(0x30, oid([1, 2, 840, 113549, 1, 1, 11]), der(0x05)), hash: 'sha256' }
  }
  const [last, hash] = curves[asymmetricKeyDetails?.namedCurve ?? ''] ?? [2, 'sha256']
  return { algorithm: der(0x30, oid([1, 2, 840, 10045, 4, 3, last])), hash }
}

const curves: Readonly<Record<string, readonly [number, string]>> = {
  prime256v1: [2, 'sha256'],
  secp384r1: [3, 'sha384'],
  secp521r1: [4, 'sha512'],
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const { length } = body
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), body])
}

function oid([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  const groups = rest.flatMap((number) => {
    const bytes = [number & 0x7f]
    for (let left = number >> 7; left > 0; left >>= 7) bytes.unshift((left & 0x7f) | 0x80)
    return bytes
  })
  return der(0x06, Buffer.of(40 * first + second, ...groups))
}

/** A certificate signing request that says nothing but its key (PKCS#10, RFC 2986), as the kubelet sends it: who it is for stands beside it. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { der, integer, sequence } from '#lib/der.ts'
import { signed } from '#lib/der-signature.ts'

/** DER. */
export function emptyRequest(key: KeyObject): Buffer {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return signed(key, () => sequence(integer(Buffer.of(0)), sequence(), spki, der(0xa0)))
}

/** What an API server calls itself among others: the name of its lease, and as a hash in metrics (KEP-1965, upstream `server/config.go`). */
import { createHash } from 'node:crypto'

/** `apiserver-` and 26 letters and digits of the machine's name. */
export function serverIdentity(hostname: string): string {
  const parts = [hostname, 'kube-apiserver'].flatMap((text) => {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(Buffer.byteLength(text))
    return [length, Buffer.from(text)]
  })
  return `apiserver-${base32(createHash('sha256').update(Buffer.concat(parts)).digest().subarray(0, 16))}`
}

/** `sha256:` and the digest in hexadecimal digits; nothing of nothing. */
export function hashLabel(text: string | Uint8Array): string {
  return text.length === 0 ? '' : `sha256:${createHash('sha256').update(text).digest('hex')}`
}

const letters = 'abcdefghijklmnopqrstuvwxyz234567'

/** RFC 4648 in lower case, without padding. */
function base32(bytes: Uint8Array): string {
  let bits = 0n
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte)
  const count = Math.ceil((bytes.byteLength * 8) / 5)
  bits <<= BigInt(count * 5 - bytes.byteLength * 8)
  return Array.from({ length: count }, (_, i) => letters[Number((bits >> BigInt((count - 1 - i) * 5)) & 31n)]).join('')
}

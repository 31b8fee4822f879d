/** CertificateSubjectRestriction: nobody asks for a client certificate of the group that may do everything. */

import type { AdmissionPlugin } from './plugin.ts'
import { refuse } from './refuse.ts'

const signer = 'kubernetes.io/kube-apiserver-client'
const forbiddenGroup = 'system:masters'

export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  handles: ({ operation, kind, subresource }) =>
    operation === 'CREATE' &&
    kind.plural === 'certificatesigningrequests' &&
    kind.group === 'certificates.k8s.io' &&
    !subresource,
  validate(request) {
    const { signerName, request: encoded } = request.object.spec
    if (signerName !== signer) return
    let organizations: string[]
    try {
      organizations = organizationsOf(Buffer.from(encoded, 'base64').toString('latin1'))
    } catch (error) {
      throw refuse(request, `failed to parse CSR: ${(error as Error).message}`)
    }
    if (!organizations.includes(forbiddenGroup)) return
    throw refuse(request, `use of ${signer} signer with ${forbiddenGroup} group is not allowed`)
  },
}

/** The organizations in the subject of a PKCS #10 request (RFC 2986), which become the groups of a user. */
export function organizationsOf(pem: string): string[] {
  return subjectOf(pem, organizationType)
}

/** What becomes the name of a user. */
export function commonNameOf(pem: string): string | undefined {
  return subjectOf(pem, commonNameType).at(-1)
}

/** All values of one type. */
function subjectOf(pem: string, wanted: Buffer): string[] {
  const body = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([\s\S]+?)-----END/.exec(pem)?.[1]
  if (!body) throw new Error('PEM block type must be CERTIFICATE REQUEST')
  const [whole] = parts(Buffer.from(body, 'base64'))
  const [info] = parts(whole?.content ?? Buffer.alloc(0))
  const [, subject] = parts(info?.content ?? Buffer.alloc(0))
  return parts(subject?.content ?? Buffer.alloc(0)).flatMap((set) =>
    parts(set.content).flatMap((attribute) => {
      const [type, value] = parts(attribute.content)
      return type?.content.equals(wanted) && value ? [value.content.toString('utf8')] : []
    }),
  )
}

/** 2.5.4.10 and 2.5.4.3. */
const organizationType = Buffer.from([0x55, 0x04, 0x0a])
const commonNameType = Buffer.from([0x55, 0x04, 0x03])

interface Part {
  readonly content: Buffer
}

/** The elements of a DER value, one after the other (X.690). */
function parts(bytes: Buffer): Part[] {
  const found: Part[] = []
  for (let at = 0; at < bytes.length; ) {
    let length = bytes[at + 1] ?? 0
    let start = at + 2
    if (length & 0x80) {
      const size = length & 0x7f
      if (size === 0 || size > 4 || start + size > bytes.length) throw new Error('asn1: structure error: invalid length')
      length = bytes.readUIntBE(start, size)
      start += size
    }
    if (start + length > bytes.length) throw new Error('asn1: syntax error: data truncated')
    found.push({ content: bytes.subarray(start, start + length) })
    at = start + length
  }
  return found
}

/** Whether a PodCertificateRequest's key is of a kind that may be certified, and whether its sender has it (upstream `certificates/validation`). */
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { FieldError, Path } from '#schema/field-error.ts'

export interface KeyParts {
  readonly podUID: string
  /** Base64. */
  readonly pkixPublicKey?: string | undefined
  readonly proofOfPossession?: string | undefined
  readonly stubPKCS10Request?: string | undefined
}

const maxKey = 10 * 1024
const maxProof = 10 * 1024
const maxRequest = 10 * 1024

/** The key comes by itself with a signature of the pod's uid, or within a signed request. */
export function keyErrors(
  { podUID, pkixPublicKey = '', proofOfPossession = '', stubPKCS10Request = '' }: KeyParts,
  at: Path,
): FieldError[] {
  const [key, proof, request] = [pkixPublicKey, proofOfPossession, stubPKCS10Request].map((text) =>
    Buffer.from(text, 'base64'),
  ) as [Buffer, Buffer, Buffer]
  if (request.length > 0) return requestErrors(request, { at, isAlone: key.length === 0 && proof.length === 0 })
  const here = at.child('pkixPublicKey')
  if (key.length > maxKey) return [here.tooLong(maxKey)]
  if (proof.length > maxProof) return [at.child('proofOfPossession').tooLong(maxProof)]
  const parsed = publicKey(key)
  if (!parsed) return [here.invalid(pkixPublicKey, 'must be a valid PKIX-serialized public key')]
  const errors = strengthErrors(parsed, here)
  if (errors.length > 0 || provesPossession(parsed, podUID, proof)) return errors
  return [at.child('proofOfPossession').invalid('<value omitted>', 'could not verify proof-of-possession signature')]
}

export function publicKey(der: Buffer): KeyObject | undefined {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}

/** The key that a certificate must be for. */
export function requestedKey({ pkixPublicKey = '', stubPKCS10Request = '' }: KeyParts): KeyObject | undefined {
  const request = Buffer.from(stubPKCS10Request, 'base64')
  const spki = request.length > 0 ? readRequest(request)?.spki : Buffer.from(pkixPublicKey, 'base64')
  return spki && publicKey(spki)
}

const curves = ['prime256v1', 'secp384r1', 'secp521r1']

function strengthErrors({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject, at: Path): FieldError[] {
  if (asymmetricKeyType === 'ed25519') return []
  if (asymmetricKeyType === 'ec') {
    const { namedCurve = '' } = asymmetricKeyDetails ?? {}
    if (curves.includes(namedCurve)) return []
    return [at.invalid(`curve ${namedCurve}`, 'elliptic public keys must use curve P256 or P384')]
  }
  if (asymmetricKeyType === 'rsa') {
    const bits = asymmetricKeyDetails?.modulusLength ?? 0
    if (bits === 3072 || bits === 4096) return []
    return [at.invalid(`${bits}-bit modulus`, 'RSA keys must have modulus size 3072 or 4096')]
  }
  return [at.invalid('<value omitted>', 'unknown public key type; supported types are Ed25519, ECDSA, and RSA')]
}

function provesPossession(key: KeyObject, uid: string, proof: Buffer): boolean {
  const data = Buffer.from(uid)
  try {
    if (key.asymmetricKeyType === 'ed25519') return verify(null, data, key, proof)
    if (key.asymmetricKeyType === 'ec') return verify('sha256', data, { key, dsaEncoding: 'der' }, proof)
    const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_AUTO: saltLength } = constants
    return verify('sha256', data, { key, padding, saltLength }, proof)
  } catch {
    return false
  }
}

function requestErrors(der: Buffer, { at, isAlone }: { readonly at: Path; readonly isAlone: boolean }): FieldError[] {
  const here = at.child('stubPKCS10Request')
  if (!isAlone) {
    const message = 'must be empty when stubPKCS10Request is set'
    return [
      at.child('pkixPublicKey').invalid('<value omitted>', message),
      at.child('proofOfPossession').invalid('<value omitted>', message),
    ]
  }
  if (der.length > maxRequest) return [here.tooLong(maxRequest)]
  const request = readRequest(der)
  const key = request && publicKey(request.spki)
  if (!request || !key) return [here.invalid('<value omitted>', 'must be a valid PKCS#10 certificate signing request')]
  const errors = strengthErrors(key, here)
  if (errors.length > 0 || isSigned(request, key)) return errors
  return [here.invalid('<value omitted>', 'could not verify the signature of the certificate signing request')]
}

interface SignedRequest {
  /** What is signed. */
  readonly info: Buffer
  readonly spki: Buffer
  /** Of the signature's algorithm, in DER. */
  readonly algorithm: string
  readonly signature: Buffer
}

/** RFC 2986 section 4. */
function readRequest(der: Buffer): SignedRequest | undefined {
  const [whole] = elementsOf(der)
  if (!whole) return undefined
  const [info, algorithm, signature] = elementsOf(whole.content)
  if (!info || !algorithm || !signature) return undefined
  const spki = elementsOf(info.content)[2]
  const oid = elementsOf(algorithm.content)[0]
  if (!spki || !oid) return undefined
  return { info: info.whole, spki: spki.whole, algorithm: oid.content.toString('hex'), signature: signature.content.subarray(1) }
}

interface Element {
  readonly whole: Buffer
  readonly content: Buffer
}

/** Definite lengths of up to four bytes; whatever is cut off ends the list. */
function elementsOf(der: Buffer): Element[] {
  const found: Element[] = []
  let at = 0
  while (at + 2 <= der.length) {
    const first = der[at + 1] as number
    const extra = first < 0x80 ? 0 : first & 0x7f
    if (extra > 4 || at + 2 + extra > der.length) break
    const length = extra === 0 ? first : der.readUIntBE(at + 2, extra)
    const start = at + 2 + extra
    if (start + length > der.length) break
    found.push({ whole: der.subarray(at, start + length), content: der.subarray(start, start + length) })
    at = start + length
  }
  return found
}

/** Object identifiers of signatures (RFC 5758, RFC 4055, RFC 8410) -> digest. */
const digests: Readonly<Record<string, string>> = {
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
}
const ed25519 = '2b6570'

function isSigned({ info, algorithm, signature }: SignedRequest, key: KeyObject): boolean {
  const digest = algorithm === ed25519 ? null : digests[algorithm]
  if (digest === undefined) return false
  try {
    return verify(digest, info, key, signature)
  } catch {
    return false
  }
}

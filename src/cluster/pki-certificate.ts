/** Issues X.509 certificates (RFC 5280) with keys on P-256; written here, since a library for them takes 8 MB of each process that begins a cluster. */
import { createHash, createPrivateKey, createPublicKey, randomBytes, X509Certificate } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { bits, der, integer, octets, oid, sequence, time, truth, valuesIn } from '#lib/der.ts'
import { signed } from '#lib/der-signature.ts'
import { newKey } from './pki-key.ts'

/** PEM texts. */
export interface KeyAndCertificate {
  readonly certificate: string
  readonly key: string
}

export interface CertificateRequest {
  readonly commonName: string
  readonly organizations?: readonly string[]
  readonly usages: readonly ('client' | 'server')[]
  readonly dnsNames?: readonly string[]
  readonly addresses?: readonly string[]
}

export interface Validity {
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly days: number
}

/** SPKI in DER, for certificates whose private key stays elsewhere. */
export type PublicKey = Uint8Array

const day = 24 * 3600 * 1000
/** Clocks differ: a certificate is good a little before it was made. */
const slack = 5 * 60 * 1000

/** A certificate that signs itself and others. */
export async function issueAuthority(commonName: string, validity: Validity): Promise<KeyAndCertificate> {
  const key = newKey()
  const subject = nameOf({ commonName, usages: [] })
  const publicKey = spkiOf(key)
  const extensions = [
    extension('2.5.29.19', sequence(truth), { isCritical: true }),
    // To sign, to encrypt keys, and to sign certificates.
    extension('2.5.29.15', bits(Buffer.of(0b1010_0100), 2), { isCritical: true }),
    extension('2.5.29.14', octets(keyId(publicKey))),
  ]
  const { notBefore, notAfter } = dates(validity)
  const certificate = certificateOf({ issuer: subject, subject, publicKey, notBefore, notAfter, extensions }, key)
  return { certificate, key }
}

/** A key of its own and a certificate for it. */
export async function issueCertificate(
  ca: KeyAndCertificate,
  request: CertificateRequest,
  validity: Validity,
): Promise<KeyAndCertificate> {
  const key = newKey()
  return { key, certificate: await certify(ca, { ...request, publicKey: spkiOf(key) }, validity) }
}

/** A certificate for a public key; PEM. It never outlives its authority. */
export async function certify(
  ca: KeyAndCertificate,
  request: CertificateRequest & { readonly publicKey: PublicKey },
  validity: Validity,
): Promise<string> {
  const authority = new X509Certificate(ca.certificate)
  const { notBefore, notAfter } = dates(validity)
  const issuerKey = authority.publicKey.export({ type: 'spki', format: 'der' })
  const names = alternativeNames(request)
  const extensions = [
    extension('2.5.29.19', sequence(), { isCritical: true }),
    extension('2.5.29.15', bits(Buffer.of(0b1010_0000), 5), { isCritical: true }),
    extension('2.5.29.37', sequence(...request.usages.map((usage) => oid(usageOids[usage])))),
    extension('2.5.29.35', sequence(der(0x80, keyId(issuerKey)))),
    ...(names.length > 0 ? [extension('2.5.29.17', sequence(...names))] : []),
  ]
  const parts = {
    issuer: subjectIn(authority.raw),
    subject: nameOf(request),
    publicKey: request.publicKey,
    notBefore,
    notAfter: Math.min(notAfter, authority.validToDate.getTime()),
    extensions,
  }
  return certificateOf(parts, ca.key)
}

const usageOids = { client: '1.3.6.1.5.5.7.3.2', server: '1.3.6.1.5.5.7.3.1' } as const

interface Parts {
  readonly issuer: Buffer
  readonly subject: Buffer
  readonly publicKey: PublicKey
  readonly notBefore: number
  readonly notAfter: number
  readonly extensions: readonly Buffer[]
}

/** PEM. */
function certificateOf({ issuer, subject, publicKey, notBefore, notAfter, extensions }: Parts, key: string): string {
  const version = der(0xa0, integer(Buffer.of(2)))
  const validity = sequence(time(notBefore), time(notAfter))
  const more = der(0xa3, sequence(...extensions))
  const raw = signed(createPrivateKey(key), (algorithm) =>
    sequence(version, integer(serial()), algorithm, issuer, validity, subject, publicKey, more),
  )
  return new X509Certificate(raw).toString()
}

function extension(id: string, value: Buffer, { isCritical = false } = {}): Buffer {
  return sequence(oid(id), ...(isCritical ? [truth] : []), octets(value))
}

function nameOf({ commonName, organizations = [] }: CertificateRequest): Buffer {
  const attribute = (id: string, text: string) => der(0x31, sequence(oid(id), der(0x0c, Buffer.from(text))))
  return sequence(...organizations.map((name) => attribute('2.5.4.10', name)), attribute('2.5.4.3', commonName))
}

/** Byte for byte: it is by this that a certificate finds its issuer. */
function subjectIn(certificate: Buffer): Buffer {
  const [content] = valuesIn(valuesIn(certificate)[0]?.body ?? certificate)
  const fields = valuesIn(content?.body ?? certificate)
  // Version, serial number, algorithm, issuer and validity stand before it; the first is missing in version 1.
  const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4]
  if (!subject) throw new Error('the authority has no name')
  return subject.whole
}

function alternativeNames({ dnsNames = [], addresses = [] }: CertificateRequest): Buffer[] {
  return [
    ...dnsNames.map((name) => der(0x82, Buffer.from(name))),
    ...addresses.map((address) => der(0x87, addressBytes(address))),
  ]
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  // As a host it is written the one way, without a zone or dots.
  const [left = '', right] = new URL(`http://[${address.split('%')[0]}]`).hostname.slice(1, -1).split('::')
  const words = (text = '') => text.split(':').filter(Boolean)
  const [head, tail] = [words(left), words(right)]
  const middle = right === undefined ? [] : new Array(8 - head.length - tail.length).fill('0')
  return Buffer.from([...head, ...middle, ...tail].map((word) => word.padStart(4, '0')).join(''), 'hex')
}

function dates({ now, days }: Validity): { notBefore: number; notAfter: number } {
  return { notBefore: now - slack, notAfter: now + days * day }
}

/** 127 random bits, positive and not zero. */
function serial(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40
  return bytes
}

function spkiOf(key: string): PublicKey {
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

/** The SHA-1 of the key's own bits (RFC 5280 section 4.2.1.2, method 1). */
function keyId(spki: PublicKey): Buffer {
  const [, key] = valuesIn(valuesIn(spki)[0]?.body ?? spki)
  return createHash('sha1')
    .update(key?.body.subarray(1) ?? spki)
    .digest()
}

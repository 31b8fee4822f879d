/** Issues X.509 certificates with keys on P-256. */
import 'reflect-metadata'
import { createPrivateKey, createPublicKey, X509Certificate as NodeCertificate, randomBytes, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
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

const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const
const signature = { name: 'ECDSA', hash: 'SHA-256' } as const
const day = 24 * 3600 * 1000
/** Clocks differ: a certificate is good a little before it was made. */
const slack = 5 * 60 * 1000

/** A certificate that signs itself and others. */
export async function issueAuthority(commonName: string, validity: Validity): Promise<KeyAndCertificate> {
  const key = newKey()
  const subject = [{ CN: [commonName] }]
  const publicKey = await importPublic(spkiOf(key))
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject,
    issuer: subject,
    ...dates(validity),
    signingAlgorithm: signature,
    publicKey,
    signingKey: await importPrivate(key),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment | x509.KeyUsageFlags.keyCertSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  })
  return { certificate: pem(certificate), key }
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
  const issuer = new x509.X509Certificate(ca.certificate)
  const publicKey = await importPublic(request.publicKey)
  const { notBefore, notAfter } = dates(validity)
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: subjectOf(request),
    issuer: issuer.subjectName.toJSON(),
    notBefore,
    notAfter: new Date(Math.min(notAfter.getTime(), issuer.notAfter.getTime())),
    signingAlgorithm: signature,
    publicKey,
    signingKey: await importPrivate(ca.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension(request.usages.map((usage) => usageOids[usage])),
      await x509.AuthorityKeyIdentifierExtension.create(await issuer.publicKey.export()),
      ...alternativeNames(request),
    ],
  })
  return pem(certificate)
}

const usageOids = { client: x509.ExtendedKeyUsage.clientAuth, server: x509.ExtendedKeyUsage.serverAuth } as const

/** Structured, since in text a comma would start another attribute. */
function subjectOf({ commonName, organizations = [] }: CertificateRequest): x509.JsonName {
  return [...organizations.map((name) => ({ O: [name] })), { CN: [commonName] }]
}

function alternativeNames({ dnsNames = [], addresses = [] }: CertificateRequest): x509.Extension[] {
  const names = [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...addresses.map((value) => ({ type: 'ip' as const, value })),
  ]
  return names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []
}

function dates({ now, days }: Validity): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - slack), notAfter: new Date(now + days * day) }
}

/** 127 random bits, positive and not zero. */
function serial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40
  return bytes.toString('hex')
}

function spkiOf(key: string): PublicKey {
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

function importPrivate(key: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(key).export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', der, curve, false, ['sign'])
}

function importPublic(spki: PublicKey): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('spki', spki, curve, true, ['verify'])
}

function pem(certificate: x509.X509Certificate): string {
  return new NodeCertificate(Buffer.from(certificate.rawData)).toString()
}

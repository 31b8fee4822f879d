/** Signs what CertificateSigningRequests ask for with the cluster's CA. The key never leaves this closure. */
import 'reflect-metadata'
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { Signer } from '#controllers/certificates/signing.ts'
import type { KeyAndCertificate } from './pki-certificate.ts'

const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const
const rsa = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const
const signature = { name: 'ECDSA', hash: 'SHA-256' } as const
/** `cluster-signing-duration` gives a little back, for clocks that differ. */
const slack = 5 * 60 * 1000

const keyUsages: Readonly<Record<string, number>> = {
  signing: x509.KeyUsageFlags.digitalSignature,
  'digital signature': x509.KeyUsageFlags.digitalSignature,
  'content commitment': x509.KeyUsageFlags.nonRepudiation,
  'key encipherment': x509.KeyUsageFlags.keyEncipherment,
  'key agreement': x509.KeyUsageFlags.keyAgreement,
  'data encipherment': x509.KeyUsageFlags.dataEncipherment,
  'encipher only': x509.KeyUsageFlags.encipherOnly,
  'decipher only': x509.KeyUsageFlags.decipherOnly,
}

const extendedUsages: Readonly<Record<string, x509.ExtendedKeyUsage>> = {
  'server auth': x509.ExtendedKeyUsage.serverAuth,
  'client auth': x509.ExtendedKeyUsage.clientAuth,
  'code signing': x509.ExtendedKeyUsage.codeSigning,
  'email protection': x509.ExtendedKeyUsage.emailProtection,
  's/mime': x509.ExtendedKeyUsage.emailProtection,
  timestamping: x509.ExtendedKeyUsage.timeStamping,
  'ocsp signing': x509.ExtendedKeyUsage.ocspSigning,
}

const subjectAlternativeName = '2.5.29.17'

export function certificateSigner(ca: KeyAndCertificate): Signer {
  const authority = new x509.X509Certificate(ca.certificate)
  const key = createPrivateKey(ca.key)
  const isRsa = key.asymmetricKeyType === 'rsa'
  const der = key.export({ type: 'pkcs8', format: 'der' })
  const imported = webcrypto.subtle.importKey('pkcs8', der, isRsa ? rsa : curve, false, ['sign'])
  return {
    async sign(pem, { usages, seconds, now }) {
      const request = new x509.Pkcs10CertificateRequest(pem)
      const names = request.getExtension(subjectAlternativeName)
      const flags = usages.reduce((sum, usage) => sum | (keyUsages[usage] ?? 0), 0)
      const extended = usages.flatMap((usage) => extendedUsages[usage] ?? [])
      const latest = Math.min(now - slack + seconds * 1000, authority.notAfter.getTime())
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: serial(),
        subject: request.subjectName.toJSON(),
        issuer: authority.subjectName.toJSON(),
        notBefore: new Date(now - slack),
        notAfter: new Date(latest),
        signingAlgorithm: isRsa ? rsa : signature,
        publicKey: request.publicKey,
        signingKey: (await imported) as never,
        extensions: [
          ...(flags ? [new x509.KeyUsagesExtension(flags, true)] : []),
          ...(extended.length > 0 ? [new x509.ExtendedKeyUsageExtension([...new Set(extended)])] : []),
          new x509.BasicConstraintsExtension(false, undefined, true),
          await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
          ...(names ? [names] : []),
        ],
      })
      return `${certificate.toString('pem')}\n`
    },
  }
}

/** Positive, and as long as upstream's. */
function serial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}

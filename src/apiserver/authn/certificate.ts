/** Client certificates: the common name is the user, the organisations are the groups (upstream `request/x509`). */
import { createHash } from 'node:crypto'
import type { Clock } from '#lib/clock.ts'
import { StatusError } from '#schema/status-error.ts'
import type { User } from '../request.ts'
import type { Authenticator } from './authenticator.ts'
import { credentialId } from './service-account-user.ts'
import { readCertificate } from './x509-subject.ts'

export interface CertificateOptions {
  readonly clock: Clock
  readonly takesCertificateUid?: boolean | undefined
}

/**
 * Assumes that TLS has verified the chain and the purpose of what it hands over. The dates are checked on each request, since a
 * connection may outlive its certificate.
 */
export function certificateAuthenticator({ clock, takesCertificateUid = true }: CertificateOptions): Authenticator {
  const known = new WeakMap<Uint8Array, Identity>()
  return {
    name: 'x509',
    authenticate({ origin }) {
      if (origin.type !== 'network') return undefined
      if (origin.certificateError) {
        throw new StatusError('Unauthorized', 'Unauthorized', { cause: new Error(origin.certificateError) })
      }
      if (!origin.certificate) return undefined
      let identity = known.get(origin.certificate)
      if (!identity) {
        identity = identityOf(origin.certificate, takesCertificateUid)
        known.set(origin.certificate, identity)
      }
      const now = clock.now()
      if (now < identity.notBefore || now > identity.notAfter) {
        throw new StatusError('Unauthorized', 'Unauthorized', { cause: new Error('certificate has expired or is not yet valid') })
      }
      return identity.user
    },
  }
}

interface Identity {
  readonly user: User | undefined
  readonly notBefore: number
  readonly notAfter: number
}

function identityOf(der: Uint8Array, takesUid: boolean): Identity {
  const { commonName, organizations, uid, notBefore, notAfter } = readCertificate(der)
  if (!commonName) return { user: undefined, notBefore, notAfter }
  const fingerprint = createHash('sha256').update(der).digest('hex')
  const user = {
    name: commonName,
    groups: organizations,
    ...(takesUid && uid && { uid }),
    extra: { [credentialId]: [`X509SHA256=${fingerprint}`] },
  }
  return { user, notBefore, notAfter }
}

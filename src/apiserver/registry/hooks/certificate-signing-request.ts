/** Writes into a CertificateSigningRequest who made it (upstream `registry/certificates/certificates/strategy.go`). */
import { CertificateSigningRequest } from '#api/certificates/v1/certificate-signing-request.ts'
import type { RegistryHook } from '../hooks.ts'

/** Guarantees: whatever a client says about its identity in a new request is replaced by what it is. */
export const certificateSigningRequestHook: RegistryHook<CertificateSigningRequest> = {
  kind: CertificateSigningRequest,
  async beforeWrite({ spec }, old, { user }) {
    if (old) return
    const { name, uid, groups, extra } = user as typeof user & { uid?: string; extra?: Record<string, readonly string[]> }
    for (const field of ['username', 'uid', 'groups', 'extra'] as const) delete spec[field]
    spec.username = name
    if (uid) spec.uid = uid
    if (groups?.length) spec.groups = [...groups]
    if (extra && Object.keys(extra).length > 0) {
      spec.extra = Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]))
    }
  },
}

/** Who may issue certificates for pods (upstream `registry/certificates/podcertificaterequest/strategy.go`). */
import { PodCertificateRequest } from '#api/certificates/v1beta1/pod-certificate-request.ts'
import { root } from '#schema/field-error.ts'
import { invalid } from '#schema/status-error.ts'
import { mayActFor } from '../../admission/certificate-signers.ts'
import type { RegistryHook } from '../hooks.ts'

/** Guarantees: a chain comes and goes by those alone who may sign for the signer, whoever else may write the status (KEP-4317). */
export const podCertificateRequestHook: RegistryHook<PodCertificateRequest> = {
  kind: PodCertificateRequest,
  part: 'status',
  async beforeWrite({ status }, old, { kind, name, user, registry }) {
    if (!old || (status.certificateChain ?? '') === (old.status.certificateChain ?? '')) return
    const { signerName } = old.spec
    if (await mayActFor(signerName, 'sign', { request: { user }, context: registry })) return
    const why = `User ${JSON.stringify(user.name)} is not permitted to "sign" for signer ${JSON.stringify(signerName)}`
    throw invalid(kind, name, [root.child('spec', 'signerName').forbidden(why)])
  },
}

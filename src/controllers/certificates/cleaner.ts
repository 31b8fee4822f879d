/** CSR cleaner: requests that are done, refused or forgotten go by themselves (upstream `certificates/cleaner`). */
import { X509Certificate } from 'node:crypto'
import { CertificateSigningRequest } from '#api/certificates/v1/certificate-signing-request.ts'
import { defineController } from '../runtime/controller.ts'
import { pemOf } from './signing.ts'

const hour = 3_600_000
/** Since it was approved, denied or failed; and for what nobody decided. */
const decided = hour
const pending = 24 * hour

export const certificateCleanerController = defineController({
  name: 'certificatesigningrequest-cleaner-controller',
  account: 'certificate-controller',
  for: CertificateSigningRequest,
  writes: [CertificateSigningRequest],

  async reconcile(request, cluster) {
    const left = expiry(request) - cluster.clock.now()
    if (left === Number.POSITIVE_INFINITY) return undefined
    if (left > 0) return { after: left / 1000 }
    await cluster.delete(CertificateSigningRequest, request)
    return undefined
  },
})

/** When the request has outlived its use, in milliseconds since the epoch. One that was approved waits for its signer, however long. */
export function expiry({ metadata, status }: CertificateSigningRequest): number {
  const since = (type: string) => {
    const condition = status.conditions?.find((one) => one.type === type)
    return condition && Date.parse(condition.lastUpdateTime ?? metadata.creationTimestamp) + decided
  }
  const ends = [status.certificate && since('Approved'), since('Denied'), since('Failed'), endOf(status.certificate)].filter(
    (end) => typeof end === 'number',
  )
  if (ends.length > 0) return Math.min(...ends)
  return status.conditions?.length ? Number.POSITIVE_INFINITY : Date.parse(metadata.creationTimestamp) + pending
}

function endOf(certificate: unknown): number | undefined {
  if (!certificate) return undefined
  try {
    return Date.parse(new X509Certificate(pemOf(certificate)).validTo)
  } catch {
    return undefined
  }
}

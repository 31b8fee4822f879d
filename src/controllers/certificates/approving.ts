/** CSR approving: nodes get their client certificates without anybody's help, where policy lets them. */
import { SubjectAccessReview } from '#api/authorization/v1/subject-access-review.ts'
import { CertificateSigningRequest } from '#api/certificates/v1/certificate-signing-request.ts'
import { formatTime } from '#lib/clock.ts'
import { defineController } from '../runtime/controller.ts'
import { kubeletClientProblem, readRequest } from './request.ts'
import { pemOf } from './signing.ts'

const signerName = 'kubernetes.io/kube-apiserver-client-kubelet'
/** Seconds between attempts on a request that nobody may have, until it is cleaned away. */
const patience = 60

export const certificateApprovingController = defineController({
  name: 'certificatesigningrequest-approving-controller',
  account: 'certificate-controller',
  for: CertificateSigningRequest,
  grants: [
    { groups: ['certificates.k8s.io'], resources: ['certificatesigningrequests/approval'], verbs: ['update'] },
    { groups: ['certificates.k8s.io'], resources: ['signers'], verbs: ['approve'], names: [signerName] },
    { groups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
  ],

  async reconcile(request, cluster) {
    const candidates = await planApproval(request)
    for (const { subresource, message } of candidates) {
      const { username, uid, groups, extra } = request.spec
      const resourceAttributes = {
        group: 'certificates.k8s.io',
        resource: 'certificatesigningrequests',
        verb: 'create',
        subresource,
      }
      const spec = {
        ...{ user: username, resourceAttributes },
        ...(uid && { uid }),
        ...(groups && { groups }),
        ...(extra && { extra }),
      }
      const review = await cluster.live.create(SubjectAccessReview, { metadata: {}, spec } as never)
      if (!review.status?.allowed) continue
      const now = formatTime(cluster.clock.now())
      const approved = {
        type: 'Approved',
        status: 'True',
        reason: 'AutoApproved',
        message,
        lastUpdateTime: now,
        lastTransitionTime: now,
      }
      const conditions = [...(request.status.conditions ?? []), approved]
      const next = { ...request, status: { ...request.status, conditions } }
      await cluster.live.update(CertificateSigningRequest, next as never, { subresource: 'approval' })
      return undefined
    }
    return candidates.length > 0 ? { after: patience } : undefined
  },
})

export interface Approval {
  /** The right that the requester must have. */
  readonly subresource: 'selfnodeclient' | 'nodeclient'
  readonly message: string
}

/** What the request may be approved as, most particular first. */
export async function planApproval({ spec, status }: CertificateSigningRequest): Promise<readonly Approval[]> {
  const isDecided = status.conditions?.some(({ type }) => type === 'Approved' || type === 'Denied') ?? false
  if (isDecided || status.certificate?.length || spec.signerName !== signerName) return []
  try {
    const facts = await readRequest(pemOf(spec.request))
    if (kubeletClientProblem(facts, spec.usages ?? [])) return []
    const message = (what: string) => `Auto approving ${what} after SubjectAccessReview.`
    const self = { subresource: 'selfnodeclient', message: message('self kubelet client certificate') } as const
    const any = { subresource: 'nodeclient', message: message('kubelet client certificate') } as const
    return facts.commonName === spec.username ? [self, any] : [any]
  } catch {
    return []
  }
}

/** CSR signing: certificates for what was approved, by the four signers of upstream's controller manager. */
import { CertificateSigningRequest } from '#api/certificates/v1/certificate-signing-request.ts'
import { formatTime } from '#lib/clock.ts'
import { type Controller, defineController } from '../runtime/controller.ts'
import { clientProblem, kubeletClientProblem, kubeletServingProblem, readRequest } from './request.ts'

export interface Signer {
  /** The certificate as PEM, with the request's subject, names and key; `seconds` is how long it is to be valid. */
  sign(
    request: string,
    options: { readonly usages: readonly string[]; readonly seconds: number; readonly now: number },
  ): Promise<string>
}

/** `cluster-signing-duration`, a year. */
export const longestValidity = 365 * 24 * 3600
const shortestValidity = 600

type MaybePromise<T> = T | Promise<T>

const problems: Readonly<Record<string, (pem: string, usages: readonly string[]) => MaybePromise<string | undefined>>> = {
  'kubernetes.io/kube-apiserver-client': (_, usages) => clientProblem(usages),
  'kubernetes.io/kube-apiserver-client-kubelet': async (pem, usages) => kubeletClientProblem(await readRequest(pem), usages),
  'kubernetes.io/kubelet-serving': async (pem, usages) => kubeletServingProblem(await readRequest(pem), usages),
  'kubernetes.io/legacy-unknown': () => undefined,
}

export function certificateSigningController(signer: Signer): Controller {
  return defineController({
    name: 'certificatesigningrequest-signing-controller',
    account: 'certificate-controller',
    for: CertificateSigningRequest,
    grants: [
      {
        groups: ['certificates.k8s.io'],
        resources: ['signers'],
        verbs: ['sign'],
        names: Object.keys(problems),
      },
    ],

    async reconcile(request, cluster) {
      const { spec, status } = request
      const now = cluster.clock.now()
      const step = await planSigning(request)
      if (step === 'nothing') return
      if (typeof step === 'object') {
        const times = { lastUpdateTime: formatTime(now), lastTransitionTime: formatTime(now) }
        const failed = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: step.problem, ...times }
        await cluster.status(CertificateSigningRequest, request, {
          ...status,
          conditions: [...(status.conditions ?? []), failed],
        } as never)
        return
      }
      const seconds = Math.max(shortestValidity, Math.min(spec.expirationSeconds ?? longestValidity, longestValidity))
      const pem = await signer.sign(pemOf(spec.request), { usages: spec.usages ?? [], seconds, now })
      await cluster.status(CertificateSigningRequest, request, {
        ...status,
        certificate: Buffer.from(pem).toString('base64'),
      } as never)
    },
  })
}

/** A request for another signer, one that was not approved, and one that is done, are left alone. */
export async function planSigning({
  metadata,
  spec,
  status,
}: CertificateSigningRequest): Promise<'sign' | 'nothing' | { readonly problem: string }> {
  const check = problems[spec.signerName]
  const has = (type: string) => status.conditions?.some((condition) => condition.type === type) ?? false
  if (!check || !has('Approved') || has('Denied') || has('Failed') || status.certificate?.length) return 'nothing'
  try {
    const problem = await check(pemOf(spec.request), spec.usages ?? [])
    return problem === undefined ? 'sign' : { problem }
  } catch (error) {
    return { problem: `unable to parse csr ${JSON.stringify(metadata.name)}: ${(error as Error).message}` }
  }
}

export function pemOf(request: unknown): string {
  return Buffer.from(request as string, 'base64').toString('utf8')
}

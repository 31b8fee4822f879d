/** CertificateApproval, CertificateSigning and ClusterTrustBundleAttest: who may act for a signer. */
import type { Attributes } from '../authz/authorizer.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest, Place } from './plugin.ts'
import { refuse } from './refuse.ts'

const group = 'certificates.k8s.io'

function isRequest({ kind, operation }: Place): boolean {
  return kind.group === group && kind.plural === 'certificatesigningrequests' && operation === 'UPDATE'
}

/** The old object counts, lest the signer be changed on the way. */
export const certificateApproval: AdmissionPlugin = {
  name: 'CertificateApproval',
  handles: (request) => isRequest(request) && request.subresource === 'approval',
  async validate(request, context) {
    const { signerName } = request.old.spec
    if (await mayActFor(signerName, 'approve', { request, context })) return
    throw refuse(request, `user not permitted to approve requests with signerName ${JSON.stringify(signerName)}`)
  },
}

export const certificateSigning: AdmissionPlugin = {
  name: 'CertificateSigning',
  handles: (request) => isRequest(request) && request.subresource === 'status',
  async validate(request, context) {
    const { object, old } = request
    const signed = ({ status }: any) => JSON.stringify([status?.certificate ?? '', status?.conditions ?? []])
    if (signed(object) === signed(old)) return
    const { signerName } = old.spec
    if (await mayActFor(signerName, 'sign', { request, context })) return
    throw refuse(request, `user not permitted to sign requests with signerName ${JSON.stringify(signerName)}`)
  },
}

export const clusterTrustBundleAttest: AdmissionPlugin = {
  name: 'ClusterTrustBundleAttest',
  handles: ({ kind, operation, subresource }) =>
    kind.group === group &&
    kind.plural === 'clustertrustbundles' &&
    !subresource &&
    (operation === 'CREATE' || operation === 'UPDATE'),
  async validate(request, context) {
    const signerName = request.object.spec?.signerName ?? ''
    if (request.old && (request.old.spec?.signerName ?? '') !== signerName)
      throw refuse(request, 'changing signerName is forbidden')
    if (!signerName || (await mayActFor(signerName, 'attest', { request, context }))) return
    throw refuse(request, `user not permitted to attest for signerName ${JSON.stringify(signerName)}`)
  },
}

interface Visit {
  readonly request: Pick<AdmissionRequest, 'user'>
  readonly context: Pick<AdmissionContext, 'authorizer'>
}

/** By its name, or by all names of its domain. */
export async function mayActFor(signerName: string, verb: string, { request, context }: Visit): Promise<boolean> {
  const [domain] = signerName.split('/')
  for (const name of [signerName, `${domain}/*`]) {
    const asked: Attributes = {
      ...{ user: request.user, verb, group, version: '*', resource: 'signers', name },
      ...{ isResource: true, path: '', subresource: '', namespace: '' },
    }
    if ((await context.authorizer.authorize(asked)).verdict === 'allow') return true
  }
  return false
}

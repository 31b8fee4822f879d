/** A node asks for certificates only in its own name, and for pods only that run on it (KEP-4317). */
import type { PodCertificateRequest } from '#api/certificates/v1beta1/pod-certificate-request.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { StatusError } from '#schema/status-error.ts'
import { mirrorPodAnnotation } from '../authz/pod-references.ts'
import { commonNameOf } from './certificate-subject-restriction.ts'
import type { AdmissionContext, AdmissionRequest } from './plugin.ts'
import { refuse } from './refuse.ts'

const kubeletSigners = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet']

export function checkSigningRequest(node: string, request: AdmissionRequest, { gates }: AdmissionContext): void {
  if (request.operation !== 'CREATE' || gates.isOn('AllowInsecureKubeletCertificateSigningRequests')) return
  const { signerName, request: encoded } = request.object.spec
  if (!kubeletSigners.includes(signerName)) return
  const wanted = `system:node:${node}`
  let found: string | undefined
  try {
    found = commonNameOf(Buffer.from(encoded ?? '', 'base64').toString('latin1'))
  } catch (error) {
    throw refuse(request, `unable to parse csr: ${(error as Error).message}`)
  }
  if (found !== wanted) throw refuse(request, `can only create a node CSR with CN=${wanted}`)
}

const quote = (text: string | undefined) => JSON.stringify(text ?? '')

/** What caches that lag behind may have caused is no refusal: the kubelet tries again. */
function unclear(text: string): StatusError {
  return new StatusError('InternalError', `Internal error occurred: ${text}`, { details: { causes: [{ message: text }] } })
}

export function checkPodCertificateRequest(node: string, request: AdmissionRequest, { lister }: AdmissionContext): void {
  if (request.operation !== 'CREATE') throw refuse(request, `unexpected operation ${request.operation}`)
  if (request.subresource) throw refuse(request, `unexpected subresource ${request.subresource}`)
  const { namespace } = request
  const { spec } = request.object as PodCertificateRequest
  if (spec.nodeName !== node) {
    const why = `PodCertificateRequest.Spec.NodeName=${quote(spec.nodeName)}, which is not the requesting node ${quote(node)}`
    throw refuse(request, why)
  }
  const about = quote(`${namespace}/${spec.podName}`)
  const found = <T>(object: T | undefined, what: string, missing: string): T => {
    if (object !== undefined) return object
    throw unclear(`while retrieving ${what} named in the PodCertificateRequest: ${missing} not found`)
  }
  const own = found(lister.get(Node, node), `node ${quote(node)}`, `node ${quote(node)}`)
  if (own.metadata.uid !== spec.nodeUID) {
    const uids = `names node UID ${quote(spec.nodeUID)}, inconsistent with the running node (${quote(own.metadata.uid)})`
    throw unclear(`PodCertificateRequest for pod ${about} ${uids}`)
  }
  const pod = found(lister.get(Pod, spec.podName, namespace), `pod ${about}`, `pod ${quote(spec.podName)}`)
  checkOwnPod(pod, request, about)
  const name = spec.serviceAccountName
  const what = `service account ${quote(`${namespace}/${name}`)}`
  const account = found(lister.get(ServiceAccount, name, namespace), what, `serviceaccount ${quote(name)}`)
  if (account.metadata.uid === spec.serviceAccountUID) return
  const uids = `names service account UID ${quote(spec.serviceAccountUID)}, which differs from the running service account (${quote(account.metadata.uid)})`
  throw unclear(`PodCertificateRequest for pod ${about} ${uids}`)
}

function checkOwnPod(pod: Pod, request: AdmissionRequest, about: string): void {
  const { spec } = request.object as PodCertificateRequest
  const { metadata } = pod
  if (metadata.uid !== spec.podUID) {
    const uids = `contains pod UID (${quote(spec.podUID)}) which differs from running pod ${quote(metadata.uid)}`
    throw unclear(`PodCertificateRequest for pod ${about} ${uids}`)
  }
  if (pod.spec.nodeName !== spec.nodeName) {
    throw refuse(request, `pod ${about} is not running on node ${quote(spec.nodeName)} named in the PodCertificateRequest`)
  }
  if (metadata.annotations?.[mirrorPodAnnotation] !== undefined) throw refuse(request, `pod ${about} is a mirror pod`)
  if (pod.spec.serviceAccountName === spec.serviceAccountName) return
  const names = `(${quote(spec.serviceAccountName)}) that differs from running pod (${quote(pod.spec.serviceAccountName)})`
  throw refuse(request, `PodCertificateRequest for pod ${about} contains serviceAccountName ${names}`)
}

/** PodCertificateRequest: a kubelet asks a signer for a certificate for a pod (KEP-4317). */
import { validateSignerName } from '#api/certificates/v1/validation.ts'
import { Condition } from '#api/meta/v1/condition.ts'
import { resetMetadata } from '#api/meta/v1/reset-metadata.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Subdomain } from '#schema/formats.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { immutableErrors, validateAnnotations } from '#schema/validate.ts'
import {
  always,
  bytes,
  int32,
  list,
  map,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
  time,
} from '#schema/words.ts'
import { keyErrors } from './pod-certificate-key.ts'
import { prepareConditions, statusErrors } from './pod-certificate-status.ts'

const podCertificateRequestSpec = object('io.k8s.api.certificates.v1beta1.PodCertificateRequestSpec', {
  signerName: always(1, string(), { isRequired: true, doc: 'Signer that is asked.' }),
  podName: always(2, string(), { isRequired: true, doc: 'The pod.' }),
  podUID: always(3, string(), { isRequired: true, doc: 'Its uid.' }),
  serviceAccountName: always(4, string(), { isRequired: true, doc: 'Its service account.' }),
  serviceAccountUID: always(5, string(), { isRequired: true, doc: 'The uid of that.' }),
  nodeName: always(6, string(), { isRequired: true, doc: 'Its node.' }),
  nodeUID: always(7, string(), { isRequired: true, doc: 'The uid of that.' }),
  maxExpirationSeconds: pointer(8, int32(), {
    default: 86_400,
    publishedDefault: 86_400,
    doc: 'The certificate may be good for so long.',
  }),
  pkixPublicKey: always(9, bytes(), { doc: 'The key, PKIX; deprecated: stubPKCS10Request holds it.' }),
  proofOfPossession: always(10, bytes(), { doc: "The pod's uid, signed with the key; deprecated as well." }),
  unverifiedUserAnnotations: optional(11, map(string()), { doc: 'What the author of the pod tells the signer.' }),
  stubPKCS10Request: always(12, bytes(), {
    isRequired: true,
    doc: 'A certificate signing request, DER, which is signed with the key.',
  }),
})
export interface PodCertificateRequestSpec extends TypeOf<typeof podCertificateRequestSpec> {}
export const PodCertificateRequestSpec: Schema<PodCertificateRequestSpec> = podCertificateRequestSpec

const podCertificateRequestStatus = object('io.k8s.api.certificates.v1beta1.PodCertificateRequestStatus', {
  conditions: optional(1, list(Condition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'Issued, Denied or Failed.',
  }),
  certificateChain: optional(2, string(), { doc: 'The certificate and those above it, PEM.' }),
  notBefore: pointer(4, time(), { doc: 'When the certificate begins to be good.' }),
  beginRefreshAt: pointer(5, time(), { doc: 'When the kubelet should ask for the next.' }),
  notAfter: pointer(6, time(), { doc: 'When it ends to be good.' }),
})
export interface PodCertificateRequestStatus extends TypeOf<typeof podCertificateRequestStatus> {}
export const PodCertificateRequestStatus: Schema<PodCertificateRequestStatus> = podCertificateRequestStatus

const kind = defineKind({
  group: 'certificates.k8s.io',
  version: 'v1beta1',
  kind: 'PodCertificateRequest',
  plural: 'podcertificaterequests',
  scope: 'Namespaced',
  doc: 'A pod certificate request asks a signer for a certificate for a pod.',
  schemaName: 'io.k8s.api.certificates.v1beta1.PodCertificateRequest',
  fields: {
    spec: always(2, PodCertificateRequestSpec, { isRequired: true }),
    status: always(3, PodCertificateRequestStatus),
  },
  status: true,
  generationFrom: [],
  requireVersion: true,
  prepareStatus(request, old, now) {
    resetMetadata(request.metadata, old.metadata)
    prepareConditions(request.status, old.status, now)
  },
  validateCreate: ({ spec }, at) => specErrors(spec, at.child('spec')),
  validateUpdate: ({ spec }, old, at) => immutableErrors(spec, old.spec, at.child('spec')),
  validateStatusUpdate: (request, old, at) => statusErrors(request, old, at.child('status')),
  selectable: {
    'spec.signerName': ({ spec }) => spec.signerName,
    'spec.podName': ({ spec }) => spec.podName,
    'spec.nodeName': ({ spec }) => spec.nodeName,
  },
  columns: [
    { name: 'PodName', doc: 'The pod.', value: ({ spec }) => spec.podName },
    { name: 'ServiceAccountName', doc: 'Its service account.', value: ({ spec }) => spec.serviceAccountName },
    { name: 'NodeName', doc: 'Its node.', value: ({ spec }) => spec.nodeName },
    { name: 'SignerName', doc: 'Signer that is asked.', value: ({ spec }) => spec.signerName },
    { name: 'State', doc: 'How it stands.', value: ({ status }) => stateOf(status) },
  ],
})

function stateOf({ conditions = [] }: PodCertificateRequestStatus): string {
  return conditions.find(({ type }) => ['Issued', 'Denied', 'Failed'].includes(type))?.type ?? 'Pending'
}

const shortest = 3600
const longest = 91 * 86_400
const longestOfKubernetes = 86_400
const maxUid = 128

function specErrors(spec: PodCertificateRequestSpec, at: Path): FieldError[] {
  const names = ['podName', 'podUID', 'serviceAccountName', 'serviceAccountUID', 'nodeName', 'nodeUID'] as const
  const errors = [
    ...validateSignerName(spec.signerName, at.child('signerName')),
    ...annotationErrors(spec.unverifiedUserAnnotations, at.child('unverifiedUserAnnotations')),
    ...names.flatMap((name) => (name.endsWith('UID') ? uidErrors : nameErrors)(spec[name], at.child(name))),
  ]
  const { maxExpirationSeconds: seconds } = spec
  if (seconds === undefined) return [...errors, at.child('maxExpirationSeconds').required('must be set')]
  const most = isOfKubernetes(spec.signerName) ? longestOfKubernetes : longest
  if (seconds < shortest || seconds > most) {
    errors.push(at.child('maxExpirationSeconds').invalid(seconds, `must be in the range [${shortest}, ${most}]`))
  }
  return [...errors, ...keyErrors(spec, at)]
}

/** Upstream's `IsKubernetesSignerName`. */
function isOfKubernetes(signer: string): boolean {
  const [domain = ''] = signer.split('/')
  return domain === 'kubernetes.io' || domain.endsWith('.kubernetes.io')
}

function nameErrors(name: string, at: Path): FieldError[] {
  return isDns1123Subdomain(name).map((problem) => at.invalid(name, problem))
}

function uidErrors(uid: string, at: Path): FieldError[] {
  if (uid === '') return [at.invalid(uid, 'must not be empty')]
  return uid.length > maxUid ? [at.tooLong(maxUid)] : []
}

/** As annotations, and each key names a domain (upstream `ValidateUserAnnotations`). */
function annotationErrors(annotations: Record<string, string> | undefined, at: Path): FieldError[] {
  const bare = Object.keys(annotations ?? {}).filter((key) => !key.includes('/'))
  return [
    ...validateAnnotations(annotations, at),
    ...bare.map((key) => at.invalid(key, 'must be a domain-prefixed key (such as "acme.io/foo")')),
  ]
}

export interface PodCertificateRequest extends ObjectOf<typeof kind> {}
export const PodCertificateRequest: Kind<'PodCertificateRequest', PodCertificateRequest> = kind

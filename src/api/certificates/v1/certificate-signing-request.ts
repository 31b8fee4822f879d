/** CertificateSigningRequest: asks a signer for a certificate. */
import { validateRequest, validateRequestUpdate } from '#api/certificates/v1/certificate-signing-request-validation.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { age, defineKind, humanDuration, type Kind, type ObjectOf } from '#schema/kind.ts'
import type { ObjectMeta } from '#schema/object-meta.ts'
import {
  always,
  bytes,
  int32,
  known,
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

const certificateSigningRequestSpec = object('io.k8s.api.certificates.v1.CertificateSigningRequestSpec', {
  request: always(1, bytes(), { doc: 'PKCS#10 request, PEM.' }),
  signerName: always(7, string(), { doc: 'Who is to sign.' }),
  expirationSeconds: pointer(8, int32(), { doc: 'How long the certificate is to be valid; the signer decides.' }),
  usages: optional(
    5,
    list(
      known(
        'any',
        'cert sign',
        'client auth',
        'code signing',
        'content commitment',
        'crl sign',
        'data encipherment',
        'decipher only',
        'digital signature',
        'email protection',
        'encipher only',
        'ipsec end system',
        'ipsec tunnel',
        'ipsec user',
        'key agreement',
        'key encipherment',
        'microsoft sgc',
        'netscape sgc',
        'ocsp signing',
        's/mime',
        'server auth',
        'signing',
        'timestamping',
      ),
      { listType: 'atomic' },
    ),
    { doc: 'What the key is for.' },
  ),
  username: optional(2, string(), { doc: 'Who made the request; the server sets it.' }),
  uid: optional(3, string(), { doc: 'UID of who made it.' }),
  groups: optional(4, list(string(), { listType: 'atomic' }), { doc: 'Groups of who made it.' }),
  extra: optional(6, map(list(string())), { doc: 'What else is known of who made it.' }),
})
export interface CertificateSigningRequestSpec extends TypeOf<typeof certificateSigningRequestSpec> {}
export const CertificateSigningRequestSpec: Schema<CertificateSigningRequestSpec> = certificateSigningRequestSpec

const certificateSigningRequestCondition = object('io.k8s.api.certificates.v1.CertificateSigningRequestCondition', {
  type: always(1, string(), { doc: 'Approved, Denied or Failed.' }),
  status: always(6, string(), { isRequired: true, doc: 'Whether it holds.' }),
  reason: optional(2, string(), { doc: 'One word for programs.' }),
  message: optional(3, string(), { doc: 'A sentence for people.' }),
  lastUpdateTime: always(4, time(), { doc: 'When it was last written.' }),
  lastTransitionTime: always(5, time(), { doc: 'When the status last changed.' }),
})
export interface CertificateSigningRequestCondition extends TypeOf<typeof certificateSigningRequestCondition> {}
export const CertificateSigningRequestCondition: Schema<CertificateSigningRequestCondition> = certificateSigningRequestCondition

const certificateSigningRequestStatus = object('io.k8s.api.certificates.v1.CertificateSigningRequestStatus', {
  conditions: optional(1, list(CertificateSigningRequestCondition, { listType: 'map', mapKeys: ['type'] })),
  certificate: optional(2, bytes(), { doc: 'The certificate, PEM.' }),
})
export interface CertificateSigningRequestStatus extends TypeOf<typeof certificateSigningRequestStatus> {}
export const CertificateSigningRequestStatus: Schema<CertificateSigningRequestStatus> = certificateSigningRequestStatus

type Condition = CertificateSigningRequestCondition

interface Request {
  metadata: ObjectMeta
  spec: CertificateSigningRequestSpec
  status: CertificateSigningRequestStatus
}

/** An approval changes conditions alone. */
function prepareApproval(request: Request, old: Request, now: string): void {
  const conditions = timed(request.status.conditions, old, now)
  const { certificate } = old.status
  request.spec = old.spec
  request.status = { ...(conditions && { conditions }), ...(certificate && { certificate }) }
}

/** Whoever signs leaves the decision as it is; to add or take one away is refused later. */
function prepareSigning(request: Request, old: Request, now: string): void {
  const given = request.status.conditions
  const kept = given && decisions.reduce((conditions, type) => withDecision(conditions, old.status.conditions, type), given)
  const conditions = timed(kept, old, now)
  if (conditions) request.status = { ...request.status, conditions }
}

const decisions = ['Approved', 'Denied']

function withDecision(conditions: Condition[], old: readonly Condition[] = [], decision: string): Condition[] {
  const isDecision = ({ type }: Condition) => type === decision
  const kept = old.filter(isDecision)
  if (kept.length !== conditions.filter(isDecision).length) return conditions
  return conditions.map((condition) => (isDecision(condition) ? (kept.shift() as Condition) : condition))
}

/** Times that were not given; a condition that holds as before did not turn. */
function timed(conditions: readonly Condition[] | undefined, old: Request, now: string): Condition[] | undefined {
  return conditions?.map((condition) => {
    const { type, status, lastUpdateTime, lastTransitionTime } = condition
    const before = old.status.conditions?.find((one) => one.type === type && one.status === status && one.lastTransitionTime)
    return {
      ...condition,
      lastUpdateTime: lastUpdateTime ?? now,
      lastTransitionTime: lastTransitionTime ?? before?.lastTransitionTime ?? now,
    }
  })
}

const kind = defineKind({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  scope: 'Cluster',
  doc: 'A certificate signing request asks for a certificate, which is issued once somebody approves.',
  schemaName: 'io.k8s.api.certificates.v1.CertificateSigningRequest',
  shortNames: ['csr'],
  nameFormat: 'any',
  fields: {
    spec: always(2, CertificateSigningRequestSpec, { isRequired: true }),
    status: always(3, CertificateSigningRequestStatus),
  },
  status: true,
  generationFrom: [],
  /** The spec is what it was on creation; nobody may speak for another. */
  prepare(request, old) {
    if (old) request.spec = old.spec
  },
  prepareStatus: prepareSigning,
  validateCreate: (request, at) => [...validateFinalizers(request.metadata, at), ...validateRequest(request, undefined, at)],
  validateUpdate: (request, old, at) => validateRequestUpdate(request, old, { at, part: 'main' }),
  validateStatusUpdate: (request, old, at) => validateRequestUpdate(request, old, { at, part: 'status' }),
  subresources: {
    approval: {
      kind: 'CertificateSigningRequest',
      verbs: ['get', 'update', 'patch'],
      prepare: prepareApproval,
      validateUpdate: (request: Request, old: Request, at) => validateRequestUpdate(request, old, { at, part: 'approval' }),
    },
  },
  selectable: { 'spec.signerName': ({ spec }) => spec.signerName },
  columns: [
    age,
    { name: 'SignerName', doc: 'Who is to sign.', value: ({ spec }) => spec.signerName || '<none>' },
    { name: 'Requestor', doc: 'Who asked.', value: ({ spec }) => spec.username ?? '' },
    {
      name: 'RequestedDuration',
      doc: 'How long the certificate is to be valid.',
      value: ({ spec: { expirationSeconds } }) =>
        expirationSeconds === undefined ? '<none>' : humanDuration(expirationSeconds * 1000),
    },
    { name: 'Condition', doc: 'What was decided.', value: ({ status }) => conditionText(status) },
  ],
})

function conditionText({ conditions = [], certificate }: CertificateSigningRequestStatus): string {
  const has = (wanted: string) => conditions.some(({ type }) => type === wanted)
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'
  return [decision, ...(has('Failed') ? ['Failed'] : []), ...(certificate ? ['Issued'] : [])].join(',')
}

export interface CertificateSigningRequest extends ObjectOf<typeof kind> {}
export const CertificateSigningRequest: Kind<'CertificateSigningRequest', CertificateSigningRequest> = kind

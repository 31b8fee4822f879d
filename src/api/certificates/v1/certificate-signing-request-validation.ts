/** Rules for CertificateSigningRequests (upstream `certificates/validation`). */
import type {
  CertificateSigningRequestCondition,
  CertificateSigningRequestSpec,
  CertificateSigningRequestStatus,
} from '#api/certificates/v1/certificate-signing-request.ts'
import { certificateProblem, pemBlocks, validateSignerName } from '#api/certificates/v1/validation.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { FieldError, Path } from '#schema/field-error.ts'

interface Request {
  spec: CertificateSigningRequestSpec
  status: CertificateSigningRequestStatus
}

const usages = [
  ...['any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment'],
  ...['decipher only', 'digital signature', 'email protection', 'encipher only', 'ipsec end system', 'ipsec tunnel'],
  ...['ipsec user', 'key agreement', 'key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing', 's/mime'],
  ...['server auth', 'signing', 'timestamping'],
]

const leastSeconds = 600
const legacySigner = 'kubernetes.io/legacy-unknown'

/** What is already there is tolerated in an update; `old` is absent on create. */
export function validateRequest({ spec, status }: Request, old: Request | undefined, at: Path): FieldError[] {
  const here = at.child('spec')
  const { request, usages: given = [], signerName, expirationSeconds: seconds } = spec
  const problem = requestProblem(request)
  const signerAt = here.child('signerName')
  const allowLegacy = old?.spec.signerName === legacySigner
  return [
    ...(problem ? [here.child('request').invalid(request, problem)] : []),
    ...(given.length === 0 ? [here.child('usages').required()] : []),
    ...usageErrors(given, old?.spec.usages ?? [], here.child('usages')),
    ...(signerName === legacySigner && !allowLegacy
      ? [signerAt.invalid(signerName, 'the legacy signerName is not allowed via this API version')]
      : validateSignerName(signerName, signerAt)),
    ...(seconds !== undefined && seconds < leastSeconds
      ? [here.child('expirationSeconds').invalid(seconds, 'may not specify a duration less than 600 seconds (10 minutes)')]
      : []),
    ...conditionErrors(status.conditions ?? [], old?.status.conditions ?? [], at.child('status', 'conditions')),
    ...certificateErrors(status.certificate ?? '', old?.status.certificate ?? '', at.child('status', 'certificate')),
  ]
}

function requestProblem(request: string): string | undefined {
  const [block] = pemBlocks(Buffer.from(request, 'base64').toString())
  return block?.type === 'CERTIFICATE REQUEST' ? undefined : 'PEM block type must be CERTIFICATE REQUEST'
}

function usageErrors(given: readonly string[], old: readonly string[], at: Path): FieldError[] {
  const allowUnknown = old.some((usage) => !usages.includes(usage))
  const allowRepeated = new Set(old).size < old.length
  return [
    ...given.flatMap((usage, index) =>
      allowUnknown || usages.includes(usage) ? [] : [at.index(index).notSupported(usage, usages)],
    ),
    ...given.flatMap((usage, index) =>
      !allowRepeated && given.indexOf(usage) < index ? [at.index(index).duplicate(usage)] : [],
    ),
  ]
}

const decisions = ['Approved', 'Denied']
const onlyTrue = [...decisions, 'Failed']

type Conditions = readonly CertificateSigningRequestCondition[]

function conditionErrors(conditions: Conditions, old: Conditions, at: Path): FieldError[] {
  const has = (list: Conditions, type: string) => list.some((condition) => condition.type === type)
  const allowBoth = decisions.every((type) => has(old, type))
  const allowEmpty = has(old, '')
  const allowRepeated = new Set(old.map(({ type }) => type)).size < old.length
  return conditions.flatMap(({ type, status }, index) => {
    const here = at.index(index)
    const before = conditions.slice(0, index)
    const allowed = onlyTrue.includes(type) ? ['True'] : ['False', 'True', 'Unknown']
    const isTorn = decisions.includes(type) && before.some((other) => other.type !== type && decisions.includes(other.type))
    return [
      ...(type === '' && !allowEmpty ? [here.child('type').required()] : []),
      ...(status === ('' as string)
        ? [here.child('status').required()]
        : allowed.includes(status)
          ? []
          : [here.child('status').notSupported(status, allowed)]),
      ...(isTorn && !allowBoth ? [at.invalid(type, 'Approved and Denied conditions are mutually exclusive')] : []),
      ...(has(before, type) && !allowRepeated ? [here.child('type').duplicate(type)] : []),
    ]
  })
}

function certificateErrors(certificate: string, old: string, at: Path): FieldError[] {
  const isTolerated = certificate === old || certificateProblem(old) !== undefined
  const problem = isTolerated ? undefined : certificateProblem(certificate)
  return problem ? [at.invalid('<certificate data>', problem)] : []
}

/** What a write may change: the approval its decisions, the status the certificate, nothing else either. */
export function validateRequestUpdate(
  now: Request,
  old: Request,
  { at, part }: { at: Path; part: 'main' | 'status' | 'approval' },
): FieldError[] {
  const here = at.child('status', 'conditions')
  const of = (request: Request, type: string) => (request.status.conditions ?? []).filter((condition) => condition.type === type)
  const errors = validateRequest(now, old, at)
  for (const type of onlyTrue) {
    if (of(now, type).length < of(old, type).length)
      errors.push(here.forbidden(`updates may not remove a condition of type "${type}"`))
  }
  for (const type of part === 'approval' ? [] : decisions) {
    const [after, before] = [of(now, type), of(old, type)]
    if (after.length > before.length) errors.push(here.forbidden(`updates may not add a condition of type "${type}"`))
    else if (after.length === before.length && !semanticEqual(after, before)) {
      errors.push(here.forbidden(`updates may not modify a condition of type "${type}"`))
    }
  }
  const certificateAt = at.child('status', 'certificate')
  if (now.status.certificate !== old.status.certificate) {
    if (part !== 'status') errors.push(certificateAt.forbidden('updates may not set certificate content'))
    else if (old.status.certificate) errors.push(certificateAt.forbidden('updates may not modify existing certificate content'))
  }
  return errors
}

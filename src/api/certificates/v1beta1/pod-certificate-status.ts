/** What a signer may answer to a PodCertificateRequest (upstream `ValidatePodCertificateRequestStatusUpdate`). */
import type { X509Certificate } from 'node:crypto'
import { parseCertificate, pemBlocks } from '#api/certificates/v1/validation.ts'
import type { Condition } from '#api/meta/v1/condition.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { validateConditions } from '#schema/validate.ts'
import { type KeyParts, requestedKey } from './pod-certificate-key.ts'
import type { PodCertificateRequestStatus } from './pod-certificate-request.ts'

interface Request {
  readonly spec: KeyParts & { readonly maxExpirationSeconds?: number | undefined }
  readonly status: PodCertificateRequestStatus
}

const finalTypes = ['Issued', 'Denied', 'Failed']

/** What was answered stays as it is, and is not a reason to refuse the write. Times that were not given are filled in. */
export function prepareConditions(status: PodCertificateRequestStatus, old: PodCertificateRequestStatus, now: string): void {
  if (!status.conditions) return
  const before = old.conditions ?? []
  const kept = finalTypes.reduce((conditions, type) => withAnswer(conditions, before, type), status.conditions)
  status.conditions = kept.map((condition) => {
    if (condition.lastTransitionTime) return condition
    const same = before.find(({ type, status }) => type === condition.type && status === condition.status)
    return { ...condition, lastTransitionTime: same?.lastTransitionTime || now }
  })
}

/** One that was added or taken away stays for validation to refuse. */
function withAnswer(conditions: Condition[], before: readonly Condition[], answer: string): Condition[] {
  const kept = before.filter(({ type }) => type === answer)
  if (kept.length !== conditions.filter(({ type }) => type === answer).length) return conditions
  return conditions.map((condition) => (condition.type === answer ? (kept.shift() as Condition) : condition))
}

/** An answer is final. */
export function statusErrors({ status }: Request, old: Request, at: Path): FieldError[] {
  const errors = conditionErrors(status, at.child('conditions'))
  if (errors.length > 0) return errors
  if (finalOf(old.status)) {
    return semanticEqual(status, old.status)
      ? []
      : [at.invalid(status, 'immutable after PodCertificateRequest is issued, denied, or failed')]
  }
  const final = finalOf(status)
  if (final === 'Issued') return issuedErrors(status, old.spec, at)
  const message =
    final === undefined
      ? 'non-condition status fields must be empty when the PodCertificateRequest has not been issued'
      : 'non-condition status fields must be empty when denying or failing the PodCertificateRequest'
  const { conditions: _, ...rest } = status
  return semanticEqual(rest, {}) ? [] : [at.invalid(status, message)]
}

function finalOf({ conditions = [] }: PodCertificateRequestStatus): string | undefined {
  return conditions.find(({ type }) => finalTypes.includes(type))?.type
}

function conditionErrors({ conditions = [] }: PodCertificateRequestStatus, at: Path): FieldError[] {
  let known = 0
  const errors = conditions.flatMap(({ type, status }, i) => {
    const here = at.index(i)
    if (!finalTypes.includes(type)) return [here.child('type').notSupported(type, finalTypes)]
    const message = 'There may be at most one condition with type "Issued", "Denied", or "Failed"'
    return [
      ...(++known > 1 ? [here.child('type').invalid(type, message)] : []),
      ...(status === 'True' ? [] : [here.child('status').notSupported(status, ['True'])]),
    ]
  })
  return [...errors, ...validateConditions(conditions, at)]
}

const maxChain = 100 * 1024
const minute = 60_000

/** The first thing that is wrong with it. */
function issuedErrors(status: PodCertificateRequestStatus, spec: Request['spec'], at: Path): FieldError[] {
  const { certificateChain: chain = '' } = status
  const here = at.child('certificateChain')
  if (Buffer.byteLength(chain) > maxChain) return [here.tooLong(maxChain)]
  const [leaf, ...rest] = pemBlocks(chain)
  if (!leaf) return [here.invalid(chain, 'issued certificate chain must contain at least one certificate')]
  const notCertificates = 'issued certificate chain must consist entirely of CERTIFICATE PEM blocks'
  if (leaf.type !== 'CERTIFICATE') return [here.invalid(chain, notCertificates)]
  const certificate = parseCertificate(leaf.text)
  if (!certificate) return [here.invalid(chain, 'leaf certificate does not parse as valid X.509')]
  if (!requestedKey(spec)?.equals(certificate.publicKey)) {
    return [here.invalid(chain, 'leaf certificate was not issued to the requested public key')]
  }
  const errors = timeErrors(status, { certificate, most: spec.maxExpirationSeconds ?? 0, at })
  if (errors.length > 0) return errors
  if (rest.some(({ type }) => type !== 'CERTIFICATE')) return [here.invalid(chain, notCertificates)]
  const broken = 'intermediate certificate does not parse as valid X.509'
  return rest.every(({ text }) => parseCertificate(text)) ? [] : [here.invalid(chain, broken)]
}

interface Issued {
  readonly certificate: X509Certificate
  /** Seconds that were asked for. */
  readonly most: number
  readonly at: Path
}

function timeErrors(status: PodCertificateRequestStatus, { certificate, most, at }: Issued): FieldError[] {
  const { notBefore, notAfter, beginRefreshAt } = status
  const consistent = 'must be present and consistent with the issued certificate'
  if (!notBefore || !notAfter || !beginRefreshAt) {
    const refresh = 'must be present and in the range [notbefore+10min, notafter-10min]'
    return [
      ...(notBefore ? [] : [at.child('notBefore').required(consistent)]),
      ...(notAfter ? [] : [at.child('notAfter').required(consistent)]),
      ...(beginRefreshAt ? [] : [at.child('beginRefreshAt').required(refresh)]),
    ]
  }
  const [from, to, refresh] = [notBefore, notAfter, beginRefreshAt].map((text) => Date.parse(text)) as [number, number, number]
  const encoded = (name: string) => `must be set to the ${name} time encoded in the leaf certificate`
  if (from !== certificate.validFromDate.getTime()) return [at.child('notBefore').invalid(notBefore, encoded('NotBefore'))]
  if (to !== certificate.validToDate.getTime()) return [at.child('notAfter').invalid(notAfter, encoded('NotAfter'))]
  const chain = at.child('certificateChain')
  const lifetime = goDuration((to - from) / 1000)
  if (to - from < 60 * minute) return [chain.invalid(lifetime, 'leaf certificate lifetime must be >= 1 hour')]
  if (to - from > most * 1000) {
    return [chain.invalid(lifetime, `leaf certificate lifetime must be <= spec.maxExpirationSeconds (${most})`)]
  }
  const early = 'must be at least 10 minutes after status.notBefore'
  if (refresh < from + 10 * minute) return [at.child('beginRefreshAt').invalid(beginRefreshAt, early)]
  const late = 'must be at least 10 minutes before status.notAfter'
  return refresh > to - 10 * minute ? [at.child('beginRefreshAt').invalid(beginRefreshAt, late)] : []
}

/** As Go prints a `time.Duration` of whole seconds. */
function goDuration(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)]
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds % 60}s`
}

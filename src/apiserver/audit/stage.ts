/** The audit stages of the pipeline: requests that are let in, and those that are turned away for their credentials. */
import type { Clock } from '#lib/clock.ts'
import type { Soon } from '#lib/soon.ts'
import { asStatus } from '../pipeline.ts'
import type { Next, Request, Response, Stage } from '../request.ts'
import { attributesOf } from '../stages/authorize.ts'
import { Followed } from '../stages/followed.ts'
import { isLongRunning } from '../stages/long-running.ts'
import type { AuditBackend } from './event.ts'
import type { AuditPolicy } from './policy.ts'
import { AuditRecord } from './record.ts'

export interface AuditOptions {
  readonly policy: AuditPolicy
  readonly backend: AuditBackend
  readonly clock: Clock
  /** Told of the level of each request. */
  readonly onLevel?: ((level: string) => void) | undefined
}

/** Stands before authentication: who is turned away there has no other record (upstream `WithFailedAuthenticationAudit`). */
export function auditRefusals(options: AuditOptions): Stage {
  const refused = (error: unknown, request: Request): never => {
    if (!request.audit && asStatus(error).code === 401) recordRefusal(options, request, error)
    throw error
  }
  return (request, next) => {
    request.received = options.clock.now()
    try {
      const answered = next(request)
      return answered instanceof Promise ? answered.catch((error) => refused(error, request)) : answered
    } catch (error) {
      return refused(error, request)
    }
  }
}

function recordRefusal(options: AuditOptions, request: Request, error: unknown): void {
  const record = recordOf(options, request)
  if (!record) return
  const methods = attemptedMethods(request)
  const attempted = methods.length > 0 ? `attempted: ${methods.join(', ')}` : 'no credentials provided'
  const { code, status, reason } = asStatus(error).toStatus()
  record.answered({ metadata: {}, status, message: `Authentication failed, ${attempted}`, reason, code })
  record.emit('ResponseStarted')
}

/** What was shown, never its value (`getAuthMethods`). */
function attemptedMethods({ headers, query, origin }: Request): string[] {
  const [scheme = '', value] = (headers.authorization ?? '').trim().split(' ')
  const isBasic = /^basic$/i.test(scheme) && value !== undefined && Buffer.from(value, 'base64').includes(':')
  const hasCertificate = origin.type === 'network' && Boolean(origin.certificate ?? origin.frontProxy ?? origin.certificateError)
  const shown: Readonly<Record<string, boolean>> = {
    basic: isBasic,
    bearer: /^bearer$/i.test(scheme) && value !== undefined,
    access_token: Boolean(query.get('access_token')?.trim()),
    x509: hasCertificate,
  }
  return Object.keys(shown).filter((method) => shown[method])
}

/** Stands behind authentication. */
export function audit(options: AuditOptions): Stage {
  return (request, next) => {
    const record = recordOf(options, request)
    if (!record) return next(request)
    request.audit = record
    record.took('authentication', options.clock.now() - receivedAt(request, options))
    record.emit('RequestReceived')
    return recorded(record, request, next)
  }
}

function recordOf({ policy, backend, clock, onLevel }: AuditOptions, request: Request): AuditRecord | undefined {
  const attributes = attributesOf(request)
  const verdict = policy.evaluate(attributes)
  onLevel?.(verdict.level)
  if (verdict.level === 'None') return undefined
  const record = new AuditRecord({ request, attributes, verdict, backend, clock, received: receivedAt(request, { clock }) })
  for (const [key, value] of request.notes ?? []) record.annotate(key, value)
  return record
}

function receivedAt({ received }: Request, { clock }: Pick<AuditOptions, 'clock'>): number {
  return received ?? clock.now()
}

function recorded(record: AuditRecord, request: Request, next: Next): Soon<Response> {
  const fail = (error: unknown): never => {
    const status = asStatus(error).toStatus()
    record.answered(shortStatus(status), request.info.isResource ? status : undefined)
    if (isLongRunning(request.info)) record.emit('ResponseStarted')
    record.emit('ResponseComplete')
    throw error
  }
  try {
    const answered = next(request)
    if (answered instanceof Promise) return answered.then((response) => complete(record, request, response), fail)
    return complete(record, request, answered)
  } catch (error) {
    return fail(error)
  }
}

/** What streams is complete only when it has ended. */
function complete(record: AuditRecord, request: Request, response: Response): Response {
  const { status, object } = statusOf(response)
  record.answered(status, object)
  if (isLongRunning(request.info)) record.emit('ResponseStarted')
  const end = once(() => record.emit('ResponseComplete'))
  switch (response.type) {
    case 'watch':
      return { ...response, events: new Followed(response.events, end) }
    case 'stream':
      return { ...response, chunks: followed(response.chunks, end) }
    case 'upgraded':
      request.signal.addEventListener('abort', end, { once: true })
      return response
    default:
      end()
      return response
  }
}

function statusOf(response: Response): { status: object; object?: unknown } {
  if (response.type === 'watch') return { status: { metadata: {}, code: 200 } }
  if (response.type === 'upgraded') return { status: { metadata: {}, code: 101 } }
  const { status: code } = response
  if (response.type !== 'object') return { status: { metadata: {}, code } }
  const { object } = response
  const isStatus = (object as { kind?: string } | undefined)?.kind === 'Status'
  return { status: isStatus ? shortStatus(object as object) : { metadata: {}, code }, object }
}

/** The kind's name stands in no audit event's status. */
function shortStatus(status: object): object {
  const { kind: _, apiVersion: __, ...rest } = status as Record<string, unknown>
  return rest
}

function once(action: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    action()
  }
}

async function* followed(chunks: AsyncIterable<Uint8Array>, end: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks
  } finally {
    end()
  }
}

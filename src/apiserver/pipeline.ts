/** The way of a request through the API server: read this file first. */
import type { Clock } from '#lib/clock.ts'
import { type Reason, StatusError } from '#schema/status-error.ts'
import { hasCode } from '#store/store.ts'
import { type AuditOptions, audit, auditRefusals } from './audit/stage.ts'
import type { Authenticator } from './authn/authenticator.ts'
import type { Authorizer } from './authz/authorizer.ts'
import type { RequestInstruments } from './publish/request-instruments.ts'
import type { Registry } from './registry/registry.ts'
import type { Next, Request, Response, Stage } from './request.ts'
import { authorize } from './stages/authorize.ts'
import { deadline } from './stages/deadline.ts'
import { authenticate, impersonate } from './stages/identify.ts'
import { parseRequest } from './stages/parse-request.ts'
import { serve } from './stages/serve.ts'
import { traced, tracedService } from './tracing/stage.ts'
import type { Tracer } from './tracing/tracer.ts'

export interface PipelineParts {
  readonly clock: Clock
  readonly authenticators: readonly Authenticator[]
  readonly authorizer: Authorizer
  readonly registry: Registry
  /** Decides when a request begins. Absent: at once. */
  readonly inTurn?: Stage | undefined
  /** Absent: nothing is recorded, at no cost. */
  readonly audit?: Omit<AuditOptions, 'clock'> | undefined
  /** Stages that answer before the resources do: discovery, OpenAPI, health. */
  readonly publish?: readonly Stage[]
  /** Absent: no spans, at no cost. */
  readonly tracer?: Tracer | undefined
  /** Absent: nobody counts. */
  readonly instruments?: RequestInstruments | undefined
  /** Milliseconds; default a minute. */
  readonly requestTimeout?: number | undefined
  /** Hands on what is served elsewhere. */
  readonly extensions?: Stage | undefined
  /** Told of errors that are no StatusError: defects of ours. */
  onPanic?(error: unknown, request: Request): void
}

/** A request passes these stages from top to bottom; each one answers it or calls `next`. */
export function pipeline(parts: PipelineParts): readonly Stage[] {
  const audited = parts.audit && { ...parts.audit, clock: parts.clock }
  return [
    recover(parts), // whatever is thrown below becomes a Status
    parseRequest, // method and path -> verb, group, resource, namespace, name, subresource
    deadline(parts.clock, parts.requestTimeout), // 504 to whoever waited long enough
    ...(audited ? [auditRefusals(audited)] : []),
    authenticate(parts.authenticators, parts), // -> user
    ...(audited ? [audit(audited)] : []), // who did what, where the policy wants it recorded
    ...(parts.tracer ? [traced(parts.tracer)] : []), // a span, for who collects them
    impersonate(parts.authorizer, parts.registry), // Impersonate-User and its like
    ...(parts.inTurn ? [parts.inTurn] : []), // priority and fairness, or a plain limit: 429 to whoever is too many
    authorize(parts.authorizer, parts),
    ...(parts.extensions ? [parts.extensions] : []), // what an extension server serves
    unlessResource(parts.publish ?? []), // discovery, OpenAPI, health
    ...(parts.tracer ? [tracedService(parts.tracer)] : []),
    serve(parts.registry), // verb of the registry -> store or watch cache -> answer
  ]
}

/** Chains the stages into one function. */
export function compose(stages: readonly Stage[]): Next {
  const nobody: Next = () => {
    throw new StatusError('NotFound', 'the server could not find the requested resource')
  }
  return chain(stages, nobody)
}

function chain(stages: readonly Stage[], last: Next): Next {
  return stages.reduceRight<Next>((next, stage) => (request) => stage(request, next), last)
}

function unlessResource(stages: readonly Stage[]): Stage {
  return (request, next) => (request.info.isResource ? next(request) : chain(stages, next)(request))
}

function recover({ onPanic }: PipelineParts): Stage {
  const answer = (error: unknown, request: Request): Response => {
    if (!(error instanceof StatusError)) onPanic?.(error, request)
    const status = asStatus(error).toStatus()
    const wait = status.details?.retryAfterSeconds
    return { type: 'object', status: status.code, object: status, ...(wait && { headers: { 'retry-after': String(wait) } }) }
  }
  return (request, next) => {
    try {
      const response = next(request)
      return response instanceof Promise ? response.catch((error) => answer(error, request)) : response
    } catch (error) {
      return answer(error, request)
    }
  }
}

/** What is no StatusError is a defect or a failing store; the client learns its message. */
export function asStatus(error: unknown): StatusError {
  if (error instanceof StatusError) return error
  // Upstream passes on what etcd says.
  if (hasCode(error, 'NoSpace')) {
    return new StatusError('' as Reason, 'etcdserver: mvcc: database space exceeded', { code: 500, cause: error })
  }
  if (hasCode(error, 'Closed')) {
    const text = 'The apiserver is shutting down, please try again later.'
    return new StatusError('ServiceUnavailable', text, { details: { retryAfterSeconds: 5 }, cause: error })
  }
  const text = error instanceof Error ? error.message : String(error)
  const details = { causes: [{ message: text }] }
  return new StatusError('InternalError', `Internal error occurred: ${text}`, { details, cause: error })
}

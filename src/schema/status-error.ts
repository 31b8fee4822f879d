/** Every error a client can see is one StatusError, holding the Kubernetes `Status` it is sent as. */
import type { FieldError } from './field-error.ts'
import { formatFieldError } from './field-error.ts'

/** `metav1.StatusReason` and the HTTP code each is sent with. */
const codes = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  ServerTimeout: 500,
  Timeout: 504,
} as const

export type Reason = keyof typeof codes

/** `metav1.StatusCause`. */
export interface StatusCause {
  readonly reason?: string
  readonly message?: string
  readonly field?: string
}

/** `metav1.StatusDetails`. */
export interface StatusDetails {
  readonly name?: string
  readonly group?: string
  /** The resource's plural, or the kind for Invalid. */
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly StatusCause[]
  readonly retryAfterSeconds?: number
}

/** `metav1.Status` as it stands on the wire. */
export interface StatusObject {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: { readonly continue?: string; readonly remainingItemCount?: number }
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: string
  readonly details?: StatusDetails
  readonly code: number
}

/** What names a resource in an error text: `deployments.apps`, or `pods` in the core group. */
export interface ResourceName {
  readonly group: string
  readonly plural: string
}

export class StatusError extends Error {
  readonly reason: Reason | ''
  readonly code: number
  readonly details: StatusDetails | undefined
  /** Of an expired list: the token with which the client may go on. */
  readonly continue: string | undefined

  constructor(
    reason: Reason,
    message: string,
    options: { details?: StatusDetails; code?: number; continue?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'StatusError'
    this.reason = reason
    this.code = options.code ?? codes[reason]
    this.details = options.details
    this.continue = options.continue
  }

  toStatus(): StatusObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.continue ? { continue: this.continue } : {},
      status: 'Failure',
      message: this.message,
      ...(this.reason && { reason: this.reason }),
      ...(this.details && { details: this.details }),
      code: this.code,
    }
  }

  /** The error that a server's `Status` stands for; unknown reasons keep their text and code. */
  static from(status: StatusObject): StatusError {
    const reason = status.reason as Reason
    return new StatusError(reason, status.message ?? `status ${status.code}`, {
      code: status.code,
      ...(status.details && { details: status.details }),
      ...(status.metadata?.continue && { continue: status.metadata.continue }),
    })
  }
}

export function hasReason(error: unknown, ...reasons: Reason[]): error is StatusError {
  return error instanceof StatusError && reasons.includes(error.reason as Reason)
}

export function qualified({ group, plural }: ResourceName): string {
  return group ? `${plural}.${group}` : plural
}

const about = (resource: ResourceName, name: string): StatusDetails => ({
  name,
  ...(resource.group && { group: resource.group }),
  kind: resource.plural,
})

export function notFound(resource: ResourceName, name: string): StatusError {
  return new StatusError('NotFound', `${qualified(resource)} "${name}" not found`, { details: about(resource, name) })
}

export function alreadyExists(resource: ResourceName, name: string): StatusError {
  return new StatusError('AlreadyExists', `${qualified(resource)} "${name}" already exists`, { details: about(resource, name) })
}

export function conflict(resource: ResourceName, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`
  return new StatusError('Conflict', message, { details: about(resource, name) })
}

/** The detail of a conflict when somebody else was faster. */
export const modified = 'the object has been modified; please apply your changes to the latest version and try again'

export function forbidden(resource: ResourceName, name: string, why: string): StatusError {
  const what = name ? `${qualified(resource)} "${name}" is forbidden` : `${qualified(resource)} is forbidden`
  return new StatusError('Forbidden', `${what}: ${why}`, { details: about(resource, name) })
}

export function badRequest(message: string): StatusError {
  return new StatusError('BadRequest', message)
}

/** `Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: ...`, several in brackets. */
export function invalid(
  kind: { group: string; kind: string },
  name: string | undefined,
  errors: readonly FieldError[],
): StatusError {
  const lines = [...new Set(errors.map(formatFieldError))]
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
  const what = kind.group ? `${kind.kind}.${kind.group}` : kind.kind
  return new StatusError('Invalid', `${what} ${JSON.stringify(name ?? '')} is invalid: ${text}`, {
    details: {
      ...(name && { name }),
      ...(kind.group && { group: kind.group }),
      kind: kind.kind,
      causes: errors.map(({ type, field, body }) => ({ reason: type, message: body, field })),
    },
  })
}

/** Upstream's words for a resource version or continue token that compaction has overtaken. */
export function expired(message = 'The resourceVersion for the provided watch is too old.'): StatusError {
  return new StatusError('Expired', message)
}

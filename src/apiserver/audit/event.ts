/** Audit events (`audit.k8s.io/v1` Event) and who takes them. */
import type { StatusObject } from '#schema/status-error.ts'

export interface AuditEvent {
  readonly kind: 'Event'
  readonly apiVersion: 'audit.k8s.io/v1'
  readonly level: string
  readonly auditID: string
  readonly stage: string
  readonly requestURI: string
  readonly verb: string
  readonly user: object
  readonly impersonatedUser?: object
  readonly authenticationMetadata?: { readonly impersonationConstraint: string }
  readonly sourceIPs?: readonly string[]
  readonly userAgent?: string
  readonly objectRef?: object
  readonly responseStatus?: Partial<StatusObject> | object
  readonly requestObject?: unknown
  readonly responseObject?: unknown
  readonly requestReceivedTimestamp: string
  readonly stageTimestamp: string
  readonly annotations?: Readonly<Record<string, string>>
}

/** Takes events, which are read-only and may share objects with the caches. Never throws, never waits. */
export interface AuditBackend {
  readonly name: string
  take(events: readonly AuditEvent[]): void
  /** Resolves when all that was taken has been written. */
  close(): Promise<void>
}

/** One after the other. */
export function allBackends(backends: readonly AuditBackend[]): AuditBackend {
  if (backends.length === 1) return backends[0] as AuditBackend
  return {
    name: 'union',
    take: (events) => {
      for (const backend of backends) backend.take(events)
    },
    close: async () => void (await Promise.all(backends.map((backend) => backend.close()))),
  }
}

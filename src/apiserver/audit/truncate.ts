/** Keeps audit events and batches below a size (upstream `plugin/audit/truncate`). */
import { stringifyJson } from '#schema/json.ts'
import type { AuditBackend, AuditEvent } from './event.ts'

export interface TruncateConfig {
  /** Bytes. */
  readonly maxEventSize: number
  readonly maxBatchSize: number
}

/** An event that is too large loses its objects; one that still is, is lost. */
export function truncatingBackend(
  delegate: AuditBackend,
  { maxEventSize, maxBatchSize }: TruncateConfig,
  onError?: (error: unknown, doing: string) => void,
): AuditBackend {
  return {
    name: delegate.name,
    take(events) {
      let batch: AuditEvent[] = []
      let total = 0
      for (const given of events) {
        let event = given
        let size = sizeOf(event)
        if (size > maxEventSize && event.level !== 'Metadata') {
          event = truncated(event)
          size = sizeOf(event)
        }
        if (size > maxEventSize) {
          onError?.(new Error('event is too large even after truncating'), 'audit truncate')
          continue
        }
        if (batch.length > 0 && total + size > maxBatchSize) {
          delegate.take(batch)
          batch = []
          total = 0
        }
        batch.push(event)
        total += size
      }
      if (batch.length > 0) delegate.take(batch)
    },
    close: () => delegate.close(),
  }
}

function sizeOf(event: AuditEvent): number {
  return Buffer.byteLength(stringifyJson(event)) + 1
}

function truncated({ requestObject: _, responseObject: __, ...event }: AuditEvent): AuditEvent {
  return { ...event, annotations: { ...event.annotations, 'audit.k8s.io/truncated': 'true' } }
}

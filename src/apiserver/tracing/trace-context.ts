/** `traceparent`: which span a request belongs to (W3C Trace Context, level 1). */

export interface SpanContext {
  /** 32 digits in lower case. */
  readonly traceId: string
  /** 16 digits in lower case. */
  readonly spanId: string
  readonly isSampled: boolean
  readonly traceState?: string | undefined
}

const form = /^(?<version>[0-9a-f]{2})-(?<traceId>[0-9a-f]{32})-(?<spanId>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?<rest>-.*)?$/

/** Undefined where there is none, or none that means anything: the trace begins here then. */
export function readTraceParent(header: string | undefined, traceState?: string | undefined): SpanContext | undefined {
  const parts = header === undefined ? undefined : form.exec(header.trim())?.groups
  if (!parts) return undefined
  const { version, traceId = '', spanId = '', flags = '00', rest } = parts
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  const isSampled = (Number.parseInt(flags, 16) & 1) === 1
  return { traceId, spanId, isSampled, ...(traceState && { traceState }) }
}

export function writeTraceParent({ traceId, spanId, isSampled }: SpanContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`
}

/** Spans as OTLP says them in protobuf (opentelemetry/proto/collector/trace/v1/trace_service.proto, 1.x): one message for each batch. */
import type { SpanContext } from '#apiserver/tracing/trace-context.ts'
import type { Attribute, FinishedSpan } from '#apiserver/tracing/tracer.ts'

/** `ExportTraceServiceRequest`. */
export function exportRequest(spans: readonly FinishedSpan[], resource: Readonly<Record<string, Attribute>>): Buffer {
  const scope = message([text(1, 'kubernetes')])
  const scoped = message([nested(1, scope), ...spans.map((span) => nested(2, spanMessage(span)))])
  return message([nested(1, message([nested(1, message(attributesOf(1, resource))), nested(2, scoped)]))])
}

const kinds = { internal: 1, server: 2 } as const
const statusError = 2

function spanMessage(span: FinishedSpan): Buffer {
  const { context, parentSpanId, link, name, kind, start, end, attributes, isError } = span
  return message([
    ...contextFields(context),
    ...(parentSpanId ? [bytes(4, Buffer.from(parentSpanId, 'hex'))] : []),
    text(5, name),
    number(6, kinds[kind]),
    nanoseconds(7, start),
    nanoseconds(8, end),
    ...attributesOf(9, attributes),
    ...(link ? [nested(13, message(contextFields(link)))] : []),
    ...(isError ? [nested(15, message([number(3, statusError)]))] : []),
  ])
}

/** The first three fields of a span and of a link are the same. */
function contextFields({ traceId, spanId, traceState }: SpanContext): Buffer[] {
  return [
    bytes(1, Buffer.from(traceId, 'hex')),
    bytes(2, Buffer.from(spanId, 'hex')),
    ...(traceState ? [text(3, traceState)] : []),
  ]
}

function attributesOf(field: number, attributes: Readonly<Record<string, Attribute>>): Buffer[] {
  return Object.entries(attributes).map(([name, value]) => nested(field, message([text(1, name), nested(2, anyValue(value))])))
}

function anyValue(value: Attribute): Buffer {
  if (typeof value === 'string') return text(1, value)
  return typeof value === 'boolean' ? number(2, value ? 1 : 0) : number(3, value)
}

const message = (fields: readonly Buffer[]): Buffer => Buffer.concat(fields)
const text = (field: number, value: string): Buffer => bytes(field, Buffer.from(value))
const nested = bytes

function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(BigInt(field << 3)), varint(BigInt(value))])
}

function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([varint(BigInt((field << 3) | 2)), varint(BigInt(value.length)), value])
}

/** `fixed64`. */
function nanoseconds(field: number, milliseconds: number): Buffer {
  const value = Buffer.alloc(8)
  value.writeBigUInt64LE(BigInt(Math.round(milliseconds * 1000)) * 1000n)
  return Buffer.concat([varint(BigInt((field << 3) | 1)), value])
}

function varint(value: bigint): Buffer {
  const digits: number[] = []
  let rest = BigInt.asUintN(64, value)
  do {
    const more = rest > 0x7fn
    digits.push(Number(rest & 0x7fn) | (more ? 0x80 : 0))
    rest >>= 7n
  } while (rest > 0n)
  return Buffer.from(digits)
}

/**
 * Spans, which of them are kept, and how they leave (OpenTelemetry's SDK as upstream sets it up: `component-base/tracing`).
 * Guarantees: what is not sampled costs a few comparisons; nobody waits for the collector; when it does not keep up, spans are dropped.
 */
import type { Clock, Timer } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { SpanContext } from './trace-context.ts'

export type Attribute = string | number | boolean

export interface FinishedSpan {
  readonly context: SpanContext
  readonly parentSpanId?: string | undefined
  /** Of a caller who may not decide what is kept. */
  readonly link?: SpanContext | undefined
  readonly name: string
  readonly kind: 'server' | 'internal'
  /** Milliseconds since the Unix epoch, with fractions. */
  readonly start: number
  readonly end: number
  readonly attributes: Readonly<Record<string, Attribute>>
  readonly isError: boolean
}

export interface SpanExporter {
  export(spans: readonly FinishedSpan[]): Promise<void>
  close(): Promise<void>
}

export interface TracerOptions {
  readonly clock: Clock
  readonly random: Random
  readonly exporter: SpanExporter
  /** Of a million traces that begin here; those that began elsewhere are kept where they are kept. */
  readonly samplingRatePerMillion: number
  readonly onError?: ((error: unknown, doing: string) => void) | undefined
}

/** OpenTelemetry's own numbers. */
const mostWaiting = 2048
const mostAtOnce = 512
const patience = 5000

export interface NewSpan {
  readonly name: string
  readonly kind: FinishedSpan['kind']
  readonly parent?: SpanContext | undefined
  readonly link?: SpanContext | undefined
}

export class Tracer {
  readonly #options: TracerOptions
  /** Of the last 63 bits of a trace's name: below it, the trace is kept. */
  readonly #bound: bigint
  #waiting: FinishedSpan[] = []
  #timer: Timer | undefined
  #sending: Promise<void> | undefined

  constructor(options: TracerOptions) {
    this.#options = options
    const { samplingRatePerMillion: rate } = options
    this.#bound = rate >= 1_000_000 ? 1n << 63n : BigInt(Math.max(0, Math.floor((rate / 1_000_000) * 2 ** 63)))
  }

  start({ name, kind, parent, link }: NewSpan): Span {
    const { random, clock } = this.#options
    const traceId = parent?.traceId ?? hex(random.bytes(16))
    const isSampled = parent ? parent.isSampled : this.#isChosen(traceId)
    const context = { traceId, spanId: hex(random.bytes(8)), isSampled, traceState: parent?.traceState }
    const end = (finished: FinishedSpan) => this.#take(finished)
    return new Span({ name, kind, context, parentSpanId: parent?.spanId, link, clock, end })
  }

  /** Sends what is left. */
  async close(): Promise<void> {
    this.#timer?.cancel()
    await this.#sending
    while (this.#waiting.length > 0) await this.#send()
    await this.#options.exporter.close()
  }

  #isChosen(traceId: string): boolean {
    return BigInt(`0x${traceId.slice(16)}`) >> 1n < this.#bound
  }

  #take(span: FinishedSpan): void {
    if (this.#waiting.length >= mostWaiting) return
    this.#waiting.push(span)
    if (this.#waiting.length >= mostAtOnce) this.#flush()
    else this.#timer ??= this.#options.clock.after(patience, () => this.#flush())
  }

  #flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined
      if (this.#waiting.length >= mostAtOnce) this.#flush()
      else if (this.#waiting.length > 0) this.#timer ??= this.#options.clock.after(patience, () => this.#flush())
    })
  }

  async #send(): Promise<void> {
    const { exporter, onError } = this.#options
    const spans = this.#waiting.splice(0, mostAtOnce)
    await exporter.export(spans).catch((error) => onError?.(error, 'exporting traces'))
  }
}

interface SpanParts {
  readonly name: string
  readonly kind: FinishedSpan['kind']
  readonly context: SpanContext
  readonly parentSpanId: string | undefined
  readonly link: SpanContext | undefined
  readonly clock: Clock
  readonly end: (span: FinishedSpan) => void
}

export class Span {
  readonly context: SpanContext
  readonly #parts: SpanParts
  readonly #start: number
  readonly #began: number
  readonly #attributes: Record<string, Attribute> = {}
  #isOver = false

  constructor(parts: SpanParts) {
    this.#parts = parts
    this.context = parts.context
    this.#start = parts.clock.now()
    this.#began = parts.clock.monotonic()
  }

  /** Empty texts are left out. */
  set(attributes: Readonly<Record<string, Attribute | undefined>>): void {
    if (!this.context.isSampled) return
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined && value !== '') this.#attributes[name] = value
    }
  }

  /** Once counts. */
  end(isError = false): void {
    if (this.#isOver || !this.context.isSampled) return
    this.#isOver = true
    const { name, kind, context, parentSpanId, link, clock, end } = this.#parts
    const last = this.#start + (clock.monotonic() - this.#began)
    end({ name, kind, context, parentSpanId, link, start: this.#start, end: last, attributes: this.#attributes, isError })
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

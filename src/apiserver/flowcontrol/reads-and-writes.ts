/** How many reads and writes run and wait over time, as fractions of what the server takes (upstream `requestWatermark`). */
import type { Clock } from '#lib/clock.ts'
import type { RequestInfo } from '../request.ts'
import { TimingRatio } from './timing-ratio.ts'

const bounds = [0, 0.001, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1]

export type RequestKind = 'mutating' | 'readOnly'
export type Phase = 'executing' | 'waiting'

interface Count {
  now: number
  readonly ratio: TimingRatio
}

/** Requests that are over in the turn in which they began are not looked at: they took no time. */
export class ReadsAndWrites {
  readonly #clock: Clock
  readonly #counts: Readonly<Record<Phase, Readonly<Record<RequestKind, Count>>>>

  constructor(clock: Clock, { reads, writes }: { readonly reads: number; readonly writes: number }) {
    this.#clock = clock
    const now = clock.monotonic()
    const count = (limit: number): Count => {
      const ratio = new TimingRatio(bounds, now)
      ratio.setDenominator(limit, now)
      return { now: 0, ratio }
    }
    const both = () => ({ mutating: count(writes), readOnly: count(reads) })
    this.#counts = { executing: both(), waiting: both() }
  }

  change(phase: Phase, { verb }: RequestInfo, by: 1 | -1): void {
    const count = this.#counts[phase][reading.has(verb) ? 'readOnly' : 'mutating']
    count.now += by
    count.ratio.set(count.now, this.#clock.monotonic())
  }

  lines(name: string): string[] {
    const now = this.#clock.monotonic()
    return (['executing', 'waiting'] as const).flatMap((phase) =>
      (['mutating', 'readOnly'] as const).flatMap((kind) =>
        this.#counts[phase][kind].ratio.lines(name, { phase, request_kind: kind }, now),
      ),
    )
  }
}

const reading = new Set(['get', 'list', 'watch'])

/** What all simulated nodes of one process share. */
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { Span } from './shapes.ts'
import type { TimerWheel } from './timer-wheel.ts'
import type { WriteLane } from './write-lane.ts'

export interface Means {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly wheel: TimerWheel
  /** Heartbeats have a lane of their own: pods in masses must not make nodes seem dead. */
  readonly heartbeats: WriteLane
  readonly registrations: WriteLane
  readonly writes: WriteLane
  /** Milliseconds between two renewals of a lease. */
  renewEvery(): number
  /** `v1.36.0`. */
  readonly version: string
  readonly onError: (error: unknown) => void
}

/** A time within the span. */
export function draw({ random }: Pick<Means, 'random'>, { least, most }: Span): number {
  return most > least ? least + random.next() * (most - least) : least
}

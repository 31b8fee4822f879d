/** How many pulls run at once, and how many may begin in a second. */
import type { Clock } from '#lib/clock.ts'

export interface Slots {
  /** Runs when one of the slots is free; first come, first served. */
  run<T>(work: () => Promise<T>): Promise<T>
}

export function createSlots(count: number): Slots {
  let free = count
  const waiting: (() => void)[] = []
  return {
    async run(work) {
      if (free > 0) free--
      else await new Promise<void>((resolve) => waiting.push(resolve))
      try {
        return await work()
      } finally {
        const next = waiting.shift()
        if (next) next()
        else free++
      }
    },
  }
}

/** A bucket of `burst` tokens that fills with `rate` tokens a second. A rate of 0 never refuses. */
export function createBucket({ rate, burst, clock }: { rate: number; burst: number; clock: Clock }): () => boolean {
  let tokens = burst
  let last = clock.monotonic()
  return () => {
    if (rate <= 0) return true
    const now = clock.monotonic()
    tokens = Math.min(burst, tokens + ((now - last) / 1000) * rate)
    last = now
    if (tokens < 1) return false
    tokens--
    return true
  }
}

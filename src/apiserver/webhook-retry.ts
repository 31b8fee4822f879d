/** Calls a webhook again where it may only have been busy for a moment (upstream `util/webhook`). */
import { type Clock, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { postJson, WebhookRefusal, type WebhookTarget } from './webhook-target.ts'

export interface RetryOptions {
  readonly clock: Clock
  readonly random: Random
  /** Milliseconds of each call. */
  readonly timeout: number
  /** Told how each call went. */
  readonly onCall?: ((call: WebhookCallOutcome) => void) | undefined
}

export interface WebhookCallOutcome {
  readonly result: 'success' | 'timeout' | 'error'
  readonly seconds: number
}

const attempts = 5
/** Milliseconds before the first repetition. */
const initialPause = 500
const factor = 1.5
const jitter = 0.2

export async function postWithRetries(
  target: WebhookTarget,
  body: object,
  { clock, random, timeout, onCall }: RetryOptions,
): Promise<any> {
  let pause = initialPause
  for (let attempt = 1; ; attempt++) {
    const began = clock.monotonic()
    const note = (result: WebhookCallOutcome['result']) => onCall?.({ result, seconds: (clock.monotonic() - began) / 1000 })
    try {
      const answer = await postJson(target, body, { timeout })
      note('success')
      return answer
    } catch (error) {
      note(isTimeout(error) ? 'timeout' : 'error')
      if (attempt === attempts || !isPassing(error)) throw error
    }
    await sleep(clock, pause * (1 + jitter * random.next()))
    pause *= factor
  }
}

function isTimeout(error: unknown): boolean {
  if (error instanceof WebhookRefusal) return error.status === 504
  return (error as Error).message.endsWith('context deadline exceeded')
}

const passing = new Set([429, 500, 504])

/** Upstream's `DefaultShouldRetry`. */
function isPassing(error: unknown): boolean {
  if (error instanceof WebhookRefusal) return passing.has(error.status)
  return ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET'
}

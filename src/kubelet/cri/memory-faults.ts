/** Failures and delays that a test puts into the memory runtime's calls. */
import { type Clock, sleep, type Timer } from '#lib/clock.ts'
import { type Runtime, RuntimeError, type RuntimeErrorCode } from './runtime.ts'

/** Methods of Runtime whose calls can be made to fail or to take time. */
export type Call = Exclude<keyof Runtime, 'events' | 'close'>

export interface FailOptions {
  /** Default 1; Infinity for ever. */
  readonly times?: number
  readonly code?: RuntimeErrorCode
  /** Beginning of the call's argument. */
  readonly when?: string
}

export class MemoryFaults {
  readonly #clock: Clock
  readonly #failures: { call: Call; error: RuntimeError; left: number; when: string }[] = []
  readonly #latency = new Map<Call, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  fail(call: Call, message: string, { times = 1, code = 'Unknown', when = '' }: FailOptions): void {
    this.#failures.push({ call, error: new RuntimeError(code, message), left: times, when })
  }

  delay(call: Call, milliseconds: number): void {
    this.#latency.set(call, milliseconds)
  }

  /** Resolves when the call may go on. */
  async pass(call: Call, argument: string): Promise<void> {
    const latency = this.#latency.get(call)
    if (latency) await sleep(this.#clock, latency)
    const failure = this.#failures.find((it) => it.call === call && it.left > 0 && argument.startsWith(it.when))
    if (!failure) return
    failure.left--
    throw failure.error
  }
}

/** The answer, or DeadlineExceeded after `seconds`; 0 waits for ever. */
export async function withDeadline<T>(clock: Clock, seconds: number, answer: Promise<T>): Promise<T> {
  if (seconds <= 0) return answer
  let timer: Timer | undefined
  const late = new Promise<never>((_resolve, reject) => {
    const text = `failed to exec in container: timeout ${seconds}s exceeded: context deadline exceeded`
    timer = clock.after(seconds * 1000, () => reject(new RuntimeError('DeadlineExceeded', text)))
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    timer?.cancel()
  }
}

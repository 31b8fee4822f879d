/** Time as a parameter: components are handed a Clock and never ask the machine. */

/** A pending callback. Cancelling twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void
}

/**
 * Guarantees: callbacks run in the order of their due time, ties in the order they were set; a callback never
 * runs inside the call that set it, also with a delay of 0.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump when the machine's clock is set. */
  now(): number
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonic(): number
  /** Runs `callback` once, `delay` milliseconds from now. A pending timer keeps no process alive. */
  after(delay: number, callback: () => void): Timer
}

/** Resolves after `delay` milliseconds; rejects with the signal's reason when aborted first. */
export function sleep(clock: Clock, delay: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const abort = () => {
      timer.cancel()
      reject(signal?.reason)
    }
    const timer = clock.after(delay, () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    signal?.addEventListener('abort', abort, { once: true })
  })
}

let lastSecond = Number.NaN
let lastText = ''

/** An instant as Kubernetes writes `metav1.Time`: RFC 3339, UTC, whole seconds. */
export function formatTime(milliseconds: number): string {
  const second = Math.floor(milliseconds / 1000)
  // Everybody asks for the present second, many times.
  if (second === lastSecond) return lastText
  const text = `${new Date(milliseconds).toISOString().slice(0, 19)}Z`
  lastSecond = second
  lastText = text
  return text
}

/** An instant as Kubernetes writes `metav1.MicroTime`: RFC 3339, UTC, six decimals. */
export function formatMicroTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 23)}000Z`
}

/** The machine's clock. Node caps a timer at 2^31-1 ms; longer ones are chained. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delay, callback) => new SystemTimer(delay, callback),
}

const longestTimer = 2 ** 31 - 1

class SystemTimer implements Timer {
  #handle: NodeJS.Timeout

  constructor(delay: number, callback: () => void) {
    const due = performance.now() + delay
    const wait = () => {
      const left = due - performance.now()
      if (left <= longestTimer) return callback()
      this.#handle = setTimeout(wait, longestTimer).unref()
    }
    this.#handle = setTimeout(delay > longestTimer ? wait : callback, Math.min(Math.max(0, delay), longestTimer))
    this.#handle.unref()
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }
}

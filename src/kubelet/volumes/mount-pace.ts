/** How often failing volumes are tried and told of: after 0.5 s, doubled up to 2 minutes (upstream: `exponentialbackoff`). */
import type { VolumeFailure } from './pod-volumes.ts'

const first = 500
const longest = 122_000

export class MountPace {
  #pause = 0
  #reported = ''
  /** When to try again. */
  nextAt = 0

  /** Notes an attempt; answers the messages that are to become events. */
  note(failures: readonly VolumeFailure[], now: number): readonly string[] {
    const messages = failures.filter(({ isQuiet }) => !isQuiet).map(({ message }) => message)
    if (failures.length === 0) {
      this.#pause = 0
      this.#reported = ''
      return []
    }
    const text = messages.join('\n')
    if (now < this.nextAt && text === this.#reported) return []
    this.#reported = text
    this.#pause = Math.min(longest, this.#pause * 2 || first)
    this.nextAt = now + this.#pause
    return messages
  }
}

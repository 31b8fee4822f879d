/** How etcd is: its size, whether it is full, and whether all members can be trusted with progress. */
import type { Clock } from '#lib/clock.ts'
import type { Members } from './members.ts'
import type { StatusAnswer } from './messages.ts'
import { trustsProgress } from './progress.ts'

interface Look {
  readonly bytes: number
  readonly isFull: boolean
}

/** Who asks every time would cost as much as the reads themselves. */
const period = 5_000
const limit = 2_000

export class Health {
  #members: Members
  #clock: Clock
  #last: Look = { bytes: 0, isFull: false }
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(members: Members, clock: Clock) {
    this.#members = members
    this.#clock = clock
  }

  async look(): Promise<Look> {
    if (this.#clock.monotonic() - this.#lookedAt < period) return this.#last
    this.#lookedAt = this.#clock.monotonic()
    const { answer } = await this.#members.call<object, StatusAnswer>('Maintenance.Status', {})
    this.#last = { bytes: answer.dbSize, isFull: answer.errors.some((error) => error.includes('NOSPACE')) }
    return this.#last
  }

  /** etcd tells its size late. */
  written(bytes: number): void {
    this.#last = { ...this.#last, bytes: this.#last.bytes + bytes }
  }

  /** A member that does not answer may be an old one. */
  async allTrustProgress(): Promise<boolean> {
    const answers = await this.#members.each<object, StatusAnswer>('Maintenance.Status', {}, limit)
    return answers.every((one) => one.status === 'fulfilled' && trustsProgress(one.value.version))
  }
}

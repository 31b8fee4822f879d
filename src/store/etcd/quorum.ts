/** The newest revision that a majority agrees on. Who asks while a question is under way shares the next one. */
import type { KeySpace } from './key-space.ts'
import type { Members } from './members.ts'
import type { RangeAnswer, RangeMessage } from './messages.ts'

export class Quorum {
  #members: Members
  #keys: KeySpace
  #underWay: Promise<number> | undefined
  #next: Promise<number> | undefined

  constructor(members: Members, keys: KeySpace) {
    this.#members = members
    this.#keys = keys
  }

  /** At least that of everything acknowledged before the call. */
  revision(): Promise<number> {
    if (!this.#underWay) return this.#ask()
    this.#next ??= this.#underWay.then(
      () => this.#askNext(),
      () => this.#askNext(),
    )
    return this.#next
  }

  #askNext(): Promise<number> {
    this.#next = undefined
    return this.#ask()
  }

  #ask(): Promise<number> {
    const asking = this.#read().finally(() => {
      if (this.#underWay === asking) this.#underWay = undefined
    })
    this.#underWay = asking
    return asking
  }

  async #read(): Promise<number> {
    const request = { key: Buffer.from(this.#keys.internal), count_only: true }
    const { answer } = await this.#members.call<RangeMessage, RangeAnswer>('KV.Range', request)
    return this.#keys.toPublic(answer.header?.revision ?? 0)
  }
}

/** Lets writes of one key follow each other in the order in which they were asked for; etcd itself promises none between calls. */

type Release = () => void

export class KeyTurns {
  #last = new Map<string, Promise<void>>()
  /** What a call without keys, which concerns them all, made the others wait for. */
  #barrier: Promise<void> | undefined

  /** Resolves when nobody who came before is at work on one of the keys; undefined: on any. The answer lets the next ones in. */
  async take(keys: readonly string[] | undefined): Promise<Release> {
    const before = keys ? keys.map((key) => this.#last.get(key)) : [...this.#last.values()]
    before.push(this.#barrier)
    const { promise, resolve } = Promise.withResolvers<void>()
    if (keys) for (const key of keys) this.#last.set(key, promise)
    else this.#barrier = promise
    const waitFor = before.filter((one) => one !== undefined)
    if (waitFor.length > 0) await Promise.all(waitFor)
    return () => {
      if (this.#barrier === promise) this.#barrier = undefined
      for (const key of keys ?? []) if (this.#last.get(key) === promise) this.#last.delete(key)
      resolve()
    }
  }
}

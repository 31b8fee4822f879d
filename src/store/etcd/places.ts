/** Places of keys within the txns that wrote several, which etcd does not tell when it is read: known for the latest of them. */

const most = 10_000

export class Places {
  #keys = new Map<number, ReadonlyMap<string, number>>()

  /** The keys that a revision wrote, in order. */
  note(revision: number, keys: readonly string[]): void {
    if (keys.length < 2 || this.#keys.has(revision)) return
    this.#keys.set(revision, new Map(keys.map((key, place) => [key, place])))
    if (this.#keys.size <= most) return
    const [oldest] = this.#keys.keys()
    if (oldest !== undefined) this.#keys.delete(oldest)
  }

  /** 0 where nobody knows. */
  of(revision: number, key: string): number {
    return this.#keys.get(revision)?.get(key) ?? 0
  }
}

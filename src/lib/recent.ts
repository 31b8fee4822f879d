/** A map of bounded size that forgets what was used longest ago. */
export class Recent<V> {
  #entries = new Map<string, V>()
  #size: number

  constructor(size: number) {
    this.#size = size
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key)
    if (value !== undefined) {
      this.#entries.delete(key)
      this.#entries.set(key, value)
    }
    return value
  }

  set(key: string, value: V): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size <= this.#size) return
    const [oldest] = this.#entries.keys()
    this.#entries.delete(oldest as string)
  }

  /** Those used longest ago first. */
  values(): V[] {
    return [...this.#entries.values()]
  }
}

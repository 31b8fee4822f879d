/** How long to wait before a failed daemon pod is removed, so that a node that refuses it is not besieged. */

interface Pause {
  seconds: number
  since: number
}

const first = 1
const longest = 15 * 60

/** One per process: after a restart the pauses begin anew, as upstream's do. */
export class FailurePauses {
  #pauses = new Map<string, Pause>()

  /** Seconds until the next try; 0 when it is time, which doubles the pause after it. */
  left(key: string, now: number): number {
    const known = this.#pauses.get(key)
    const elapsed = known ? (now - known.since) / 1000 : 0
    if (!known || elapsed > 2 * longest) {
      this.#forgetOld(now)
      this.#pauses.set(key, { seconds: first, since: now })
      return 0
    }
    if (elapsed < known.seconds) return known.seconds - elapsed
    this.#pauses.set(key, { seconds: Math.min(known.seconds * 2, longest), since: now })
    return 0
  }

  #forgetOld(now: number): void {
    for (const [key, { since }] of this.#pauses) if (now - since > 2 * longest * 1000) this.#pauses.delete(key)
  }
}

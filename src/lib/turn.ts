/** The end of a turn of the event loop, for those who collect what a turn brings and hand it to a socket at once. Not for components: they have a Clock. */

const callbacks = new Set<() => void>()

/** Runs `callback` when the turn's events have been handled; several calls before that are one. */
export function atEndOfTurn(callback: () => void): void {
  if (callbacks.size === 0) setImmediate(run)
  callbacks.add(callback)
}

/** Resolves in the next turn: long work lets others have theirs between its parts. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

/**
 * Asked between the parts of long work: undefined while it may go on; else it is asked again when that resolves, since others who waited
 * may have been first.
 */
export type GiveWay = () => Promise<void> | undefined

/**
 * Lets a few through in each turn of the event loop, the others in the turns after it, in their order. A crowd that arrives in one
 * turn would otherwise be worked on side by side: what all of them make lives until the last is done, and nobody's answer leaves before.
 */
export class Turnstile {
  readonly #most: number
  readonly #waiting: (() => void)[] = []
  #passed = 0
  #turns = false

  constructor(most: number) {
    this.#most = most
  }

  /** Calls `callback` at once or in a later turn. */
  pass(callback: () => void): void {
    if (!this.#turns) {
      this.#turns = true
      setImmediate(this.#turn)
    }
    if (this.#passed >= this.#most || this.#waiting.length > 0) return void this.#waiting.push(callback)
    this.#passed++
    callback()
  }

  readonly #turn = () => {
    const due = this.#waiting.splice(0, this.#most)
    this.#passed = due.length
    this.#turns = due.length > 0
    if (this.#turns) setImmediate(this.#turn)
    for (const callback of due) callback()
  }
}

function run(): void {
  const due = [...callbacks]
  callbacks.clear()
  for (const callback of due) callback()
}

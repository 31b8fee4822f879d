/** What may be there at once or later: on hot paths that mostly know the answer at once, no promise is made for it. */

export type Soon<T> = T | Promise<T>

/** `next` of the value: at once if it is there. Throws what `next` throws at once. */
export function then<T, U>(value: Soon<T>, next: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** `step` with each in turn; a promise from the first one on that makes one. */
export function eachInTurn<T>(items: readonly T[], step: (item: T) => Soon<unknown>, from = 0): Soon<void> {
  for (let i = from; i < items.length; i++) {
    const done = step(items[i] as T)
    if (done instanceof Promise) return done.then(() => eachInTurn(items, step, i + 1))
  }
}

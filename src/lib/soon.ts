/** What may be there at once or later: on hot paths that mostly know the answer at once, no promise is made for it. */

export type Soon<T> = T | Promise<T>

/** `next` of the value: at once if it is there. Throws what `next` throws at once. */
export function then<T, U>(value: Soon<T>, next: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** The end of a turn of the event loop, for those who collect what a turn brings and hand it to a socket at once. Not for components: they have a Clock. */

const callbacks = new Set<() => void>()

/** Runs `callback` when the turn's events have been handled; several calls before that are one. */
export function atEndOfTurn(callback: () => void): void {
  if (callbacks.size === 0) setImmediate(run)
  callbacks.add(callback)
}

function run(): void {
  const due = [...callbacks]
  callbacks.clear()
  for (const callback of due) callback()
}

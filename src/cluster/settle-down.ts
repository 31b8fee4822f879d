/** What a process does once when its start is long over and processors are free: it keeps what was compiled, and gives back what only loading needed. */
import { flushCompileCache } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Milliseconds. */
const startIsOver = 20_000

export function settleDownLater(): void {
  setTimeout(settleDown, startIsOver).unref()
}

/**
 * The heap grew to hold sources and syntax trees, and V8 returns pages only in a full collection, which an idle process never comes to.
 * Without flushing, a process that is killed would have compiled in vain.
 */
function settleDown(): void {
  flushCompileCache()
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: object) => void
  setFlagsFromString('--no-expose-gc')
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

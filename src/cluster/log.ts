/** The processes' log: a line of JSON per event on standard output, which the supervisor keeps in a file. */
import { writeSync } from 'node:fs'
import { type Clock, systemClock } from '#lib/clock.ts'

export interface Log {
  info(message: string): void
  /** `doing` says what was attempted; repeated failures of one kind are thinned out. */
  error(doing: string, error: unknown): void
}

const quiet = 10_000
/** As programs that write such lines number them. */
const [info, failure] = [30, 50]

export interface LogOptions {
  readonly clock?: Clock
  readonly write?: (line: string) => void
}

export function createLog(component: string, { clock = systemClock, write = writeLine }: LogOptions = {}): Log {
  const say = (level: number, fields: object, msg: string) => {
    const time = new Date(clock.now()).toISOString()
    write(`${JSON.stringify({ level, time, component, ...fields, msg })}\n`)
  }
  const last = new Map<string, { at: number; skipped: number }>()
  return {
    info: (message) => say(info, {}, message),
    error(doing, error) {
      const message = error instanceof Error ? error.message : String(error)
      const key = `${doing} ${message}`
      const known = last.get(key)
      const now = clock.monotonic()
      if (known && now - known.at < quiet) {
        known.skipped++
        return
      }
      if (last.size > 1000) last.clear()
      last.set(key, { at: now, skipped: 0 })
      const stack = error instanceof Error && error.name === 'Error' ? { stack: error.stack } : {}
      say(failure, { ...stack, ...(known?.skipped && { repeated: known.skipped }) }, `${doing}: ${message}`)
    },
  }
}

/** At once, so that the last words of a process that ends are there. Nobody is to fail for want of a log: a full disk, a reader that has gone. */
function writeLine(line: string): void {
  try {
    writeSync(1, line)
  } catch {}
}

/** The processes' log: a line of JSON per event on standard output, which the supervisor keeps in a file. */
import pino from 'pino'

export interface Log {
  info(message: string): void
  /** `doing` says what was attempted; repeated failures of one kind are thinned out. */
  error(doing: string, error: unknown): void
}

const quiet = 10_000

export function createLog(component: string): Log {
  const out = pino({ base: { component }, timestamp: pino.stdTimeFunctions.isoTime })
  const last = new Map<string, { at: number; skipped: number }>()
  return {
    info: (message) => out.info(message),
    error(doing, error) {
      const message = error instanceof Error ? error.message : String(error)
      const key = `${doing} ${message}`
      const known = last.get(key)
      const now = performance.now()
      if (known && now - known.at < quiet) {
        known.skipped++
        return
      }
      if (last.size > 1000) last.clear()
      last.set(key, { at: now, skipped: 0 })
      const stack = error instanceof Error && error.name === 'Error' ? { stack: error.stack } : {}
      out.error({ ...stack, ...(known?.skipped && { repeated: known.skipped }) }, `${doing}: ${message}`)
    },
  }
}

/** What is worth telling of how somebody was known: to the audit log, and to them. */
import type { Request } from '../request.ts'

export interface Witness {
  /** Adds to the audit event, where there will be one. */
  annotate(key: string, value: string): void
  warn(message: string): void
}

/** Of a request that is being authenticated: its audit record is made later, and takes the notes over. */
export function witnessOf(request: Request): Witness {
  return {
    annotate(key, value) {
      request.notes ??= new Map()
      request.notes.set(key, value)
    },
    warn: (message) => request.warnings.add(message),
  }
}

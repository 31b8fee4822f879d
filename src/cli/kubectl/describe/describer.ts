/** What a describer of a kind is. */
import type { Json, Session } from '../session.ts'
import type { Report } from './report.ts'

export interface Context {
  readonly session: Session
  readonly showEvents: boolean
}

/** Writes everything about the object, its events at the end. */
export type Describer = (object: Json, context: Context) => Promise<Report> | Report

/** What tells a file of the history from others. */
import type { DatabaseSync } from 'node:sqlite'
import { pragma } from './sqlite-file.ts'

export const historyId = 0x4e414d48
export const formatVersion = 1

export function isHistory(database: DatabaseSync): boolean {
  return pragma(database, 'application_id') === historyId && pragma(database, 'user_version') === formatVersion
}

/** Describes any object by its fields. */
import { goValue } from '../output/go-value.ts'
import type { Json } from '../session.ts'
import type { Context } from './describer.ts'
import { describeEventsOf } from './events.ts'
import { describeHead, Report } from './report.ts'

export async function describeGeneric(object: Json, context: Context): Promise<Report> {
  const w = new Report()
  describeHead(w, object)
  describeFields(w, object, { level: 0, path: '' })
  await describeEventsOf(w, object, context)
  return w
}

const skipped = new Set([
  '.metadata.managedFields',
  '.metadata.name',
  '.metadata.namespace',
  '.metadata.labels',
  '.metadata.annotations',
])

function describeFields(w: Report, fields: Json, at: { level: number; path: string }): void {
  for (const field of Object.keys(fields).sort()) {
    const path = `${at.path}.${field}`
    if (skipped.has(path)) continue
    const value = fields[field]
    const below = { level: at.level + 1, path }
    if (Array.isArray(value)) {
      w.line(at.level, `${labelOf(field)}:`)
      for (const one of value) {
        if (isObject(one)) describeFields(w, one, below)
        else w.line(below.level, goValue(one))
      }
    } else if (isObject(value)) {
      w.line(at.level, `${labelOf(field)}:`)
      describeFields(w, value, below)
    } else w.field(at.level, labelOf(field), goValue(value))
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const acronyms = new Set(['API', 'URL', 'UID', 'GUID'])

/** `creationTimestamp` is `Creation Timestamp`; names with other characters than letters and dashes stay. */
export function labelOf(field: string): string {
  if (!/^[\p{L}-]*$/u.test(field)) return field
  return merged(splitCamelCase(field))
    .map((part) => {
      if (acronyms.has(part.toUpperCase())) return part.toUpperCase()
      return part.toLowerCase() === part ? part.charAt(0).toUpperCase() + part.slice(1) : part
    })
    .join(' ')
}

/** Runs of one class; the last capital of a run goes with the small letters behind it. */
function splitCamelCase(text: string): string[] {
  return text.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}\p{Ll}+|\p{Ll}+|[^\p{Lu}\p{Ll}]+/gu) ?? []
}

/** Abbreviations stay with the capitalised word behind them. */
function merged(parts: readonly string[]): string[] {
  const result: string[] = []
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at] as string
    const next = parts[at + 1]
    if (part.length >= 2 && part.toUpperCase() === part && next && /^\p{Lu}/u.test(next)) {
      result.push(part + next)
      at++
    } else result.push(part)
  }
  return result
}

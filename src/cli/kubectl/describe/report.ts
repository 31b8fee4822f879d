/** The text of a description while it is written: lines at levels of two spaces, cells parted by tabs. */
import { systemClock } from '#lib/clock.ts'
import { humanDuration } from '#schema/kind.ts'
import { lastApplied } from '../last-applied.ts'
import { TabWriter } from '../output/tab-writer.ts'
import type { Json } from '../session.ts'

export class Report {
  /** Tabs not yet laid out. */
  text = ''

  write(level: number, text: string): void {
    this.text += '  '.repeat(level) + text.replaceAll('\x1b', '^[').replaceAll('\r', '\\r')
  }

  line(level: number, text: string): void {
    this.write(level, `${text}\n`)
  }

  field(level: number, label: string, value: unknown): void {
    this.line(level, `${label}:\t${value ?? ''}`)
  }

  /** With columns aligned. */
  tabbed(): string {
    let text = ''
    const writer = new TabWriter((part) => (text += part), { padding: 2 })
    writer.write(this.text)
    writer.flush()
    return text
  }
}

export type StringMap = Readonly<Record<string, string>> | undefined

export function sortedEntries(map: StringMap): [string, string][] {
  return Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Several values under one title, each on a line. */
export function multiline(w: Report, title: string, lines: readonly string[]): void {
  w.write(0, `${title}:\t`)
  if (lines.length === 0) w.line(0, '<none>')
  for (const [at, line] of lines.entries()) w.line(0, at > 0 ? `\t${line}` : line)
}

export function describeLabels(w: Report, title: string, labels: StringMap): void {
  multiline(
    w,
    title,
    sortedEntries(labels).map(([key, value]) => `${key}=${value}`),
  )
}

const longestAnnotation = 140

export function describeAnnotations(w: Report, title: string, annotations: StringMap): void {
  w.write(0, `${title}:\t`)
  const entries = sortedEntries(annotations).filter(([key]) => key !== lastApplied)
  if (entries.length === 0) w.line(0, '<none>')
  for (const [at, [key, raw]] of entries.entries()) {
    if (at > 0) w.write(0, '\t')
    const value = raw.replace(/\n$/, '')
    if (value.length + key.length + 2 <= longestAnnotation && !value.includes('\n')) {
      w.line(0, `${key}: ${value}`)
      continue
    }
    w.line(0, `${key}:`)
    for (const part of value.split('\n')) {
      const most = longestAnnotation - 2
      w.line(0, `\t  ${part.length > most ? `${part.slice(0, most)}...` : part}`)
    }
  }
}

/** Name, namespace, labels and annotations, as most descriptions begin. */
export function describeHead(w: Report, { metadata }: Json): void {
  w.field(0, 'Name', metadata.name)
  w.field(0, 'Namespace', metadata.namespace)
  describeLabels(w, 'Labels', metadata.labels)
  describeAnnotations(w, 'Annotations', metadata.annotations)
}

export function formatLabels(labels: StringMap): string {
  return (
    sortedEntries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(',') || '<none>'
  )
}

export function describeTolerations(w: Report, title: string, tolerations: readonly Json[] = []): void {
  const sorted = tolerations.toSorted((a, b) => ((a.key ?? '') < (b.key ?? '') ? -1 : (a.key ?? '') > (b.key ?? '') ? 1 : 0))
  multiline(w, title, sorted.map(tolerationText))
}

function tolerationText({ key = '', value = '', effect = '', operator, tolerationSeconds }: Json): string {
  let text = key
  if (value) text += `=${value}`
  if (effect) text += `:${effect}`
  if (operator === 'Exists' && !value) text += key || effect ? ' op=Exists' : 'op=Exists'
  return tolerationSeconds === undefined ? text : `${text} for ${tolerationSeconds}s`
}

/** `Deployment/web`: who manages the object. */
export function controllerOf({ metadata }: Json): string {
  const owner = metadata.ownerReferences?.find(({ controller }: Json) => controller)
  return owner ? `${owner.kind}/${owner.name}` : ''
}

/** How long ago. */
export function since(timestamp: string | null | undefined): string {
  return timestamp ? humanDuration(systemClock.now() - Date.parse(timestamp)) : '<unknown>'
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Local time as Go's RFC1123Z; the zero time where there is none. */
export function timeText(timestamp: string | null | undefined): string {
  if (!timestamp) return 'Mon, 01 Jan 0001 00:00:00 +0000'
  const time = new Date(timestamp)
  const two = (n: number) => String(n).padStart(2, '0')
  const offset = -time.getTimezoneOffset()
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')
  return `${days[time.getDay()]}, ${two(time.getDate())} ${months[time.getMonth()]} ${time.getFullYear()} ${clock} ${zone}`
}

export function titleBool(value: unknown): string {
  return value ? 'True' : 'False'
}

/** Conditions with a reason, as workloads have them. */
export function describeConditions(w: Report, conditions: readonly Json[] = []): void {
  if (conditions.length === 0) return
  w.line(0, 'Conditions:\n  Type\tStatus\tReason')
  w.line(1, '----\t------\t------')
  for (const { type, status, reason = '' } of conditions) w.line(1, `${type} \t${status}\t${reason}`)
}

/** Conditions with time, reason and message, each under its heading. */
export function describeTimedConditions(w: Report, conditions: readonly Json[]): void {
  w.line(0, 'Conditions:')
  w.line(1, 'Type\tStatus\tLastTransitionTime\tReason\tMessage')
  w.line(1, '----\t------\t------------------\t------\t-------')
  for (const { type, status, lastTransitionTime, reason = '', message = '' } of conditions) {
    w.line(1, `${type}\t${status}\t${timeText(lastTransitionTime)}\t${reason}\t${message}`)
  }
}

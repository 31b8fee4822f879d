/** How many Events become how few: combination, counting and the spam filter of client-go's `EventCorrelator`. */
import type { Event } from '#api/core/v1/event.ts'
import { type Clock, formatTime } from '#lib/clock.ts'
import { Recent } from '#lib/recent.ts'
import type { Draft } from '#schema/words.ts'

export interface Correlation {
  readonly clock: Clock
  readonly similar: Recent<{ messages: Set<string>; last: number }>
  readonly seen: Recent<{ name: string; count: number; firstTimestamp: string }>
  readonly allowed: Recent<{ tokens: number; last: number }>
}

/** What is to be written: the event, or a patch of the one written before (which may be gone: then the event). */
export interface Observed {
  readonly event: Draft<Event>
  readonly patch?: object
  /** To be told under which name the event was created. */
  written(event: Event): void
}

const cacheSize = 4096
const mostSimilar = 10
const similarWithin = 600_000
const burst = 25
const perMillisecond = 1 / 300 / 1000

export function createCorrelation(clock: Clock): Correlation {
  return { clock, similar: new Recent(cacheSize), seen: new Recent(cacheSize), allowed: new Recent(cacheSize) }
}

/** Undefined when the spam filter drops the event. */
export function correlate(correlation: Correlation, event: Draft<Event>, newName: () => string): Observed | undefined {
  const { event: combined, key } = combine(correlation, event, newName)
  const observed = observe(correlation, combined, key)
  return passes(correlation, combined) ? observed : undefined
}

function combine({ clock, similar }: Correlation, event: Draft<Event>, newName: () => string) {
  const now = clock.now()
  const group = [...subject(event), event.reason, event.reportingComponent, event.reportingInstance].join('')
  let record = similar.get(group)
  if (!record || now - record.last > similarWithin) record = { messages: new Set(), last: now }
  record.messages.add(event.message ?? '')
  record.last = now
  similar.set(group, record)
  if (record.messages.size < mostSimilar) return { event, key: exactKey(event) }
  const [first] = record.messages
  record.messages.delete(first as string)
  const stamp = formatTime(now)
  const { reportingComponent: _component, reportingInstance: _instance, action: _action, ...kept } = event
  const copy: Draft<Event> = {
    ...kept,
    metadata: { name: newName(), namespace: event.metadata?.namespace },
    message: `(combined from similar events): ${event.message}`,
    count: 1,
    firstTimestamp: stamp,
    lastTimestamp: stamp,
  }
  return { event: copy, key: group }
}

function observe({ seen }: Correlation, event: Draft<Event>, key: string): Observed {
  const before = seen.get(key)
  const count = (before?.count ?? 0) + 1
  const name = before?.name ?? event.metadata?.name ?? ''
  const firstTimestamp = before?.firstTimestamp ?? event.firstTimestamp ?? ''
  seen.set(key, { name, count, firstTimestamp })
  const counted = { ...event, metadata: { ...event.metadata, name }, count, firstTimestamp }
  const patch = { count, lastTimestamp: event.lastTimestamp, message: event.message }
  const written = (created: Event) => {
    seen.set(exactKey(created), { name: created.metadata.name, count: created.count ?? 1, firstTimestamp })
  }
  return { event: counted, ...(before && { patch }), written }
}

function passes({ clock, allowed }: Correlation, event: Draft<Event>): boolean {
  const key = subject(event).join('')
  const now = clock.monotonic()
  const { tokens, last } = allowed.get(key) ?? { tokens: burst, last: now }
  const left = Math.min(burst, tokens + (now - last) * perMillisecond)
  const accepted = left >= 1
  allowed.set(key, { tokens: accepted ? left - 1 : left, last: now })
  return accepted
}

function subject({ source, involvedObject, type }: Draft<Event>) {
  const { kind, namespace, name, uid, apiVersion } = involvedObject ?? {}
  return [source?.component, source?.host, kind, namespace, name, uid, apiVersion, type]
}

function exactKey(event: Draft<Event>): string {
  return [...subject(event), event.involvedObject?.fieldPath, event.reason, event.message].join('')
}

/** The events about an object, as the last part of its description. */
import type { Json } from '../session.ts'
import type { Context } from './describer.ts'
import { type Report, since } from './report.ts'

/** Writes nothing where events are not wanted or cannot be read. */
export async function describeEventsOf(w: Report, object: Json, context: Context): Promise<void> {
  const events = await eventsOf(object, context)
  if (events) describeEvents(w, events)
}

export async function eventsOf(
  object: Json,
  { session, showEvents }: Context,
  about: { kind?: string; uid?: string } = {},
): Promise<Json[] | undefined> {
  if (!showEvents) return undefined
  const { name, namespace = '' } = object.metadata
  const { kind = object.kind, uid = object.metadata.uid } = about
  const terms = {
    'involvedObject.kind': kind,
    'involvedObject.name': name,
    'involvedObject.namespace': namespace,
    'involvedObject.uid': uid,
  }
  const fieldSelector = Object.entries(terms)
    .filter(([field, value]) => value || field === 'involvedObject.namespace')
    .map(([field, value]) => `${field}=${value}`)
    .join(',')
  const path = namespace ? `/api/v1/namespaces/${encodeURIComponent(namespace)}/events` : '/api/v1/events'
  try {
    return (await session.get(path, { query: { fieldSelector, limit: '500' } })).items ?? []
  } catch {
    return undefined
  }
}

export function describeEvents(w: Report, events: readonly Json[]): void {
  if (events.length === 0) return w.line(0, 'Events:\t<none>')
  const time = (event: Json) => Date.parse(event.lastTimestamp ?? '0001-01-01T00:00:00Z')
  w.line(0, 'Events:\n  Type\tReason\tAge\tFrom\tMessage')
  w.line(1, '----\t------\t----\t----\t-------')
  for (const event of events.toSorted((a, b) => time(a) - time(b))) {
    const { type = '', reason = '', source, reportingComponent = '', involvedObject } = event
    const message = (event.message ?? '').trim()
    const where = involvedObject?.fieldPath ? `${involvedObject.fieldPath}: ${message}` : message
    w.line(1, `${type}\t${reason}\t${intervalOf(event)}\t${source?.component || reportingComponent}\t${where}`)
  }
}

/** `5s`, or `5s (x3 over 2m)`. */
function intervalOf({ eventTime, firstTimestamp, lastTimestamp, series, count }: Json): string {
  const first = since(eventTime ?? firstTimestamp)
  if (series) return `${since(series.lastObservedTime)} (x${series.count} over ${first})`
  return count > 1 ? `${since(lastTimestamp)} (x${count} over ${first})` : first
}

/** What `kubectl get events` shows (upstream `printEvent`); the only table whose name comes last. */
import type { EventSeries, EventSource } from '#api/core/v1/event.ts'
import type { ObjectReference } from '#api/core/v1/object-reference.ts'
import { ageOf, type Column, type KubeObject } from '#schema/kind.ts'

/** The fields of an Event that its columns read. */
export interface EventParts extends KubeObject {
  involvedObject: ObjectReference
  reason?: string | undefined
  message?: string | undefined
  source: EventSource
  firstTimestamp: string
  lastTimestamp: string
  eventTime: string
  count?: number | undefined
  series?: EventSeries | undefined
  type?: string | undefined
  reportingComponent: string
  reportingInstance: string
}

export const eventColumns: readonly Column<EventParts>[] = [
  { name: 'Last Seen', doc: 'Time since it happened last.', value: (event, { now }) => lastSeen(event, now) },
  { name: 'Type', doc: 'Normal or Warning.', value: ({ type }) => type ?? '' },
  { name: 'Reason', doc: 'What happened, in one word.', value: ({ reason }) => reason ?? '' },
  { name: 'Object', doc: 'What it happened to.', value: ({ involvedObject }) => objectText(involvedObject) },
  {
    name: 'Subobject',
    priority: 1,
    doc: 'The part of the object that is meant.',
    value: ({ involvedObject }) => involvedObject.fieldPath ?? '',
  },
  { name: 'Source', priority: 1, doc: 'Who reported it.', value: sourceText },
  { name: 'Message', doc: 'What happened, in a sentence.', value: ({ message = '' }) => message.trim() },
  { name: 'First Seen', priority: 1, doc: 'Time since it happened first.', value: (event, { now }) => firstSeen(event, now) },
  // An event of the newer API counts from its second time on.
  {
    name: 'Count',
    priority: 1,
    doc: 'How often it happened.',
    value: ({ series, count }) => (series ? series.count : count) || 1,
  },
  { name: 'Name', format: 'name', priority: 1, doc: 'Name of the event.', value: ({ metadata }) => metadata.name },
]

function firstSeen({ firstTimestamp, eventTime }: EventParts, now: number): string {
  return ageOf(firstTimestamp || eventTime, now)
}

function lastSeen(event: EventParts, now: number): string {
  if (event.series) return ageOf(event.series.lastObservedTime, now)
  return event.lastTimestamp ? ageOf(event.lastTimestamp, now) : firstSeen(event, now)
}

function objectText({ kind = '', name }: ObjectReference): string {
  return name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase()
}

function sourceText({ source, reportingComponent, reportingInstance }: EventParts): string {
  const host = source.host || reportingInstance
  const component = source.component || reportingComponent
  return host ? `${component}, ${host}` : component
}

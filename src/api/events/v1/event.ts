/** Event in the newer group; stored as the core Event. */

import { Event as CoreEvent, EventSource } from '#api/core/v1/event.ts'
import { eventColumns } from '#api/core/v1/event-columns.ts'
import { ObjectReference } from '#api/core/v1/object-reference.ts'
import { validateEvent, validateStrictEvent, validateStrictEventUpdate } from '#api/core/v1/validation/event.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { type Column, defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import { always, int32, microTime, object, optional, pointer, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const eventSeries = object('io.k8s.api.events.v1.EventSeries', {
  count: always(1, int32()),
  lastObservedTime: always(2, microTime(), { isRequired: true }),
})
export interface EventSeries extends TypeOf<typeof eventSeries> {}
export const EventSeries: Schema<EventSeries> = eventSeries

interface EventParts extends KubeObject {
  eventTime: string
  series?: EventSeries | undefined
  reportingController?: string | undefined
  reportingInstance?: string | undefined
  action?: string | undefined
  reason?: string | undefined
  regarding: ObjectReference
  related?: ObjectReference | undefined
  note?: string | undefined
  type?: string | undefined
  deprecatedSource: EventSource
  deprecatedFirstTimestamp: string
  deprecatedLastTimestamp: string
  deprecatedCount?: number | undefined
}

/** Both groups show the same table: that of the core Event. */
const columns: readonly Column<EventParts>[] = eventColumns.map((column) => ({
  ...column,
  value: (event, context) => column.value(toCore(event), context),
}))

function toCore(event: EventParts): CoreEvent {
  const { metadata, eventTime, series, action, reason, related, type, note, deprecatedCount } = event
  return {
    apiVersion: CoreEvent.apiVersion,
    kind: CoreEvent.kind,
    metadata,
    eventTime,
    involvedObject: event.regarding,
    source: event.deprecatedSource,
    firstTimestamp: event.deprecatedFirstTimestamp,
    lastTimestamp: event.deprecatedLastTimestamp,
    reportingComponent: event.reportingController ?? '',
    reportingInstance: event.reportingInstance ?? '',
    ...(series && { series: { ...series } }),
    ...(action && { action }),
    ...(reason && { reason }),
    ...(related && { related }),
    ...(type && { type }),
    ...(note && { message: note }),
    ...(deprecatedCount && { count: deprecatedCount }),
  }
}

function fromCore(event: CoreEvent): EventParts {
  const { metadata, eventTime, series, action, reason, related, type, message, count } = event
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata,
    eventTime,
    regarding: event.involvedObject,
    deprecatedSource: event.source,
    deprecatedFirstTimestamp: event.firstTimestamp,
    deprecatedLastTimestamp: event.lastTimestamp,
    ...(event.reportingComponent && { reportingController: event.reportingComponent }),
    ...(event.reportingInstance && { reportingInstance: event.reportingInstance }),
    ...(series && { series: { count: series.count ?? 0, lastObservedTime: series.lastObservedTime } }),
    ...(action && { action }),
    ...(reason && { reason }),
    ...(related && { related }),
    ...(type && { type }),
    ...(message && { note: message }),
    ...(count && { deprecatedCount: count }),
  }
}

const kind = defineKind({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  scope: 'Namespaced',
  doc: 'An event reports something that happened in the cluster; it is kept for a short time only.',
  schemaName: 'io.k8s.api.events.v1.Event',
  shortNames: ['ev'],
  fields: {
    eventTime: always(2, microTime(), { isRequired: true }),
    series: pointer(3, EventSeries),
    reportingController: optional(4, string()),
    reportingInstance: optional(5, string()),
    action: optional(6, string()),
    reason: optional(7, string()),
    regarding: always(8, ObjectReference),
    related: pointer(9, ObjectReference),
    note: optional(10, string()),
    type: optional(11, string()),
    deprecatedSource: always(12, EventSource),
    deprecatedFirstTimestamp: always(13, time()),
    deprecatedLastTimestamp: always(14, time()),
    deprecatedCount: optional(15, int32()),
  },
  storedAs: { kind: () => CoreEvent, toStored: toCore, fromStored: fromCore },
  createOnUpdate: true,
  validate: (event, at) => validateEvent(toCore(event), at, 'reportingController'),
  validateCreate: (event, at) => [...validateFinalizers(event.metadata, at), ...validateStrictEvent(toCore(event), at)],
  validateUpdate: (event, old, at) => validateStrictEventUpdate(toCore(event), toCore(old), at),
  columns,
  selectable: {
    reason: ({ reason }) => reason ?? '',
    'regarding.kind': ({ regarding }) => regarding.kind ?? '',
    'regarding.namespace': ({ regarding }) => regarding.namespace ?? '',
    'regarding.name': ({ regarding }) => regarding.name ?? '',
    'regarding.uid': ({ regarding }) => regarding.uid ?? '',
    'regarding.apiVersion': ({ regarding }) => regarding.apiVersion ?? '',
    'regarding.resourceVersion': ({ regarding }) => regarding.resourceVersion ?? '',
    'regarding.fieldPath': ({ regarding }) => regarding.fieldPath ?? '',
    reportingController: ({ reportingController }) => reportingController ?? '',
    type: ({ type }) => type ?? '',
  },
})

export interface Event extends ObjectOf<typeof kind> {}
export const Event: Kind<'Event', Event> = kind

/** event: Event. */
import { ObjectReference } from '#api/core/v1/object-reference.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int32, microTime, object, optional, pointer, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const eventSource = object('io.k8s.api.core.v1.EventSource', {
  component: optional(1, string()),
  host: optional(2, string()),
})
export interface EventSource extends TypeOf<typeof eventSource> {}
export const EventSource: Schema<EventSource> = eventSource

const eventSeries = object('io.k8s.api.core.v1.EventSeries', {
  count: optional(1, int32()),
  lastObservedTime: always(2, microTime()),
})
export interface EventSeries extends TypeOf<typeof eventSeries> {}
export const EventSeries: Schema<EventSeries> = eventSeries

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.core.v1.Event',
  shortNames: ['ev'],
  fields: {
    involvedObject: always(2, ObjectReference),
    reason: optional(3, string()),
    message: optional(4, string()),
    source: always(5, EventSource),
    firstTimestamp: always(6, time()),
    lastTimestamp: always(7, time()),
    count: optional(8, int32()),
    type: optional(9, string()),
    eventTime: always(10, microTime()),
    series: pointer(11, EventSeries),
    action: optional(12, string()),
    related: pointer(13, ObjectReference),
    reportingComponent: always(14, string()),
    reportingInstance: always(15, string()),
  },
})

export interface Event extends ObjectOf<typeof kind> {}
export const Event: Kind<'Event', Event> = kind

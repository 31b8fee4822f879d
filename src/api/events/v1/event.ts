/** event: Event. */
import { EventSource } from '#api/core/v1/event.ts'
import { ObjectReference } from '#api/core/v1/object-reference.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int32, microTime, object, optional, pointer, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const eventSeries = object('io.k8s.api.events.v1.EventSeries', {
  count: always(1, int32()),
  lastObservedTime: always(2, microTime()),
})
export interface EventSeries extends TypeOf<typeof eventSeries> {}
export const EventSeries: Schema<EventSeries> = eventSeries

const kind = defineKind({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.events.v1.Event',
  shortNames: ['ev'],
  fields: {
    eventTime: always(2, microTime()),
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
})

export interface Event extends ObjectOf<typeof kind> {}
export const Event: Kind<'Event', Event> = kind

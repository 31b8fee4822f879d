/** Event: a report about something that happened to an object; the stored form of both event groups. */

import { eventColumns } from '#api/core/v1/event-columns.ts'
import { ObjectReference } from '#api/core/v1/object-reference.ts'
import { validateEvent } from '#api/core/v1/validation/event.ts'
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
  doc: 'An event reports something that happened in the cluster; it is kept for a short time only.',
  schemaName: 'io.k8s.api.core.v1.Event',
  requiresMetadata: true,
  shortNames: ['ev'],
  fields: {
    involvedObject: always(2, ObjectReference, { isRequired: true, doc: 'What it happened to.' }),
    reason: optional(3, string(), { doc: 'What happened, in one word.' }),
    message: optional(4, string(), { doc: 'What happened, in a sentence.' }),
    source: always(5, EventSource, { doc: 'Who reported it, in the older form.' }),
    firstTimestamp: always(6, time(), { doc: 'When it happened first.' }),
    lastTimestamp: always(7, time(), { doc: 'When it happened last.' }),
    count: optional(8, int32(), { doc: 'How often it happened.' }),
    type: optional(9, string(), { doc: 'Normal or Warning.' }),
    eventTime: always(10, microTime(), { doc: 'When it was first seen.' }),
    series: pointer(11, EventSeries, { doc: 'How it went on.' }),
    action: optional(12, string(), { doc: 'What was done.' }),
    related: pointer(13, ObjectReference, { doc: 'A second object that is concerned.' }),
    reportingComponent: always(14, string(), { isRequired: false, doc: 'Which controller reported it.' }),
    reportingInstance: always(15, string(), { isRequired: false, doc: 'Which instance of it.' }),
  },
  createOnUpdate: true,
  nameFormat: 'pathSegment',
  validate: (event, at) => validateEvent(event, at),
  columns: eventColumns,
  selectable: {
    'involvedObject.kind': ({ involvedObject }) => involvedObject.kind ?? '',
    'involvedObject.namespace': ({ involvedObject }) => involvedObject.namespace ?? '',
    'involvedObject.name': ({ involvedObject }) => involvedObject.name ?? '',
    'involvedObject.uid': ({ involvedObject }) => involvedObject.uid ?? '',
    'involvedObject.apiVersion': ({ involvedObject }) => involvedObject.apiVersion ?? '',
    'involvedObject.resourceVersion': ({ involvedObject }) => involvedObject.resourceVersion ?? '',
    'involvedObject.fieldPath': ({ involvedObject }) => involvedObject.fieldPath ?? '',
    reason: ({ reason }) => reason ?? '',
    reportingComponent: ({ reportingComponent }) => reportingComponent,
    source: ({ source, reportingComponent }) => source.component || reportingComponent,
    type: ({ type }) => type ?? '',
  },
})

export interface Event extends ObjectOf<typeof kind> {}
export const Event: Kind<'Event', Event> = kind

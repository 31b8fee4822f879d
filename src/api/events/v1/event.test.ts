import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event as CoreEvent } from '#api/core/v1/event.ts'
import { errorsOf, made } from '#testing/errors-of.ts'
import { Event } from './event.ts'

const body = {
  eventTime: '2026-01-01T00:00:00.000000Z',
  reportingController: 'example.com/c',
  reportingInstance: 'c-1',
  action: 'Starting',
  reason: 'Started',
  regarding: { kind: 'Pod', name: 'p', namespace: 'default' },
  note: 'it runs',
  type: 'Normal',
  series: { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' },
}

test('an Event of events.k8s.io survives being stored as a core Event', () => {
  const event = made(Event, body)
  const stored = Event.def.storedAs!.toStored(event) as CoreEvent
  assert.equal(stored.apiVersion, 'v1')
  assert.equal(stored.involvedObject.name, 'p')
  assert.equal(stored.message, 'it runs')
  assert.equal(stored.reportingComponent, 'example.com/c')
  assert.deepEqual(Event.def.storedAs!.fromStored(stored), event)
})

test('an Event of events.k8s.io is checked strictly, one of the core group is not', () => {
  assert.deepEqual(errorsOf(Event, body), [])
  assert.deepEqual(errorsOf(Event, { ...body, type: 'x', deprecatedCount: 1 }), [
    'type: Invalid value: "": has invalid value: x',
    'count: Invalid value: "": needs to be unset',
  ])
  assert.deepEqual(errorsOf(CoreEvent, { involvedObject: { namespace: 'default' }, type: 'x', count: 1 }), [])
  assert.deepEqual(errorsOf(CoreEvent, { involvedObject: { namespace: 'other' } }), [
    'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
  ])
})

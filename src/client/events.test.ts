import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Event } from '#api/core/v1/event.ts'
import { testCluster } from '#testing/cluster.ts'
import { createEventRecorder } from './events.ts'

async function start() {
  const cluster = await testCluster()
  const { clock, random, client } = cluster
  const errors: unknown[] = []
  const recorder = createEventRecorder(client, {
    clock,
    random,
    component: 'tester',
    host: 'n1',
    onError: (error) => errors.push(error),
  })
  const about = await client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' } })
  return { cluster, recorder, about, errors }
}

test('event recorder writes events and counts repetitions', async () => {
  const { cluster, recorder, about, errors } = await start()
  await using _ = cluster
  const occurrence = { type: 'Normal', reason: 'Tested', message: 'It was tested.' } as const
  recorder.record(about, occurrence)
  await recorder.flush()
  await cluster.advance(5000)
  recorder.record(about, occurrence)
  await recorder.flush()
  const [event, ...others] = await cluster.list(Event)
  assert.equal(others.length, 0)
  assert.match(event?.metadata.name ?? '', /^a\.[0-9a-f]{16}$/)
  assert.equal(event?.count, 2)
  assert.notEqual(event?.firstTimestamp, event?.lastTimestamp)
  assert.deepEqual(event?.source, { component: 'tester', host: 'n1' })
  assert.equal(event?.reportingComponent, 'tester')
  assert.equal(event?.involvedObject.uid, about.metadata.uid)
  assert.deepEqual(errors, [])
})

test('event recorder combines events of one reason from the tenth on, and lets 25 through', async () => {
  const { cluster, recorder, about } = await start()
  await using _ = cluster
  for (let at = 1; at <= 40; at++) recorder.record(about, { type: 'Warning', reason: 'Noisy', message: `number ${at}` })
  await recorder.flush()
  const events = await cluster.list(Event)
  assert.equal(events.length, 10)
  const combined = events.find(({ message }) => message?.startsWith('(combined from similar events): '))
  assert.equal(combined?.message, '(combined from similar events): number 25')
  assert.equal(combined?.count, 16)
})

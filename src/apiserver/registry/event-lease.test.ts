import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Event } from '#api/core/v1/event.ts'
import { Event as EventsEvent } from '#api/events/v1/event.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import type { Kind } from '#schema/kind.ts'
import { openMemoryStore } from '#store/memory.ts'
import { testCluster } from '#testing/cluster.ts'
import { leaseFor } from './event-lease.ts'
import type { WriteContext } from './write-context.ts'

const minute = 60_000

test('leaseFor() lets an event go an hour after its last write, and not before', async () => {
  await using cluster = await testCluster()
  const { client, store } = cluster
  const involvedObject = { kind: 'Pod', name: 'p', namespace: 'default' }
  const event = (name: string) => ({ metadata: { name, namespace: 'default' }, involvedObject, reason: 'R', count: 1 })
  for (const name of ['old', 'renewed']) await client.create(Event, event(name))
  assert.equal((await store.leases()).length, 1)
  await cluster.advance(30 * minute)
  await client.patch(Event, { name: 'renewed', namespace: 'default' }, { type: 'merge', body: { count: 2 } })
  await cluster.advance(29 * minute)
  const names = async () => (await client.list(Event, { namespace: 'default' })).items.map(({ metadata }) => metadata.name)
  assert.deepEqual(await names(), ['old', 'renewed'])
  await cluster.advance(3 * minute)
  assert.deepEqual(await names(), ['renewed'])
  await cluster.advance(30 * minute)
  assert.deepEqual(await names(), [])
  assert.deepEqual(await store.leases(), [])
})

function leases(eventTtl?: number) {
  const clock = new VirtualClock()
  const store = openMemoryStore({ clock })
  const registry = { clock, store, ...(eventTtl !== undefined && { eventTtl }) }
  const next = (kind: Kind = Event) => leaseFor({ registry, kind } as unknown as WriteContext)
  return { clock, store, next }
}

test('leaseFor() hands out a lease for a minute, and to a thousand objects', async () => {
  const { clock, store, next } = leases()
  const first = await next()
  for (let i = 1; i < 1000; i++) assert.equal(await next(), first)
  const second = await next(EventsEvent)
  assert.notEqual(second, first)
  clock.advanceTo(clock.now() + minute - 1)
  assert.equal(await next(), second)
  clock.advanceTo(clock.now() + 1)
  assert.notEqual(await next(), second)
  assert.deepEqual(
    (await store.leases()).map(({ ttl }) => ttl),
    [3660, 3660, 3660],
  )
  assert.equal(next(ConfigMap), undefined)
})

test('leaseFor() hands out a lease for a twentieth of a short --event-ttl; 0 keeps events for ever', async () => {
  const { clock, store, next } = leases(100)
  const first = await next()
  clock.advanceTo(clock.now() + 5000 - 1)
  assert.equal(await next(), first)
  clock.advanceTo(clock.now() + 1)
  assert.notEqual(await next(), first)
  assert.equal((await store.leases())[0]?.ttl, 105)
  assert.equal(leases(0).next(), undefined)
})

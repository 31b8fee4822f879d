import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { runCompactor } from './compactor.ts'
import { put } from './conformance/bench.ts'
import { openMemoryStore } from './memory.ts'

test('runCompactor() forgets after five minutes what is five minutes old, once for all servers', async () => {
  const clock = new VirtualClock()
  const store = openMemoryStore({ clock })
  const stop = new AbortController()
  const pass = async (milliseconds: number) => {
    const end = clock.now() + milliseconds
    while (clock.runNext(end)) await setImmediate()
    clock.advanceTo(end)
  }
  runCompactor({ store, clock, signal: stop.signal })
  await pass(1_000)
  runCompactor({ store, clock, signal: stop.signal })
  const compacted = async () => (await store.status()).compactRevision
  const first = await put(store, '/a', '1')
  await pass(300_000)
  assert.equal(await compacted(), 0, 'nothing at the first round: nobody knows what is old')
  const second = await put(store, '/a', '2')
  await pass(298_000)
  assert.equal(await compacted(), 0)
  await pass(3_000)
  const at = await compacted()
  assert(at >= first && at < second, `${at}`)
  await pass(300_000)
  assert((await compacted()) >= second)
  const [row] = (await store.range({ key: 'compact_rev_key' })).rows
  assert.equal(row?.version, 3, 'one of the two servers won each round')
  stop.abort()
  assert(!clock.runNext(), 'no timer is left')
})

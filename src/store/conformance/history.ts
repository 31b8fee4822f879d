/** The contract of `Store.compact` and of what reaches behind it. */
import assert from 'node:assert/strict'
import { prefixEnd } from '../store.ts'
import { del, keys, Listener, type Open, put, rejectsWith, storeTest, text } from './bench.ts'

export function testHistory(name: string, open: Open): void {
  storeTest(`${name}: compact() forgets what was overwritten before and keeps what stood`, open, async ({ store, base }) => {
    await put(store, '/a', '1')
    await put(store, '/b')
    await put(store, '/a', '2')
    await del(store, '/b')
    await put(store, '/a', '3')
    await store.compact(base + 4)
    assert.equal((await store.status()).compactRevision, base + 4)
    await rejectsWith(store.range({ key: '/a', revision: base + 3 }), 'Compacted')
    const stood = await store.range({ key: '/', end: prefixEnd('/'), revision: base + 4 })
    assert.deepEqual(
      stood.rows.map(({ key, value }) => [key, text(value)]),
      [['/a', '2']],
    )
    assert.equal(text((await store.range({ key: '/a' })).rows[0]?.value), '3')
  })

  storeTest(`${name}: compact() refuses the past and the future`, open, async ({ store }) => {
    const revision = await put(store, '/a')
    await rejectsWith(store.compact(revision + 1), 'FutureRevision')
    await store.compact(revision)
    await rejectsWith(store.compact(revision), 'Compacted')
    await rejectsWith(store.compact(revision - 1), 'Compacted')
  })

  storeTest(`${name}: compact() leaves keys writable, versions running and deletions final`, open, async ({ store, base }) => {
    await put(store, '/a')
    await put(store, '/b')
    await del(store, '/b')
    await store.compact(base + 3)
    await put(store, '/a')
    await put(store, '/b')
    await store.compact(base + 5)
    const { rows } = await store.range({ key: '/', end: prefixEnd('/') })
    assert.deepEqual(
      rows.map(({ key, version }) => [key, version]),
      [
        ['/a', 2],
        ['/b', 1],
      ],
    )
  })

  storeTest(`${name}: watch() says compacted rather than leave a gap`, open, async ({ store, base }) => {
    for (let i = 0; i < 5; i++) await put(store, '/a', `${i}`)
    await store.compact(base + 3)
    const gone = Listener.below(store, '/a', base + 2)
    await gone.saw('compacted')
    assert.deepEqual(gone.batches, [{ type: 'compacted', compactRevision: base + 3 }])
    await put(store, '/a')
    const rest = Listener.below(store, '/a', base + 4)
    await rest.count(3)
    assert.equal(rest.events[0]?.row.revision, base + 4)
    assert.equal(gone.batches.length, 1, 'the watch has ended')
  })

  storeTest(`${name}: watch() goes on over a compaction`, open, async ({ store }) => {
    const listener = Listener.below(store, '/a')
    const revision = await put(store, '/a', '1')
    await listener.count(1)
    await store.compact(revision)
    await put(store, '/a', '2')
    await listener.count(2)
    assert.equal(text(listener.events[1]?.previous?.value), '1')
    assert.deepEqual(await keys(store, '/'), ['/a'])
  })

  storeTest(`${name}: watch() from the compacted revision itself has its deletion`, open, async ({ store }) => {
    await put(store, '/a')
    const revision = await del(store, '/a')
    await store.compact(revision)
    const listener = Listener.below(store, '/', revision)
    await put(store, '/b')
    await listener.count(2)
    assert.deepEqual(listener.log, ['delete /a', 'put /b'])
  })

  storeTest(`${name}: status() shows a size that grows`, open, async ({ store }) => {
    const before = (await store.status()).bytes
    await put(store, '/a', 'x'.repeat(500_000))
    assert((await store.status()).bytes > before)
  })
}

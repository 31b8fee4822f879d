/** The contract of `Store.range`. */
import assert from 'node:assert/strict'
import { prefixEnd } from '../store.ts'
import { del, keys, type Open, put, putOf, rejectsWith, storeTest, text, write } from './bench.ts'

const all = { key: '/', end: prefixEnd('/') }

export function testRange(name: string, open: Open): void {
  storeTest(`${name}: range() sorts by the UTF-8 bytes of keys`, open, async ({ store }) => {
    const sorted = ['/', '/a', '/a-b', '/a/b', '/aa', '/z', '/é', '/\uffee', '/\u{1f600}']
    for (const key of sorted.toReversed()) await put(store, key)
    assert.deepEqual(await keys(store, '/'), sorted)
    const { rows } = await store.range({ key: '/a-b', end: '/z' })
    assert.deepEqual(
      rows.map(({ key }) => key),
      ['/a-b', '/a/b', '/aa'],
    )
  })

  storeTest(`${name}: range() of one key, of a prefix, and of nothing`, open, async ({ store, base }) => {
    await write(store, putOf('/a'), putOf('/a/1'), putOf('/a0'))
    assert.deepEqual(await keys(store, '/a/'), ['/a/1'])
    const one = await store.range({ key: '/a' })
    assert.deepEqual([one.rows.length, one.count, one.more, one.revision], [1, 1, false, base + 1])
    assert.equal(text(one.rows[0]?.value), '/a')
    assert.deepEqual(await store.range({ key: '/none' }), { rows: [], count: 0, more: false, revision: base + 1 })
    assert.deepEqual(await store.range({ key: '/b', end: '/a' }), { rows: [], count: 0, more: false, revision: base + 1 })
  })

  storeTest(`${name}: range() keeps to its limit and counts all`, open, async ({ store }) => {
    for (const key of ['/a', '/b', '/c']) await put(store, key)
    const cases = [
      { limit: 2, rows: 2, more: true },
      { limit: 3, rows: 3, more: false },
      { limit: 0, rows: 3, more: false },
      { limit: 9, rows: 3, more: false },
    ]
    for (const { limit, rows, more } of cases) {
      const found = await store.range({ ...all, limit })
      assert.deepEqual([found.rows.length, found.more, found.count], [rows, more, 3], `limit ${limit}`)
    }
  })

  storeTest(`${name}: range() with keysOnly and countOnly`, open, async ({ store, base }) => {
    await put(store, '/a', 'long')
    const { rows } = await store.range({ ...all, keysOnly: true })
    assert.deepEqual([rows[0]?.key, rows[0]?.value.byteLength, rows[0]?.revision], ['/a', 0, base + 1])
    const counted = await store.range({ ...all, countOnly: true })
    assert.deepEqual([counted.rows.length, counted.count], [0, 1])
  })

  storeTest(`${name}: range() reads as of a revision`, open, async ({ store, base }) => {
    await put(store, '/a', 'first')
    await put(store, '/b')
    await put(store, '/a', 'second')
    await del(store, '/b')
    await put(store, '/b')
    assert.deepEqual(await keys(store, '/', base), [])
    assert.deepEqual(await keys(store, '/', base + 1), ['/a'])
    assert.deepEqual(await keys(store, '/', base + 3), ['/a', '/b'])
    assert.deepEqual(await keys(store, '/', base + 4), ['/a'])
    const old = await store.range({ key: '/a', revision: base + 2 })
    assert.deepEqual([text(old.rows[0]?.value), old.revision], ['first', base + 5])
    await rejectsWith(store.range({ ...all, revision: base + 6 }), 'FutureRevision')
  })

  storeTest(`${name}: range() begun after a txn resolved sees it`, open, async ({ store }) => {
    for (let i = 0; i < 20; i++) {
      const revision = await put(store, '/a', `${i}`)
      const found = await store.range({ key: '/a' })
      assert.equal(text(found.rows[0]?.value), `${i}`)
      assert(found.revision >= revision)
    }
  })
}

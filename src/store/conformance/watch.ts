/** The contract of `Store.watch`. */
import assert from 'node:assert/strict'
import { prefixEnd } from '../store.ts'
import { bytes, del, Listener, type Open, put, putOf, storeTest, text, write } from './bench.ts'

export function testWatch(name: string, open: Open): void {
  testStarts(name, open)
  testDelivery(name, open)
}

function testStarts(name: string, open: Open): void {
  storeTest(`${name}: watch() without from begins after now`, open, async ({ store }) => {
    await put(store, '/a/old')
    const listener = Listener.below(store, '/a/')
    await put(store, '/a/new')
    await listener.count(1)
    assert.deepEqual(listener.log, ['put /a/new'])
  })

  storeTest(`${name}: watch() from the past delivers what was, then what comes`, open, async ({ store, base }) => {
    await put(store, '/a/1')
    await put(store, '/b/1')
    await put(store, '/a/2')
    await del(store, '/a/1')
    const listener = Listener.below(store, '/a/', base + 2)
    await put(store, '/a/3')
    await listener.count(3)
    assert.deepEqual(listener.log, ['put /a/2', 'delete /a/1', 'put /a/3'])
  })

  storeTest(`${name}: watch() from the future is silent until then`, open, async ({ store, base }) => {
    const listener = Listener.below(store, '/a/', base + 3)
    for (const key of ['/a/1', '/a/2', '/a/3', '/a/4']) await put(store, key)
    await listener.count(2)
    assert.deepEqual(listener.log, ['put /a/3', 'put /a/4'])
  })

  storeTest(`${name}: watch() never calls before it returns, nor after the abort`, open, async ({ store, base }) => {
    await put(store, '/a/1')
    const listener = Listener.below(store, '/a/', base + 1)
    assert.equal(listener.batches.length, 0)
    await listener.count(1)
    const other = Listener.below(store, '/a/')
    listener.stop()
    await put(store, '/a/2')
    await other.count(1)
    assert.deepEqual(listener.log, ['put /a/1'])
    const aborted = new AbortController()
    aborted.abort()
    store.watch({ key: '/a/1', signal: aborted.signal }, () => assert.fail('called'))
    await put(store, '/a/1')
    await other.count(2)
  })
}

function testDelivery(name: string, open: Open): void {
  storeTest(`${name}: watch() shows rows, deletions and what was before`, open, async ({ store, base }) => {
    const listener = new Listener(store, { key: '/a' })
    await put(store, '/a', 'one')
    await put(store, '/a/other')
    await put(store, '/a', 'two')
    await del(store, '/a')
    await put(store, '/a', 'three')
    await listener.count(4)
    const seen = listener.events.map(({ type, row, previous }) => [
      type,
      row.revision - base,
      text(row.value),
      text(previous?.value),
    ])
    assert.deepEqual(seen, [
      ['put', 1, 'one', undefined],
      ['put', 3, 'two', 'one'],
      ['delete', 4, '', 'two'],
      ['put', 5, 'three', undefined],
    ])
    assert.equal(listener.events[2]?.previous?.revision, base + 3)
  })

  storeTest(`${name}: watch() keeps the events of one revision in one batch and in order`, open, async ({ store }) => {
    const listener = Listener.below(store, '/a/')
    await Promise.all([
      write(store, putOf('/a/z'), putOf('/b/1'), putOf('/a/y')),
      write(store, putOf('/a/x'), { op: 'delete', key: '/a/y', end: prefixEnd('/a/y') }, putOf('/a/w')),
    ])
    await listener.count(5)
    assert.deepEqual(listener.log, ['put /a/z', 'put /a/y', 'put /a/x', 'delete /a/y', 'put /a/w'])
    assertWholeRevisions(listener)
  })

  storeTest(`${name}: watch() of many ranges gives each its own events once`, open, async ({ store }) => {
    const requests = [
      { key: '/', end: prefixEnd('/') },
      { key: '/a/', end: prefixEnd('/a/') },
      { key: '/a/1' },
      { key: '/a/1', end: '/a/2' },
    ]
    const listeners = requests.map((request) => new Listener(store, request))
    for (const key of ['/a/1', '/a/10', '/a/2', '/b']) await put(store, key)
    for (const [i, count] of [4, 3, 1, 2].entries()) {
      const listener = listeners[i] as Listener
      await listener.current(store, (await store.status()).revision)
      assert.equal(listener.events.length, count, JSON.stringify(requests[i]))
    }
  })

  storeTest(`${name}: watch() delivers everything of a busy store in order`, open, async ({ store, base }) => {
    const early = Listener.below(store, '/a/')
    const writes = Array.from({ length: 300 }, (_, i) => store.txn(busyTxn(i)))
    await writes[0]
    const late = Listener.below(store, '/a/', base + 1)
    await Promise.all(writes)
    for (const listener of [early, late]) {
      await listener.count(600)
      const places = listener.events.map(({ row }) => row.revision * 10 + row.subRevision)
      assert.deepEqual(
        places,
        places.toSorted((a, b) => a - b),
      )
      assert.equal(new Set(places).size, 600)
      assertWholeRevisions(listener)
    }
  })

  storeTest(`${name}: requestProgress() tells every watch how far it is`, open, async ({ store }) => {
    const busy = Listener.below(store, '/a/')
    const idle = Listener.below(store, '/b/')
    const revision = await put(store, '/a/1')
    await busy.current(store, revision)
    await idle.current(store, revision)
    assert.deepEqual([busy.batches[0]?.type, idle.events.length], ['events', 0])
  })
}

function busyTxn(i: number) {
  const success = [putOf(`/a/${i % 7}`, `${i}`), putOf(`/a/x${i % 3}`), { op: 'put', key: `/b/${i}`, value: bytes('') } as const]
  return { compare: [], success, cause: { user: 'busy', time: i, request: `${i}` } }
}

function assertWholeRevisions(listener: Listener): void {
  let last = 0
  for (const batch of listener.batches) {
    if (batch.type !== 'events') continue
    const [first] = batch.events
    assert(first && first.row.revision > last, 'a revision is split over batches')
    last = batch.events.at(-1)?.row.revision ?? 0
    assert(batch.revision >= last)
  }
}

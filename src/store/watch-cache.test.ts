import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { openMemoryStore } from './memory.ts'
import { encodeStored } from './splice.ts'
import { type Cause, hasCode, type Store } from './store.ts'
import { type CacheBatch, openWatchCache, type WatchCache, type WatchCacheOptions } from './watch-cache.ts'

interface Thing {
  metadata: { name: string; resourceVersion?: string }
  node?: string
}

const cause: Cause = { user: 'test', time: 0, request: 'test' }
const never = new AbortController().signal

async function bench(options: Partial<WatchCacheOptions<Thing>> = {}, before?: (store: Store) => Promise<void>) {
  const clock = new VirtualClock()
  const store = openMemoryStore({ clock })
  await before?.(store)
  const cache = openWatchCache<Thing>({ store, clock, prefix: '/things/', ...options })
  await cache.ready
  return { clock, store, cache }
}

async function put(store: Store, key: string, node?: string): Promise<number> {
  const value = encodeStored({ kind: 'Thing', metadata: { name: key }, ...(node && { node }) })
  return (await store.txn({ compare: [], success: [{ op: 'put', key: `/things/${key}`, value }], cause })).revision
}

async function del(store: Store, key: string): Promise<number> {
  return (await store.txn({ compare: [], success: [{ op: 'delete', key: `/things/${key}` }], cause })).revision
}

type Watch = Partial<Parameters<WatchCache<Thing>['watch']>[0]>

async function follow(cache: WatchCache<Thing>, watch: Watch = {}): Promise<string[]> {
  const log: string[] = []
  cache.watch({ prefix: '/things/', signal: never, ...watch }, (batch) => log.push(...lines(batch)))
  await Promise.resolve()
  return log
}

function lines(batch: CacheBatch<Thing>): string[] {
  if (batch.type === 'expired') return ['expired']
  return batch.events.map(({ type, row }) => `${type} ${row.key.slice('/things/'.length)}`)
}

const names = (rows: { key: string }[]) => rows.map(({ key }) => key.slice('/things/'.length))

test('openWatchCache() holds what the store held, and what comes', async () => {
  const { store, cache } = await bench({}, async (store) => void (await put(store, 'ns/b')))
  assert.deepEqual(names(cache.list('/things/')), ['ns/b'])
  const revision = await put(store, 'ns/a')
  assert.deepEqual(names(cache.list('/things/ns/')), ['ns/a', 'ns/b'])
  assert.equal(cache.revision, revision)
  assert.equal(cache.get('/things/ns/a')?.decoded?.metadata.resourceVersion, `${revision}`)
  await del(store, 'ns/b')
  assert.deepEqual(names(cache.list('/things/')), ['ns/a'])
})

test('openWatchCache() knows how many bytes it stands for', async () => {
  const { store, cache } = await bench({}, async (store) => void (await put(store, 'ns/b')))
  const sum = () => cache.list('/things/').reduce((bytes, { row }) => bytes + row.value.byteLength, 0)
  await put(store, 'ns/a')
  await put(store, 'ns/b', 'a node with a long name')
  assert.equal(cache.byteSize, sum())
  await del(store, 'ns/b')
  assert.equal(cache.byteSize, sum())
  await del(store, 'ns/a')
  assert.equal(cache.byteSize, 0)
})

test('list() cuts pages and takes a single key', async () => {
  const { store, cache } = await bench()
  for (const key of ['a/1', 'a/2', 'a/3', 'b/1']) await put(store, key)
  assert.deepEqual(names(cache.list('/things/', { limit: 2 })), ['a/1', 'a/2'])
  assert.deepEqual(names(cache.list('/things/a/', { after: '/things/a/2' })), ['a/3'])
  assert.deepEqual(names(cache.list('/things/a/1')), ['a/1'])
})

test('watch() from a revision of the ring, of the past of the store, and from now', async () => {
  const { store, cache } = await bench({}, async (store) => {
    for (const key of ['a', 'b', 'c']) await put(store, key)
  })
  const revision = await put(store, 'd')
  const logs = await Promise.all([follow(cache, { from: revision }), follow(cache, { from: revision - 2 }), follow(cache)])
  await put(store, 'e')
  assert.deepEqual(logs, [['put d', 'put e'], ['put b', 'put c', 'put d', 'put e'], ['put e']])
})

test('watch() from a revision beyond the cache waits for it', async () => {
  const { store, cache } = await bench()
  const log = await follow(cache, { from: cache.revision + 2 })
  await put(store, 'a')
  await put(store, 'b')
  assert.deepEqual(log, ['put b'])
})

test('watch() says expired when the ring has moved on', async () => {
  const { store, cache } = await bench({ ring: { events: 2, bytes: 1e6 } })
  for (const key of ['a', 'b', 'c']) await put(store, key)
  assert.deepEqual(await follow(cache, { from: cache.revision - 1 }), ['put b', 'put c'])
  assert.deepEqual(await follow(cache, { from: cache.revision - 2 }), ['expired'])
})

test('watch() of a namespace and of one key gets nothing else', async () => {
  const { store, cache } = await bench()
  const namespace = await follow(cache, { prefix: '/things/a/' })
  const one = await follow(cache, { prefix: '/things/a/1' })
  for (const key of ['a/1', 'a/10', 'b/1', 'aa/1']) await put(store, key)
  await del(store, 'a/1')
  assert.deepEqual(namespace, ['put a/1', 'put a/10', 'delete a/1'])
  assert.deepEqual(one, ['put a/1', 'delete a/1'])
})

test('watch() shows deletions under their own revision, and the object before', async () => {
  const { store, cache } = await bench()
  await put(store, 'a', 'n1')
  let seen: unknown
  cache.watch({ prefix: '/things/', signal: never }, (batch) => {
    if (batch.type !== 'events') return
    const [event] = batch.events
    seen = [event?.row.decoded?.metadata.resourceVersion, event?.row.decoded?.node, event?.previous?.decoded?.node]
    assert(
      Buffer.from(event?.row.bytes ?? [])
        .toString()
        .includes(`"resourceVersion":"${event?.revision}"`),
    )
  })
  assert.deepEqual([await del(store, 'a'), seen], [cache.revision, [`${cache.revision}`, 'n1', 'n1']])
})

test('watch() calls nobody after the abort', async () => {
  const { store, cache } = await bench()
  const controller = new AbortController()
  const log = await follow(cache, { signal: controller.signal })
  controller.abort()
  await put(store, 'a')
  assert.deepEqual(log, [])
})

test('watch() by index follows rows that come and go', async () => {
  const { store, cache } = await bench({ indexers: { byNode: ({ node }) => node } })
  const log = await follow(cache, { index: { name: 'byNode', value: 'n1' } })
  await put(store, 'a')
  await put(store, 'b', 'n2')
  await put(store, 'a', 'n1')
  assert.deepEqual(names(cache.byIndex('byNode', 'n1')), ['a'])
  await put(store, 'a', 'n2')
  await put(store, 'a', 'n2')
  assert.deepEqual(log, ['put a', 'put a'])
  assert.deepEqual(names(cache.byIndex('byNode', 'n2')), ['a', 'b'])
  await del(store, 'a')
  assert.deepEqual(names(cache.byIndex('byNode', 'n2')), ['b'])
})

test('listAndWatch() leaves no gap and repeats nothing', async () => {
  const { store, cache } = await bench()
  await put(store, 'a')
  const log: string[] = []
  const { rows, revision } = cache.listAndWatch({ prefix: '/things/', signal: never }, (batch) => log.push(...lines(batch)))
  const pending = put(store, 'b')
  assert.deepEqual([names(rows), revision], [['a'], cache.revision])
  await pending
  assert.deepEqual(log, ['put b'])
})

test('catchUp() answers at once where nothing was written meanwhile', async () => {
  const { store, cache } = await bench()
  await put(store, 'a')
  assert.equal(cache.catchUp(), cache.revision)
})

test('catchUp() sees what was written to other prefixes', async () => {
  const { store, cache } = await bench()
  const { revision } = await store.txn({ compare: [], success: [{ op: 'put', key: '/other', value: new Uint8Array() }], cause })
  assert.equal(await cache.catchUp(), revision)
})

test('waitFor() waits for the future and can be given up, and holds nobody else up', async () => {
  const { store, cache, clock } = await bench()
  const controller = new AbortController()
  const given = cache.waitFor(cache.revision + 50, controller.signal)
  const waiting = cache.waitFor(cache.revision + 2)
  await put(store, 'a')
  await cache.catchUp()
  controller.abort(new Error('given up'))
  await assert.rejects(given, /given up/)
  await store.txn({ compare: [], success: [{ op: 'put', key: '/other', value: new Uint8Array() }], cause })
  clock.runNext()
  await waiting
})

test('a row that cannot be decoded is cached like any other', async () => {
  const { store, cache } = await bench({ indexers: { byNode: ({ node }) => node } })
  const log = await follow(cache)
  await store.txn({ compare: [], success: [{ op: 'put', key: '/things/bad', value: new TextEncoder().encode('{') }], cause })
  await put(store, 'good')
  assert.deepEqual(names(cache.list('/things/')), ['bad', 'good'])
  assert.deepEqual(log, ['put bad', 'put good'])
  assert.equal(cache.get('/things/bad')?.decoded, undefined)
  assert(cache.get('/things/bad')?.failure instanceof SyntaxError)
})

test('decoded objects and served bytes are shared while kept, and made again when dropped', async () => {
  const { store, cache } = await bench({ keep: { decoded: 60, served: 100 } })
  await put(store, 'a')
  const row = cache.get('/things/a')
  assert(row)
  const { decoded, line } = row
  assert(decoded === row.decoded && line === row.line)
  await put(store, 'b')
  const other = cache.get('/things/b')
  assert(other?.decoded && other.line)
  assert.notEqual(row.decoded, decoded)
  assert.deepEqual([row.decoded, row.line], [decoded, line])
})

test('openWatchCache() resumes after the compaction point, and survives its passing', async () => {
  const { store, cache } = await bench({}, async (store) => {
    for (const key of ['a', 'b', 'a']) await store.compact(await put(store, key))
    await put(store, 'c')
  })
  assert.deepEqual(names(cache.list('/things/')), ['a', 'b', 'c'])
  assert.deepEqual(await follow(cache, { from: cache.revision }), ['put c'])
  assert.deepEqual(await follow(cache, { from: cache.revision - 1 }), ['expired'])
  await store.compact(await put(store, 'd'))
  await put(store, 'e')
  assert.deepEqual(names(cache.list('/things/')), ['a', 'b', 'c', 'd', 'e'])
})

test('close() ends watches and waits', async () => {
  const { cache, store } = await bench()
  const log = await follow(cache)
  const waiting = cache.waitFor(99)
  cache.close()
  await assert.rejects(waiting, (error) => hasCode(error, 'Closed'))
  await put(store, 'a')
  assert.deepEqual(log, ['expired'])
})

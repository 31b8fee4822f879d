import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { del, put, rejectsWith, text } from './conformance/bench.ts'
import { type History, openHistory } from './history.ts'
import { openMemoryStore } from './memory.ts'
import { type RecordOptions, recordHistory } from './record-history.ts'
import { type Store, StoreError, type WatchBatch } from './store.ts'

const directory = mkdtempSync(join(tmpdir(), 'nami-record-'))
after(() => rmSync(directory, { recursive: true }))
let files = 0

/** A recorder whose history and store fail as long as they are told to. */
async function bench(over: Partial<RecordOptions> = {}) {
  const clock = new VirtualClock()
  const inner = openMemoryStore({ clock })
  const kept = await openHistory({ path: join(directory, `${files++}.db`), maxBytes: 1 << 20 })
  const failing = { add: false, status: false }
  const errors: string[] = []
  const watches: ((batch: WatchBatch) => void)[] = []
  const history = wrapped<History>(kept, {
    add: (...args: Parameters<History['add']>) => (failing.add ? Promise.reject(new Error('full')) : kept.add(...args)),
  })
  const store = wrapped<Store>(inner, {
    status: () => (failing.status ? Promise.reject(new Error('away')) : inner.status()),
    watch: (request: Parameters<Store['watch']>[0], onBatch: (batch: WatchBatch) => void) => {
      watches.push(onBatch)
      inner.watch(request, onBatch)
    },
  })
  const onError = (error: unknown) => errors.push((error as Error).message)
  const recorder = await recordHistory({ store, history, clock, onError, ...over })
  const revisions = async () => (await kept.changesOf({ key: '/registry/', end: '/registry0' })).map(({ revision }) => revision)
  const close = async () => {
    await recorder.close()
    await kept.close()
  }
  return { clock, store, history, kept, recorder, failing, errors, watches, revisions, [Symbol.asyncDispose]: close }
}

function wrapped<T extends object>(target: T, over: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(target, {
    get(_, name) {
      const found = over[name as keyof T] ?? Reflect.get(target, name)
      return typeof found === 'function' ? found.bind(target) : found
    },
  })
}

test('rangeAt() answers nothing of today for what the history leaves out', async () => {
  await using b = await bench()
  const before = await put(b.store, '/registry/pods/a', 'old')
  for (const key of ['/registry/leases/x', '/registry/events/x', '/registry/masterleases/x', '/elsewhere', '/registry/pods/a']) {
    await put(b.store, key, 'new')
  }
  const all = await b.recorder.rangeAt({ key: '\u0000', end: '\u{10ffff}' }, before)
  assert.deepEqual(
    all.map(({ key, value, revision }) => [key, text(value), revision]),
    [['/registry/pods/a', 'old', before]],
  )
  const leftOut = [
    { key: '/registry/leases/', end: '/registry/leases0' },
    { key: '/registry/events/default/', end: '/registry/events/default0' },
    { key: '/registry/masterleases/x' },
    { key: '/elsewhere' },
    { key: '/a', end: '/b' },
  ]
  for (const range of leftOut) await rejectsWith(b.recorder.rangeAt(range, before), 'Compacted')
})

test('changes that could not be written are written later, none twice and none lost', async () => {
  await using b = await bench()
  const first = await put(b.store, '/registry/pods/a', '1')
  b.failing.add = true
  await assert.rejects(b.recorder.flush(), /full/)
  await put(b.store, '/registry/pods/a', '2')
  await assert.rejects(b.recorder.rangeAt({ key: '/registry/pods/a' }, first), /full/)
  assert.deepEqual(b.errors, ['full'], 'told once')
  b.failing.add = false
  assert.equal(b.clock.runNext(b.clock.now() + 10_000), true)
  await b.recorder.flush()
  assert.deepEqual(await b.revisions(), [3, 2])
  assert.equal((await b.kept.status()).since, 1)
  assert.equal(text((await b.recorder.rangeAt({ key: '/registry/pods/a' }, first))[0]?.value), '1')
})

test('changes that were given up are known to be missing, however late the history can be written again', async () => {
  await using b = await bench({ mostPending: 10_000 })
  const first = await put(b.store, '/registry/pods/a', '1')
  await b.recorder.flush()
  b.failing.add = true
  for (let i = 0; i < 3; i++) {
    await put(b.store, '/registry/pods/a', 'x'.repeat(6_000))
    await assert.rejects(b.recorder.flush(), /full/)
  }
  assert(b.errors.some((one) => one.startsWith('changes come faster')))
  b.failing.add = false
  await rejectsWith(b.recorder.rangeAt({ key: '/registry/pods/' }, first), 'Compacted')
  const now = await put(b.store, '/registry/pods/a', '3')
  await del(b.store, '/registry/pods/a')
  assert.equal(text((await b.recorder.rangeAt({ key: '/registry/pods/a' }, now))[0]?.value), '3')
  const { since } = await b.kept.status()
  assert(since > first && since < now)
})

test('a gap is leapt over as soon as the store answers, and those who wait are not forgotten', async () => {
  await using b = await bench()
  await put(b.store, '/registry/pods/a', '1')
  await b.recorder.flush()
  b.failing.status = true
  b.watches[0]?.({ type: 'compacted', compactRevision: 2 })
  for (let i = 0; i < 3; i++) {
    await until(() => b.errors.length > i)
    await until(() => b.clock.runNext(b.clock.now() + 60_000))
  }
  assert.deepEqual(new Set(b.errors), new Set(['away']))
  b.failing.status = false
  const lost = await put(b.store, '/registry/pods/a', '2')
  await until(() => b.watches.length === 2 || (b.clock.runNext(b.clock.now() + 60_000) && false))
  await b.recorder.flush()
  const { since } = await b.kept.status()
  assert(since >= lost, 'the gap is known as one')
  await rejectsWith(b.recorder.rangeAt({ key: '/registry/pods/a' }, 2), 'Compacted')
  const next = await put(b.store, '/registry/pods/a', '3')
  await b.recorder.flush()
  assert.equal((await b.revisions())[0], next)
})

test('close() lets nobody wait for ever', async () => {
  const b = await bench()
  const store = wrapped<Store>(b.store, { requestProgress: async () => {}, watch: () => {} })
  const recorder = await recordHistory({ store, history: b.history, clock: b.clock })
  await put(b.store, '/registry/pods/a')
  const flushing = recorder.flush()
  flushing.catch(() => {})
  await until(() => true)
  await recorder.close()
  await assert.rejects(flushing, (error) => error instanceof StoreError && error.code === 'Closed')
  await b[Symbol.asyncDispose]()
})

test('a change that nobody gives a cause is found at the time at which it was seen', async () => {
  const clock = new VirtualClock()
  const inner = openMemoryStore({ clock })
  const store = wrapped<Store>(inner, {
    watch: (request: Parameters<Store['watch']>[0], onBatch: (batch: WatchBatch) => void) =>
      inner.watch(request, (batch) => {
        if (batch.type !== 'events') return onBatch(batch)
        onBatch({ ...batch, events: batch.events.map(({ cause: _, ...event }) => event) })
      }),
  })
  const history = await openHistory({ path: join(directory, `${files++}.db`) })
  const recorder = await recordHistory({ store, history, clock })
  clock.advanceTo(clock.now() + 1000)
  const revision = await put(store, '/registry/pods/a')
  await recorder.flush()
  const [found, ...others] = await history.changesBetween(clock.now(), clock.now())
  assert.deepEqual([found?.key, found?.cause, found?.time, others], ['/registry/pods/a', undefined, clock.now(), []])
  assert.equal(await history.revisionAt(clock.now()), revision)
  await recorder.close()
  await history.close()
})

/** Turns of the event loop pass: the history's thread answers in one of them. */
async function until(done: () => boolean): Promise<void> {
  for (let turns = 0; turns < 10_000; turns++) {
    if (done()) return
    await new Promise((resolve) => void setImmediate(resolve))
  }
  assert.fail('it does not come')
}

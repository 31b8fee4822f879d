import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { del, put, putOf, rejectsWith, text, write } from './conformance/bench.ts'
import { type Change, type History, openHistory } from './history.ts'
import { openMemoryStore } from './memory.ts'
import { type Recorder, recordHistory } from './record-history.ts'
import { openSqliteStore } from './sqlite.ts'
import { prefixEnd, type Store } from './store.ts'

const directory = mkdtempSync(join(tmpdir(), 'nami-history-'))
after(() => rmSync(directory, { recursive: true }))
let files = 0
const newPath = () => join(directory, `${files++}.db`)
const everything = { key: '/registry/', end: prefixEnd('/registry/') }

interface Bench extends AsyncDisposable {
  readonly store: Store
  readonly history: History
  readonly recorder: Recorder
}

async function bench(path = newPath(), options: { store?: Store; maxBytes?: number } = {}): Promise<Bench> {
  const clock = new VirtualClock()
  const store = options.store ?? openMemoryStore({ clock })
  const history = await openHistory({ path, maxBytes: options.maxBytes ?? 1 << 20 })
  const recorder = await recordHistory({ store, history, clock })
  const close = async () => {
    await recorder.close()
    await history.close()
  }
  return { store, history, recorder, [Symbol.asyncDispose]: close }
}

const line = ({ key, before, after, cause }: Change) =>
  `${key} ${text(before) ?? '-'} -> ${text(after) ?? '-'} by ${cause?.user} at ${cause?.time}`

function at(store: Store, time: number, ...success: Parameters<Store['txn']>[0]['success']) {
  return store.txn({ compare: [], success, cause: { user: 'jane', time, request: `r${time}` } })
}

test('changesOf() tells before, after and cause of a key, newest first', async () => {
  await using b = await bench()
  await at(b.store, 1, putOf('/registry/pods/a', '1'), putOf('/registry/pods/b', '1'))
  await at(b.store, 2, putOf('/registry/pods/a', '2'))
  await at(b.store, 3, { op: 'delete', key: '/registry/pods/a' })
  await b.recorder.flush()
  assert.deepEqual((await b.history.changesOf({ key: '/registry/pods/a' })).map(line), [
    '/registry/pods/a 2 -> - by jane at 3',
    '/registry/pods/a 1 -> 2 by jane at 2',
    '/registry/pods/a - -> 1 by jane at 1',
  ])
  const [newest] = await b.history.changesOf({ ...everything, limit: 1, until: 2 })
  assert.deepEqual([newest?.key, newest?.cause?.request], ['/registry/pods/b', 'r1'])
})

test('changesBetween() tells what was done in a span of time', async () => {
  await using b = await bench()
  for (const time of [10, 20, 30, 40]) await at(b.store, time, putOf(`/registry/pods/${time}`))
  await b.recorder.flush()
  const found = await b.history.changesBetween(20, 30)
  assert.deepEqual(
    found.map(({ key }) => key),
    ['/registry/pods/20', '/registry/pods/30'],
  )
  assert.deepEqual(await b.history.changesBetween(20, 30, { key: '/registry/nodes/', end: '/registry/nodes0' }), [])
  assert.equal(await b.history.revisionAt(25), 3)
})

test('rangeAt() tells a range as it stood, also behind a compaction of the store', async () => {
  await using b = await bench()
  const pods = { key: '/registry/pods/', end: prefixEnd('/registry/pods/') }
  const states: [number, string][] = []
  const note = async (revision: number) => {
    const { rows } = await b.store.range(pods)
    states.push([revision, rows.map(({ key, value, revision }) => `${key}=${text(value)}@${revision}`).join()])
  }
  await note(await put(b.store, '/registry/pods/a', '1'))
  await note(await put(b.store, '/registry/pods/b', '1'))
  await note(await put(b.store, '/registry/pods/a', '2'))
  await note(await del(b.store, '/registry/pods/b'))
  await note(await put(b.store, '/registry/pods/b', '2'))
  await note(await del(b.store, '/registry/pods/', prefixEnd('/registry/pods/')))
  await b.store.compact((await b.store.status()).revision)
  for (const [revision, state] of states) {
    const rows = await b.recorder.rangeAt(pods, revision)
    assert.equal(rows.map(({ key, value, revision }) => `${key}=${text(value)}@${revision}`).join(), state, `at ${revision}`)
  }
  await rejectsWith(b.recorder.rangeAt(pods, 100), 'FutureRevision')
})

test('recordHistory() leaves out Leases and Events', async () => {
  await using b = await bench()
  for (const kind of ['leases', 'events', 'masterleases', 'pods']) await put(b.store, `/registry/${kind}/x`)
  await b.recorder.flush()
  const found = await b.history.changesOf(everything)
  assert.deepEqual(
    found.map(({ key }) => key),
    ['/registry/pods/x'],
  )
  assert.equal((await b.history.status()).revision, 5)
})

test('the history keeps to its bytes, and knows from when on it is whole', async () => {
  await using b = await bench(newPath(), { maxBytes: 100_000 })
  for (let i = 0; i < 300; i++) await put(b.store, '/registry/pods/a', 'x'.repeat(1_000))
  await b.recorder.flush()
  const { bytes, since, revision } = await b.history.status()
  assert(bytes <= 100_000 && since > 1 && revision === 301, `${bytes} ${since} ${revision}`)
  await rejectsWith(b.recorder.rangeAt(everything, since - 1), 'Compacted')
  await b.recorder.rangeAt(everything, since)
})

test('recordHistory() goes on where it ended, with what was written while it was not there', async () => {
  const clock = new VirtualClock()
  const store = await openSqliteStore({ path: newPath(), clock, reserveBytes: 4096 })
  const path = newPath()
  {
    await using _ = await bench(path, { store })
    await at(store, 1, putOf('/registry/pods/a', '1'))
  }
  await at(store, 2, putOf('/registry/pods/a', '2'))
  {
    await using b = await bench(path, { store })
    await b.recorder.flush()
    assert.deepEqual((await b.history.changesOf(everything)).map(line), [
      '/registry/pods/a 1 -> 2 by jane at 2',
      '/registry/pods/a - -> 1 by jane at 1',
    ])
  }
  await at(store, 3, putOf('/registry/pods/a', '3'))
  await store.compact(await put(store, '/registry/pods/b'))
  await put(store, '/registry/pods/c')
  await using b = await bench(path, { store })
  await b.recorder.flush()
  await put(store, '/registry/pods/d')
  await b.recorder.flush()
  const { since } = await b.history.status()
  assert(since >= 5, 'a gap is known as one')
  await rejectsWith(b.recorder.rangeAt(everything, 2), 'Compacted')
  await store.close()
})

test('a damaged file is put aside when it is used, and the new one knows from when on it is whole', async () => {
  const path = newPath()
  const first = await openHistory({ path })
  await first.add([{ key: '/a', revision: 2, subRevision: 0, after: new Uint8Array(100_000) }], 2)
  await first.close()
  const file = readFileSync(path)
  writeFileSync(path, file.fill(0xff, 4096, 20_000))
  const told: string[] = []
  const second = await openHistory({ path, onError: ({ message }) => told.push(message) })
  assert.deepEqual(await second.changesOf({ key: '/a' }), [])
  assert.match(told[0] ?? '', /^the history begins anew, since its file cannot be read/)
  await second.add([{ key: '/a', revision: 5, subRevision: 0 }], 6)
  assert.deepEqual(await second.status(), { revision: 6, since: 4, bytes: 102 })
  await second.close()
})

test('a history that nobody uses goes on where its thread ended', async () => {
  const clock = new VirtualClock()
  const history = await openHistory({ path: newPath(), clock })
  for (const revision of [2, 3, 4]) {
    await history.add([{ key: '/a', revision, subRevision: 0 }], revision)
    assert.equal(clock.runNext(clock.now() + 10_000), true)
  }
  assert.equal((await history.changesOf({ key: '/a' })).length, 3)
  assert.equal((await history.status()).revision, 4)
  await history.close()
  await assert.rejects(history.status(), /the history is closed/)
})

test('a txn of many writes is in the history whole and in order', async () => {
  await using b = await bench()
  await write(b.store, ...[3, 1, 2].map((i) => putOf(`/registry/pods/${i}`)))
  await b.recorder.flush()
  const found = await b.history.changesOf(everything)
  assert.deepEqual(
    found.map(({ key, subRevision }) => `${key} ${subRevision}`),
    ['/registry/pods/2 2', '/registry/pods/1 1', '/registry/pods/3 0'],
  )
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { del, put, putOf, rejectsWith, text, write } from './conformance/bench.ts'
import { type Change, type History, openHistory } from './history.ts'
import { sumOf } from './history-file.ts'
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

function changeAt(revision: number, over: Partial<Change> = {}): Change {
  return { key: '/a', revision, subRevision: 0, time: revision, ...over }
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

test('the history leaves a nearly full disk to the state, lets its oldest go, and grows again when there is space', {
  skip: process.getuid?.() === 0 ? false : 'only root can mount a disk',
}, async () => {
  const disk = mkdtempSync(join(directory, 'disk-'))
  assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]).status, 0)
  const notes: string[] = []
  const free = () => {
    const { bavail, bsize } = statfsSync(disk)
    return (bavail * bsize) / 2 ** 20
  }
  try {
    const history = await openHistory({ path: join(disk, 'history.db'), onError: (error) => notes.push(String(error)) })
    let revision = 1
    const add = async () => {
      const change = changeAt(++revision, { after: new Uint8Array(100_000) })
      await history.add([change], { from: revision - 1, to: revision })
    }
    while (revision < 400) await add()
    const full = await history.status()
    assert(free() > 30, `${free()} MB are left`)
    assert(full.since > 1 && full.bytes > 5 << 20, JSON.stringify(full))
    assert.equal((await history.changesOf({ key: '/a', limit: 1 }))[0]?.revision, 400)
    assert.deepEqual(notes, ['Error: the history has to let changes go, since the disk is nearly full'])

    writeFileSync(join(disk, 'large'), new Uint8Array(20 << 20))
    for (let i = 0; i < 5; i++) await add()
    assert(free() > 20, `${free()} MB are left`)
    rmSync(join(disk, 'large'))
    while (revision < 600) await add()
    assert((await history.status()).bytes > 5 << 20)
    await history.close()
  } finally {
    spawnSync('umount', ['--lazy', disk])
  }
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
  await first.add([changeAt(2, { after: new Uint8Array(100_000) })], { from: 1, to: 2 })
  await first.close()
  const file = readFileSync(path)
  writeFileSync(path, file.fill(0xff, 4096, 20_000))
  const told: string[] = []
  const second = await openHistory({ path, onError: ({ message }) => told.push(message) })
  assert.deepEqual(await second.changesOf({ key: '/a' }), [])
  assert.match(told[0] ?? '', /^the history begins anew.*, since its file cannot be read/)
  await second.add([changeAt(5)], { from: 4, to: 6 })
  assert.deepEqual(await second.status(), { revision: 6, since: 4, bytes: 102 })
  await second.close()
})

test('a damaged file whose head can be read leaves behind how far the store was', async () => {
  const path = newPath()
  const first = await openHistory({ path })
  const many = Array.from({ length: 500 }, (_, i) => changeAt(i + 2, { after: new Uint8Array(1000).fill(i) }))
  await first.add(many, { from: 1, to: 501 })
  await first.close()
  const file = readFileSync(path)
  writeFileSync(path, file.fill(0xff, 200_000, 204_096))
  const second = await openHistory({ path, onError: () => {} })
  assert.deepEqual(await second.changesOf({ key: '/a' }), [])
  assert.deepEqual(await second.status(), { revision: 501, since: 501, bytes: 0 })
  await second.close()
})

/** What a failing disk does to a file of SQLite's that nothing in SQLite sees. */
async function damaged(path: string, statement: string): Promise<{ history: History; told: string[] }> {
  const first = await openHistory({ path })
  const changes = [2, 3, 4, 5].map((revision) => changeAt(revision, { after: new Uint8Array(revision) }))
  await first.add(changes, { from: 1, to: 5 })
  await first.close()
  const database = new DatabaseSync(path)
  database.exec(statement)
  database.close()
  const told: string[] = []
  return { history: await openHistory({ path, onError: ({ message }) => told.push(message) }), told }
}

test('a change that is not what was written is left out, and known as a gap', async () => {
  for (const set of ["after = x'00'", 'before_revision = 1', "user = 'mallory'", 'time = time + 1', "key = '/b'"]) {
    const { history, told } = await damaged(newPath(), `UPDATE change SET ${set} WHERE revision = 3`)
    const found = await history.changesOf({ key: '/', end: '0' })
    assert.deepEqual(
      found.map(({ revision }) => revision),
      [5, 4, 2],
      set,
    )
    assert.equal((await history.status()).since, 4)
    assert.deepEqual(told, ['1 changes in the history are damaged and left out; it is whole from revision 4 on'])
    assert.equal((await history.changesOf({ key: '/', end: '0' })).length, 3)
    await history.close()
  }
})

test('a history whose head is not what was written begins anew', async () => {
  for (const name of ['revision', 'since', 'bytes']) {
    const { history, told } = await damaged(newPath(), `UPDATE meta SET value = value + 8 WHERE name = '${name}'`)
    assert.deepEqual(await history.changesOf({ key: '/', end: '0' }), [])
    assert.match(told.join(), /does not know how far the store was, .*the checksum of its head is wrong/)
    assert.deepEqual(await history.status(), { revision: 0, since: 0, bytes: 0 })
    await history.close()
  }
})

test('a file of format 1 is taken over, with checksums and with the ways in which its values are stored', async () => {
  const path = newPath()
  const first = await openHistory({ path })
  const sealed = Buffer.from('k8s:enc:aesgcm:v1:key1:xyz')
  const changes = [changeAt(2, { key: '/registry/secrets/a', after: sealed }), changeAt(3, { key: '/registry/pods/a' })]
  await first.add(changes, { from: 1, to: 4 })
  await first.close()
  const database = new DatabaseSync(path)
  database.exec(
    "ALTER TABLE change DROP COLUMN sum; DROP TABLE seal; DELETE FROM meta WHERE name = 'sum'; PRAGMA user_version = 1",
  )
  database.close()
  const second = await openHistory({ path, onError: (error) => assert.fail(error) })
  assert.deepEqual(
    (await second.changesOf({ key: '/', end: '0' })).map(({ revision }) => revision),
    [3, 2],
  )
  assert.deepEqual(await second.sealed(), [
    { prefix: 'k8s:enc:aesgcm:v1:key1:', key: '/registry/secrets/a', value: Uint8Array.from(sealed) },
  ])
  assert.equal((await second.status()).revision, 4)
  await second.close()
})

test('sumOf() differs with every part of a change', () => {
  const row = {
    revision: 2,
    sub: 1,
    key: 'k',
    before: null,
    before_revision: null,
    after: null,
    user: null,
    time: 5,
    request: null,
  }
  const [one, two] = [Uint8Array.of(1), Uint8Array.of(2)]
  const others = [
    ...[{ revision: 3 }, { sub: 2 }, { key: 'l' }, { before: one }, { before: two }, { after: one }, { after: two }],
    ...[{ before_revision: 1 }, { user: 'u' }, { time: 6 }, { request: 'r' }, { before: new Uint8Array() }],
  ]
  const sums = [row, ...others.map((other) => ({ ...row, ...other }))].map(sumOf)
  assert.equal(new Set(sums).size, sums.length)
})

test('add() takes what it has already for granted, and notices what it was not given', async () => {
  const history = await openHistory({ path: newPath() })
  await history.add([changeAt(2), changeAt(3)], { from: 1, to: 3 })
  await history.add([changeAt(2), changeAt(3), changeAt(4)], { from: 1, to: 5 })
  assert.deepEqual(
    (await history.changesOf({ key: '/a' })).map(({ revision }) => revision),
    [4, 3, 2],
  )
  assert.deepEqual(await history.status(), { revision: 5, since: 1, bytes: 306 })
  await history.add([changeAt(9)], { from: 7, to: 9 })
  assert.deepEqual(await history.status(), { revision: 9, since: 7, bytes: 408 })
  await history.close()
})

test('sealed() tells how values are stored, as long as they are there', async () => {
  const history = await openHistory({ path: newPath(), maxBytes: 200_000 })
  const of = (key: string) => Buffer.from(`k8s:enc:secretbox:v1:${key}:${'x'.repeat(200)}`)
  const secret = (revision: number, after: Uint8Array, before?: Uint8Array) =>
    changeAt(revision, { key: '/registry/secrets/a', after, ...(before && { before }) })
  const prefixes = async () => (await history.sealed()).map(({ prefix, key }) => `${key} ${prefix}`)
  await history.add([changeAt(2, { key: '/registry/pods/a', after: new Uint8Array(3) }), secret(3, of('key1'))], {
    from: 1,
    to: 3,
  })
  assert.deepEqual(await prefixes(), ['/registry/pods/a ', '/registry/secrets/a k8s:enc:secretbox:v1:key1:'])
  await history.add([secret(4, of('key2'), of('key1'))], { from: 3, to: 4 })
  assert.equal((await prefixes()).length, 3)
  const many = Array.from({ length: 700 }, (_, i) => secret(5 + i, of('key2'), of('key2')))
  await history.add(many, { from: 4, to: 704 })
  assert.deepEqual(await prefixes(), ['/registry/secrets/a k8s:enc:secretbox:v1:key2:'])
  await history.close()
})

test('a history that nobody uses goes on where its thread ended', async () => {
  const clock = new VirtualClock()
  const history = await openHistory({ path: newPath(), clock })
  for (const revision of [2, 3, 4]) {
    await history.add([changeAt(revision)], { from: revision - 1, to: revision })
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

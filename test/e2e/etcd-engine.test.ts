/** The engine on a real etcd as a cluster uses it: below a prefix, above an offset, cut off, full, and while another state moves in. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ensurePki } from '#cluster/pki.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { Listener, put, rejectsWith, text } from '#store/conformance/bench.ts'
import { testStore } from '#store/conformance.ts'
import { openEtcdStore } from '#store/etcd/etcd.ts'
import { EtcdError, isUnfinishedMove } from '#store/etcd/etcd-error.ts'
import { importEtcd } from '#store/etcd/import-etcd.ts'
import { KeySpace } from '#store/etcd/key-space.ts'
import { Members } from '#store/etcd/members.ts'
import { Places } from '#store/etcd/places.ts'
import { noteMove, readStanding } from '#store/etcd/revision-offset.ts'
import { Txns } from '#store/etcd/txns.ts'
import { hasCode, type Operation, type Row, type Store, type WatchBatch } from '#store/store.ts'
import { missingEtcd, type TestEtcd, testEtcd } from '#testing/etcd.ts'
import { etcdLink } from '#testing/etcd-link.ts'
import { storeBelow } from '#testing/store-below.ts'

const skip = missingEtcd()
const cause = { user: 'test', time: 1, request: 'test' }
let etcd: TestEtcd

before(async () => {
  if (!skip) etcd = await testEtcd()
})
after(() => etcd?.[Symbol.asyncDispose]())

type Options = Partial<Parameters<typeof openEtcdStore>[0]>

function open(prefix: string, over: Options = {}): Promise<Store> {
  const { endpoints } = etcd
  return openEtcdStore({ endpoints, prefix, name: 'a', clock: systemClock, random: systemRandom, ...over })
}

async function moveIn(prefix: string, rows: readonly Row[] = []): Promise<number> {
  const options = { endpoints: etcd.endpoints, prefix, clock: systemClock }
  return (await importEtcd(options, { rows: () => rows, leases: [], above: 0, replace: true })).revision
}

if (!skip) {
  let opened = 0
  testStore(
    'etcd below a prefix and above an offset',
    async () => {
      const prefix = `/own/${opened++}`
      await moveIn(prefix)
      const store = await open(prefix)
      for (const { id } of await store.leases()) await store.revokeLease(id)
      return storeBelow('/registry/suite', store)
    },
    { virtualLeases: "etcd's leases run on its own clock" },
  )
}

test('a move into etcd ends the servers that are at work on it, and the next ones begin above', { skip }, async () => {
  const failed = Promise.withResolvers<Error>()
  const old = await open('/moved', { onFatal: failed.resolve })
  const last = await put(old, '/registry/a', 'old')
  const revision = await moveIn('/moved', [row('/registry/a', 'new')])
  assert.match((await failed.promise).message, /another state was moved into this etcd/)
  for (const call of [old.range({ key: '/registry/a' }), put(old, '/registry/a'), old.status(), old.requestProgress()]) {
    await assert.rejects(call, /another state was moved into this etcd/)
  }
  const young = await open('/moved')
  assert((await young.status()).revision >= revision && revision > last + 1_000_000)
  assert.equal(text((await young.range({ key: '/registry/a' })).rows[0]?.value), 'new')
  await old.close()
  await young.close()
})

test('a server that has not yet heard of a move writes nothing into the state that moved in', { skip }, async () => {
  const members = new Members({ endpoints: etcd.endpoints, clock: systemClock })
  const keys = new KeySpace('/fenced')
  const moves: string[] = []
  const about = { members, keys, places: new Places(), name: 'deaf', random: systemRandom, onMoved: () => moves.push('moved') }
  const txns = new Txns(about)
  const write = (...success: Operation[]) => txns.run({ compare: [], success, cause })
  const operation = { op: 'put', key: '/registry/a', value: Buffer.from('x') } as const
  await write(operation)
  await noteMove(members, keys)
  await assert.rejects(write(operation), /another state was moved in/)
  await moveIn('/fenced', [row('/registry/b', 'moved in')])
  await assert.rejects(write(operation), /another state was moved in/)
  await assert.rejects(write({ op: 'delete', key: '/registry/b' }), /another state was moved in/)
  assert.deepEqual(moves, ['moved', 'moved', 'moved'])
  const { revision, offset } = await readStanding(members, keys)
  Object.assign(keys, { movedAt: revision, offset })
  const [read] = (await write({ op: 'range', key: '/registry/', end: '/registry0' })).results
  assert.deepEqual(read?.op === 'range' && read.rows.map(({ key }) => key), ['/registry/b'])
  await write(operation)
  members.close()
})

test('a server that is cut off while etcd compacts tells its watchers that events are missing, and goes on', {
  skip,
}, async () => {
  await using link = await etcdLink(etcd.endpoints[0] as string)
  const far = await open('/cut', { endpoints: [link.endpoint] })
  const near = await open('/cut', { name: 'b' })
  const first = await put(near, '/registry/a', '1')
  const listener = Listener.below(far, '/registry/')
  const other = Listener.below(near, '/registry/', first)
  await far.requestProgress()
  link.cut()
  for (const value of ['2', '3', '4']) await put(near, '/registry/a', value)
  const compacted = await put(near, '/registry/a', '5')
  await near.compact(compacted)
  const newest = await put(near, '/registry/a', '6')
  link.mend()
  await far.requestProgress()
  await listener.saw('compacted')
  assert(listener.batches.at(-1)?.type === 'compacted')
  assert.deepEqual(
    listener.events.filter(({ row }) => row.revision > first),
    [],
    'no part of what is missing',
  )
  assert.equal(text((await far.range({ key: '/registry/a' })).rows[0]?.value), '6')
  const resumed = Listener.below(far, '/registry/', newest)
  await put(far, '/registry/b')
  await resumed.count(2)
  assert.deepEqual(resumed.log, ['put /registry/a', 'put /registry/b'])
  await rejectsWith(far.range({ key: '/registry/a', revision: first }), 'Compacted')
  await other.count(7)
  await far.close()
  await near.close()
})

test('a server that is cut off during a move learns of it when it comes back', { skip }, async () => {
  await using link = await etcdLink(etcd.endpoints[0] as string)
  const failed = Promise.withResolvers<Error>()
  const far = await open('/away', { endpoints: [link.endpoint], onFatal: failed.resolve })
  await put(far, '/registry/a')
  const seen: WatchBatch[] = []
  far.watch({ key: '/registry/', end: '/registry0', signal: new AbortController().signal }, (batch) => seen.push(batch))
  link.cut()
  await moveIn('/away', [row('/registry/a', 'new')])
  link.mend()
  assert.match((await failed.promise).message, /another state was moved into this etcd/)
  assert.deepEqual(seen, [])
  await far.close()
})

test('a move that was cut short is known to be so, and the next one begins anew', { skip }, async () => {
  const options = { endpoints: etcd.endpoints, prefix: '/short', clock: systemClock }
  const many = Array.from({ length: 500 }, (_, i) => row(`/registry/${i}`, 'x'))
  let asked = 0
  // Once it is looked through, and then it ends too early.
  async function* cutShort() {
    const isCut = asked++ > 0
    yield* many.slice(0, isCut ? 300 : undefined)
    if (isCut) throw new Error('cut short')
  }
  await assert.rejects(importEtcd(options, { rows: cutShort, leases: [], above: 7, replace: false }), /cut short/)
  await assert.rejects(open('/short'), (error) => error instanceof EtcdError && isUnfinishedMove(error))
  const whole = await importEtcd(options, { rows: () => many.slice(100), leases: [], above: 7, replace: false })
  assert.equal(whole.rows, 400)
  const store = await open('/short')
  assert.equal((await store.range({ key: '/registry/', end: '/registry0' })).count, 400, 'nothing of the first is left')
  assert((await store.status()).revision >= whole.revision)
  await store.close()
  await assert.rejects(
    importEtcd(options, { rows: () => many, leases: [], above: 7, replace: false }),
    /etcd holds 400 keys below \/short already/,
  )
})

test("keys that are not the API's keep their names in etcd, and overwrite nothing there", { skip }, async () => {
  const all = await openEtcdStore({ endpoints: etcd.endpoints, name: 'all', clock: systemClock, random: systemRandom })
  const [api, other, astral] = [row('/registry/a', '1'), row('/other/a', '1'), row('\u{1f600}/a', '1')]
  const options = { endpoints: etcd.endpoints, prefix: '/others', clock: systemClock }
  const move = (...rows: Row[]) => importEtcd(options, { rows: () => rows, leases: [], above: 0, replace: true })
  assert.equal((await move(row('compact_rev_key', '7'), api, other, astral)).rows, 3)
  for (const key of ['/others/a', '/other/a', '\u{1f600}/a']) {
    assert.equal(text((await all.range({ key })).rows[0]?.value), '1', key)
  }
  assert.equal((await move(api, other)).rows, 2, 'the same may be moved again')
  await put(all, '/other/a', 'somebody else')
  const many = Array.from({ length: 120 }, (_, i) => row(`/others/${i}`, 'x'))
  await assert.rejects(
    move(row('/registry/a', '2'), other, ...many),
    /have other values in etcd, and are not overwritten: \/other\/a, \/others\/0, .* and 116 more$/,
  )
  assert.equal(text((await all.range({ key: '/others/a' })).rows[0]?.value), '1', 'nothing was moved')
  await all.close()
})

test('etcd with TLS is believed by its certificate, and lets in who shows one', { skip }, async () => {
  const files = mkdtempSync(join(tmpdir(), 'nami-etcd-tls-'))
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => rmSync(files, { recursive: true }))
  const [pki, foreign] = await Promise.all(
    ['own', 'foreign'].map((name) => ensurePki(join(files, name), { addresses: ['127.0.0.1'] })),
  )
  assert(pki && foreign)
  const file = (name: string) => join(files, 'own', name)
  await using secure = await testEtcd({
    tls: { ca: file('ca.crt'), certificate: file('apiserver.crt'), key: file('apiserver.key') },
  })
  const from = (text: string) => Buffer.from(text)
  const tls = { ca: from(pki.ca.certificate), certificate: from(pki.admin.certificate), key: from(pki.admin.key) }
  const store = await open('/registry', { endpoints: secure.endpoints, tls })
  const listener = Listener.below(store, '/registry/')
  await put(store, '/registry/a', 'secret')
  await listener.count(1)
  assert.equal(text((await store.range({ key: '/registry/a' })).rows[0]?.value), 'secret')
  await store.close()
  const { admin } = foreign
  const wrong = [
    { ca: tls.ca },
    { ...tls, ca: from(foreign.ca.certificate) },
    { ca: tls.ca, certificate: from(admin.certificate), key: from(admin.key) },
  ]
  const quick = { endpoints: secure.endpoints, attempt: 500, patience: 1_000 }
  await Promise.all(wrong.map((one) => assert.rejects(open('/registry', { ...quick, tls: one }), { name: 'EtcdError' })))
})

test("a lease runs out on etcd's clock, with its keys", { skip }, async () => {
  const store = await open('/leased')
  const { id, ttl } = await store.grantLease(1)
  await put(store, '/registry/events/e', 'x', id)
  const listener = Listener.below(store, '/registry/')
  const began = systemClock.monotonic()
  await store.keepAliveLease(id)
  await listener.count(1)
  assert.deepEqual(listener.log, ['delete /registry/events/e'])
  assert(systemClock.monotonic() - began > ttl * 900)
  await rejectsWith(store.keepAliveLease(id), 'LeaseNotFound')
  await rejectsWith(put(store, '/registry/events/e', 'x', id), 'LeaseNotFound')
  await store.close()
})

test('a full etcd refuses writes with an alarm, lets deletions through, and takes writes again when there is space', {
  skip,
}, async () => {
  await using small = await testEtcd({ args: ['--quota-backend-bytes', `${16 << 20}`] })
  const store = await open('/registry', { endpoints: small.endpoints })
  const large = 'x'.repeat(1_000_000)
  const fill = async () => {
    for (let i = 0; i < 40; i++) await put(store, `/registry/configmaps/${i}`, large)
  }
  await assert.rejects(fill(), (error) => hasCode(error, 'NoSpace'))
  await rejectsWith(put(store, '/registry/a'), 'NoSpace')
  assert.equal(text((await store.range({ key: '/registry/configmaps/0' })).rows[0]?.value), large)
  const { rows } = await store.range({ key: '/registry/configmaps/', end: '/registry/configmaps0', keysOnly: true })
  const success = rows.map(({ key }): Operation => ({ op: 'delete', key }))
  const { succeeded, revision } = await store.txn({ compare: [], success, cause })
  assert(succeeded)
  assert.equal((await store.range({ key: '/registry/', end: '/registry0' })).count, 0)
  await rejectsWith(put(store, '/registry/a'), 'NoSpace')
  await until(async () => (await store.status()).alarm === 'NoSpace')
  await store.compact(revision)
  await ask(small, 'maintenance/defragment', {})
  const { alarms } = await ask<{ alarms: object[] }>(small, 'maintenance/alarm', {})
  for (const alarm of alarms) await ask(small, 'maintenance/alarm', { action: 'DEACTIVATE', ...alarm })
  await put(store, '/registry/a')
  await until(async () => (await store.status()).alarm === undefined)
  await store.close()
})

async function ask<T>({ endpoints: [endpoint] }: TestEtcd, path: string, body: object): Promise<T> {
  const answer = await fetch(`${endpoint}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) })
  return (await answer.json()) as T
}

/** The store asks etcd how it is every few seconds. */
async function until(done: () => Promise<boolean>): Promise<void> {
  const deadline = systemClock.monotonic() + 20_000
  while (!(await done())) assert(systemClock.monotonic() < deadline, 'it does not come')
}

function row(key: string, value: string): Row {
  return { key, value: Buffer.from(value), revision: 1, subRevision: 0, createRevision: 1, version: 1, lease: 0 }
}

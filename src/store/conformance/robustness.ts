/**
 * What etcd's robustness tests hold it to: concurrent clients see one order (the key-value model), and watches keep their nine
 * promises (https://etcd.io/docs/v3.6/learning/api_guarantees/): ordered, unique, reliable, atomic, resumable, bookmarkable, with
 * previous values, with creations told from changes, and only of the range and from the revision that was asked.
 */
import assert from 'node:assert/strict'
import { seededRandom } from '#lib/random.ts'
import { checkLinearizable, type Recorded } from '#testing/linearizability.ts'
import { prefixEnd, type Store, type StoreEvent, type WatchBatch } from '../store.ts'
import { Listener, type Open, put, putOf, rejectsWith, storeTest, text, write } from './bench.ts'
import { judgeRevisions } from './judge-revisions.ts'
import { type Input, type Output, perform, Recording, runClients, storeModel } from './recorded-client.ts'
import { type Call, callOnce } from './recorded-store.ts'

const all = { key: '/', end: prefixEnd('/') }

export function testRobustness(name: string, open: Open): void {
  testModel(name, open)
  testOrder(name, open)
  testWatchPromises(name, open)
  testEdges(name, open)
}

function testModel(name: string, open: Open): void {
  for (const seed of [1, 2, 3]) {
    storeTest(`${name}: concurrent clients see one order of everything (seed ${seed})`, open, async ({ store }) => {
      const recording = new Recording()
      await runClients({ store, random: seededRandom(seed), clients: 12, each: 25, keys: 5, told: recording })
      const keys = Array.from({ length: 5 }, (_, i) => `/k/${i}`)
      const found = await Promise.all(keys.map(async (key) => ({ key, output: await perform(store, { op: 'read', key }) })))
      const verdict = checkLinearizable(storeModel, recording.history(found))
      if (!verdict.ok) assert.fail(JSON.stringify(verdict))
      const writes = recording.history().filter(wrote)
      const revisions = writes.map(({ output }) => output?.revision)
      assert.equal(new Set(revisions).size, revisions.length, 'a revision was given twice')
      for (const one of writes) {
        for (const other of writes) {
          if (one.answered >= other.called) continue
          assert((one.output?.revision ?? 0) < (other.output?.revision ?? 0), 'a later write has the lower revision')
        }
      }
    })
  }
}

/** Ranges and txns over several keys are snapshots of one revision, and fit one order with everything else. */
function testOrder(name: string, open: Open): void {
  for (const seed of [1, 2]) {
    storeTest(
      `${name}: txns, ranges, old revisions, leases and compactions fit one order (seed ${seed})`,
      open,
      async (bench) => {
        const { store, base } = bench
        const [calls, keys]: [Call[], number] = [[], 6]
        const listener = Listener.below(store, '/k/')
        const random = seededRandom(seed)
        const client = async (i: number) => {
          for (let round = 0; round < 25; round++) await callOnce({ store, calls, random, name: `${i}`, keys }, round)
        }
        await Promise.all(Array.from({ length: 8 }, (_, i) => client(i)))
        await listener.current(store, (await store.status()).revision)
        assert.deepEqual(judgeRevisions(calls, listener.events, base), [])
        assert(calls.length > 100)
      },
    )
  }
}

function testWatchPromises(name: string, open: Open): void {
  storeTest(`${name}: watches keep their promises while clients write`, open, async ({ store, base }) => {
    const recording = new Recording()
    const early = Listener.below(store, '/')
    const narrow = new Listener(store, { key: '/k/1' })
    const running = runClients({ store, random: seededRandom(4), clients: 10, each: 30, keys: 4, told: recording })
    await early.count(20)
    const middle = (early.events[10] as StoreEvent).row.revision
    const resumed = Listener.below(store, '/', middle)
    await store.requestProgress()
    await running
    const { revision } = await store.status()
    for (const listener of [early, narrow, resumed]) await listener.current(store, revision)

    const answered = recording.history().filter(wrote)
    const written = answered.map(({ output }) => output?.revision as number).sort((a, b) => a - b)
    const { events } = early
    assertOrdered(events)
    assert.deepEqual([...new Set(events.map(({ row }) => row.revision))], written, 'reliable: every write that was answered')
    assert.deepEqual(resumed.events.map(placeOf), events.filter(({ row }) => row.revision >= middle).map(placeOf), 'resumable')
    assert.deepEqual(narrow.events.map(placeOf), events.filter(({ row }) => row.key === '/k/1').map(placeOf), 'filtered')
    for (const listener of [early, narrow, resumed]) assertBookmarks(listener.batches)
    assertPrevious(events)
    await assertReplays(store, events, base)
  })

  storeTest(`${name}: watch() never splits a revision, whatever its size`, open, async ({ store }) => {
    const listener = Listener.below(store, '/')
    const many = (prefix: string) => Array.from({ length: 100 }, (_, i) => putOf(`/${prefix}/${`${i}`.padStart(3, '0')}`))
    const results = await Promise.all(['a', 'b', 'c'].map((prefix) => write(store, ...many(prefix))))
    await listener.count(300)
    for (const { revision } of results) {
      const batches = listener.batches.filter(
        (batch) => batch.type === 'events' && batch.events.some(({ row }) => row.revision === revision),
      )
      assert.equal(batches.length, 1)
    }
    assertOrdered(listener.events)
  })
}

function testEdges(name: string, open: Open): void {
  storeTest(
    `${name}: a watch resumed at each revision gets the rest, or hears that it is compacted`,
    open,
    async ({ store, base }) => {
      for (let i = 0; i < 6; i++) await put(store, `/k/${i % 2}`, `${i}`)
      await store.compact(base + 3)
      for (let from = base + 1; from <= base + 7; from++) {
        const listener = Listener.below(store, '/', from)
        if (from < base + 3) {
          await listener.saw('compacted')
          assert.deepEqual(listener.events, [])
          continue
        }
        await listener.current(store, base + 6)
        const revisions = listener.events.map(({ row }) => row.revision - base)
        assert.deepEqual(revisions, [3, 4, 5, 6].slice(from - base - 3), `from ${from - base}`)
      }
      await rejectsWith(store.range({ ...all, revision: base + 2 }), 'Compacted')
      assert.equal(text((await store.range({ key: '/k/0', revision: base + 3 })).rows[0]?.value), '2')
    },
  )

  storeTest(`${name}: leases() tells what runs`, open, async ({ store }) => {
    const [first, second] = [await store.grantLease(60), await store.grantLease(90)]
    const ids = async () => (await store.leases()).map(({ id, ttl }) => `${id} ${ttl}`).sort()
    assert.deepEqual(await ids(), [`${first.id} 60`, `${second.id} 90`].sort())
    await store.revokeLease(first.id)
    assert.deepEqual(await ids(), [`${second.id} 90`])
  })
}

/** To delete what is not there succeeds and writes nothing. */
function wrote({ input, output }: Recorded<Input, Output>): boolean {
  return input.op !== 'read' && output?.ok === true && !(input.op === 'remove' && input.revision === 0)
}

function placeOf({ type, row }: StoreEvent): string {
  return `${type} ${row.key} ${row.revision}.${row.subRevision} ${text(row.value)}`
}

/** By revision and place in it, and none twice. */
function assertOrdered(events: readonly StoreEvent[]): void {
  for (const [i, { row }] of events.entries()) {
    const before = events[i - 1]?.row
    if (!before) continue
    const isLater = row.revision > before.revision || (row.revision === before.revision && row.subRevision > before.subRevision)
    assert(isLater, `${row.revision}.${row.subRevision} after ${before.revision}.${before.subRevision}`)
  }
}

/** After a progress of revision R comes nothing at or below R, and no revision is promised that goes back. */
function assertBookmarks(batches: readonly WatchBatch[]): void {
  let told = 0
  for (const batch of batches) {
    assert(batch.type !== 'compacted')
    if (batch.type === 'events') for (const { row } of batch.events) assert(row.revision > told, `${row.revision} after ${told}`)
    assert(batch.revision >= told)
    told = batch.revision
  }
}

function assertPrevious(events: readonly StoreEvent[]): void {
  const rows = new Map<string, StoreEvent['row']>()
  for (const { type, row, previous } of events) {
    const before = rows.get(row.key)
    assert.deepEqual(
      [previous?.revision, text(previous?.value)],
      [before?.revision, text(before?.value)],
      `before ${row.revision}`,
    )
    if (type === 'delete') {
      assert(before, 'only what was there is deleted')
      rows.delete(row.key)
      continue
    }
    const isNew = row.createRevision === row.revision
    assert.equal(isNew, !before, 'a creation is told from a change')
    assert.deepEqual([row.version, row.createRevision], before ? [before.version + 1, before.createRevision] : [1, row.revision])
    rows.set(row.key, row)
  }
}

/** What the events add up to at any revision is what a range says of it. */
async function assertReplays(store: Store, events: readonly StoreEvent[], base: number): Promise<void> {
  const { revision } = await store.status()
  for (let at = base; at <= revision; at += 7) {
    const rows = new Map<string, string | undefined>()
    for (const { type, row } of events) {
      if (row.revision > at) break
      if (type === 'put') rows.set(row.key, text(row.value))
      else rows.delete(row.key)
    }
    const found = await store.range({ ...all, revision: at })
    const seen = found.rows.map(({ key, value }) => [key, text(value)])
    assert.deepEqual(seen, [...rows].sort(), `at ${at - base}`)
  }
}

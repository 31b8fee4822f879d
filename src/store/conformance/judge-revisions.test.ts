import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { openMemoryStore } from '../memory.ts'
import type { Row, StoreEvent, Txn } from '../store.ts'
import { Listener, putOf, write } from './bench.ts'
import { judgeRevisions } from './judge-revisions.ts'
import type { Call } from './recorded-store.ts'

const all = { key: '/k/', end: '/k0' }

/** Two writes of two keys each, a range after each of them, and a deletion; all as it should be. */
async function sound(): Promise<{ calls: Call[]; events: StoreEvent[] }> {
  const store = openMemoryStore({ clock: new VirtualClock() })
  const listener = Listener.below(store, '/k/')
  const calls: Call[] = []
  const txns: Txn['success'][] = [
    [putOf('/k/a', '1'), putOf('/k/b', '1')],
    [putOf('/k/a', '2'), putOf('/k/b', '2'), { op: 'range', ...all }],
    [{ op: 'delete', ...all, end: '/k/b' }],
  ]
  for (const success of txns) {
    const at = calls.length * 2
    const request = { compare: [], success, cause: { user: '', time: 0, request: '' } }
    calls.push({ type: 'txn', request, called: at, answered: at + 1, answer: await write(store, ...success) })
    calls.push({ type: 'range', request: all, called: at + 2, answered: at + 3, answer: await store.range(all) })
  }
  await listener.count(5)
  await store.close()
  return { calls, events: listener.events }
}

const stale = (row: Row): Row => ({ ...row, value: Buffer.from('1'), revision: 2, version: 1 })

/** What a broken store would tell. */
const faults: readonly [name: string, found: RegExp, break_: (calls: Call[], events: StoreEvent[]) => void][] = [
  [
    'half of a txn in a range',
    /answered/,
    (calls) => alter(calls[3], ({ rows }) => ({ rows: rows.map((row, i) => (i ? stale(row) : row)) })),
  ],
  ['an old state under a new revision', /answered/, (calls) => alter(calls[3], () => ({ rows: rangeOf(calls[1]).rows }))],
  ['an old state and its revision', /began when revision 3/, (calls) => alter(calls[3], () => ({ ...rangeOf(calls[1]) }))],
  ['a row too few', /answered/, (calls) => alter(calls[5], () => ({ rows: [] }))],
  ['a wrong count', /answered/, (calls) => alter(calls[5], () => ({ count: 2 }))],
  ['a revision given twice', /given twice/, (calls) => alter(calls[2], () => ({ revision: 2 }))],
  [
    'revisions against the order of time',
    /began when revision 4/,
    (calls) => Object.assign(calls[0] as Call, { called: 90, answered: 91 }),
  ],
  ['a write that no watch tells', /the watch told/, (_, events) => events.splice(0, 1)],
  [
    'an event with another value',
    /the watch told/,
    (_, events) => events.splice(0, 1, { ...first(events), row: stale(first(events).row), type: 'delete' }),
  ],
  ['a write that nobody made', /nobody asked for/, (calls) => calls.splice(0, 1)],
]

for (const [name, found, break_] of faults) {
  test(`judgeRevisions() finds ${name}`, async () => {
    const { calls, events } = await sound()
    assert.deepEqual(judgeRevisions(calls, events, 1), [])
    break_(calls, events)
    assert.match(judgeRevisions(calls, events, 1).join('\n'), found)
  })
}

test('judgeRevisions() takes a write without an answer as done once, or never', async () => {
  const { calls, events } = await sound()
  for (const call of calls) {
    if (call.type !== 'txn') continue
    delete call.answer
    call.answered = Number.POSITIVE_INFINITY
  }
  assert.deepEqual(judgeRevisions(calls, events, 1), [])
  const again = { ...first(events), row: { ...first(events).row, revision: 9, createRevision: 9 } }
  const twice = judgeRevisions(
    calls.map((call) => ({ ...call, isCounted: false }) as Call),
    [...events, again],
    1,
  )
  assert.match(twice.join(), /nobody asked for put/)
})

function first(events: readonly StoreEvent[]): StoreEvent {
  return events[0] as StoreEvent
}

function rangeOf(call: Call | undefined) {
  if (call?.type !== 'range' || !call.answer) throw new Error('no range')
  return call.answer
}

function alter(call: Call | undefined, change: (answer: { rows: readonly Row[] }) => object): void {
  Object.assign(call as Call, { answer: { ...call?.answer, ...change(call?.answer as never) } })
}

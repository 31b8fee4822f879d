/** That the judge of the power cut test finds what it is there to find. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Random } from '#lib/random.ts'
import { Ledger } from '../ledger.ts'
import type { Lease, Operation } from '../store.ts'
import { Heard, keysOfLease, type Recovered, type Told, type ToldEvent } from './told.ts'
import { TracedFiles } from './traced-files.ts'

const cause = { user: 'u', time: 0, request: '' }
const text = (value: string) => Buffer.from(value)

/** A store with these writes, one revision each, from 2 on. */
function recovered(writes: readonly Operation[][], leases: readonly Lease[] = []): Recovered {
  const ledger = new Ledger()
  for (const success of writes) ledger.decide({ compare: [], success, cause }, () => true)
  ledger.settle(ledger.revision)
  return { ledger, leases, rows: ledger.range({ key: '/', end: '0' }).rows }
}

const put = (key: string, value: string, lease = 0): Operation => ({ op: 'put', key, value: text(value), lease })
const event = (revision: number, value: string, sub = 0): ToldEvent => [revision, sub, 'put', '/k/0', value]
const two = [[put('/k/0', 'a')], [put('/k/0', 'b')]]
const asked: readonly Told[] = ['a', 'b'].flatMap((value, id) => [{ id, input: { op: 'put', key: '/k/0', value } }])
const answered = (id: number): Told => ({ id, output: { ok: true, revision: id + 2 } })
const lease: Lease = { id: 7, ttl: 60 }
const onLease = keysOfLease(7).map((key) => put(key, 'x', 7))

const cases: readonly [string, readonly Told[], Recovered, RegExp | undefined][] = [
  [
    'what was acknowledged and told is there',
    [...asked, answered(1), { events: [event(2, 'a'), event(3, 'b')] }],
    recovered(two),
    undefined,
  ],
  ['what is not yet told follows', [...asked, { events: [event(2, 'a')] }], recovered(two), undefined],
  ['an acknowledged write is lost', [...asked, answered(0), answered(1)], recovered(two.slice(0, 1)), /stuck/],
  ['a value is there that nobody wrote', asked, recovered([[put('/k/0', 'phantom')]]), /stuck/],
  [
    'a watch was told what is not durable',
    [...asked, { events: [event(2, 'a'), event(3, 'b')] }],
    recovered(two.slice(0, 1)),
    /the store ends at 2/,
  ],
  ['a watch heard of something else', [...asked, { events: [event(2, 'b')] }], recovered(two), /what a watch was told/],
  ['an event is missing', [...asked, { events: [event(3, 'b')] }], recovered(two), /a watch hears of 3 0/],
  [
    'an event comes twice',
    [...asked, { events: [event(2, 'a'), event(2, 'a')] }],
    recovered(two),
    /after 2.0 a watch hears of 2 0/,
  ],
  ['a granted lease is lost', [{ lease: 7, is: 'granted' }], recovered([]), /lease 7, granted, is lost/],
  ['a revoked lease is back', [{ lease: 7, is: 'revoked' }], recovered([], [lease]), /is back/],
  ['keys of a lease are lost', [{ lease: 7, is: 'attached' }], recovered([], [lease]), /has lost keys/],
  ['one of two keys is there', [{ lease: 7, is: 'attaching' }], recovered([onLease.slice(0, 1)], [lease]), /has one of two keys/],
  ['a lease is revoked by halves', [{ lease: 7, is: 'revoking' }], recovered([], [lease]), /is revoked by halves/],
  ['a lease that nobody granted', [], recovered([], [lease]), /nobody asked for lease 7/],
]

for (const [what, told, found, expected] of cases) {
  test(`Heard.judge(): ${what}`, () => {
    const heard = new Heard({ rows: [], leases: [], from: 2 })
    for (const one of told) heard.hear(one)
    if (expected) assert.throws(() => heard.judge(found, 'here'), expected)
    else heard.judge(found, 'here')
  })
}

test('TracedFiles.cut() may lose what returned after a sync began, and names whose folder was not synced', () => {
  const lost = () => files.cut({ next: () => 0 } as Random)
  const data = (value: string) => Buffer.from(value)
  const files = new TracedFiles()
  files.apply({ type: 'create', call: 1, file: 'f' })
  files.apply({ type: 'returned', call: 1, file: 'f' })
  files.apply({ type: 'write', call: 2, file: 'f', offset: 0, data: data('aa') })
  files.apply({ type: 'returned', call: 2, file: 'f' })
  files.apply({ type: 'write', call: 3, file: 'f', offset: 2, data: data('bb') })
  files.apply({ type: 'sync', call: 4, file: 'f' })
  files.apply({ type: 'returned', call: 3, file: 'f' })
  assert.deepEqual(lost(), new Map())
  files.apply({ type: 'returned', call: 4, file: 'f' })
  assert.deepEqual(lost(), new Map(), 'its name is not there yet')
  files.apply({ type: 'syncNames', call: 5, folder: '' })
  files.apply({ type: 'returned', call: 5, file: '' })
  assert.equal(String(lost().get('f')), 'aa')
  assert.equal(String(files.killed().get('f')), 'aabb')
  files.apply({ type: 'unlink', call: 6, file: 'f' })
  files.apply({ type: 'returned', call: 6, file: 'f' })
  assert.deepEqual([files.killed().size, String(lost().get('f'))], [0, 'aa'])
})

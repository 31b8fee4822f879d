/** The contract of `Store.txn`. */
import assert from 'node:assert/strict'
import { type Compare, create, prefixEnd, remove, update } from '../store.ts'
import { bytes, cause, del, guarded, keys, type Open, put, putOf, rejectsWith, storeTest, text, write } from './bench.ts'

/** Comparisons on `/a`, written twice with value `m` and without lease, and on `/none`, which is not there. */
const comparisons: [Omit<Compare, 'operand'>, 'less' | 'equal' | 'greater'][] = (
  ['revision', 'createRevision', 'version'] as const
)
  .flatMap((target) => [compare(target, '='), compare(target, '!='), compare(target, '<'), compare(target, '>')])
  .flatMap((one) => [[one, 'less'] as const, [one, 'equal'] as const, [one, 'greater'] as const])
  .map(([one, side]) => [one, side])

function compare(target: Compare['target'], op: Compare['op']): Omit<Compare, 'operand'> {
  return { key: '/a', target, op }
}

/** What `row.target OP operand` is when the row's value is less than, equal to or greater than the operand. */
const truth = { '=': ['equal'], '!=': ['less', 'greater'], '<': ['less'], '>': ['greater'] }

export function testTxn(name: string, open: Open): void {
  testCompares(name, open)
  testWrites(name, open)
  testShortForms(name, open)
}

function testCompares(name: string, open: Open): void {
  storeTest(`${name}: txn() compares revision, createRevision and version`, open, async ({ store }) => {
    await put(store, '/a')
    await put(store, '/a')
    const [row] = (await store.range({ key: '/a' })).rows
    assert(row)
    for (const [one, side] of comparisons) {
      const operand = row[one.target as 'version'] + { less: 1, equal: 0, greater: -1 }[side]
      const { succeeded } = await guarded(store, { ...one, operand })
      assert.equal(succeeded, truth[one.op].includes(side), `${one.target} ${one.op}, row is ${side}`)
    }
  })

  storeTest(`${name}: txn() compares values by bytes, and never for an absent key`, open, async ({ store }) => {
    await put(store, '/a', 'm')
    const cases = [
      { op: '=', operand: 'm', holds: true },
      { op: '=', operand: 'mm', holds: false },
      { op: '!=', operand: 'n', holds: true },
      { op: '<', operand: 'ma', holds: true },
      { op: '>', operand: 'b', holds: true },
      { op: '>', operand: 'm', holds: false },
    ] as const
    for (const { op, operand, holds } of cases) {
      const { succeeded } = await guarded(store, { key: '/a', target: 'value', op, operand: bytes(operand) })
      assert.equal(succeeded, holds, `value ${op} ${operand}`)
    }
    for (const op of ['=', '!=', '<', '>'] as const) {
      assert(!(await guarded(store, { key: '/none', target: 'value', op, operand: bytes('') })).succeeded)
    }
  })

  storeTest(`${name}: txn() takes an absent key as zeros`, open, async ({ store }) => {
    for (const target of ['revision', 'createRevision', 'version', 'lease'] as const) {
      assert((await guarded(store, { key: '/none', target, op: '=', operand: 0 })).succeeded, target)
      assert(!(await guarded(store, { key: '/none', target, op: '>', operand: 0 })).succeeded, target)
    }
    await put(store, '/gone')
    await del(store, '/gone')
    assert((await guarded(store, { key: '/gone', target: 'revision', op: '=', operand: 0 })).succeeded)
  })

  storeTest(`${name}: txn() compares all rows of a range`, open, async ({ store }) => {
    const seen = await put(store, '/r/1')
    await put(store, '/r/2')
    const range = { key: '/r/', end: prefixEnd('/r/'), target: 'revision' } as const
    assert((await guarded(store, { ...range, op: '>', operand: 0 })).succeeded)
    assert(!(await guarded(store, { ...range, op: '=', operand: seen })).succeeded)
    const nothing = { ...range, key: '/s/', end: prefixEnd('/s/') }
    assert((await guarded(store, { ...nothing, op: '=', operand: 0 })).succeeded)
    assert(!(await guarded(store, { ...nothing, op: '>', operand: 0 })).succeeded)
  })

  storeTest(`${name}: txn() takes the success branch only when all comparisons hold`, open, async ({ store, base }) => {
    const there: Compare = { key: '/a', target: 'version', op: '>', operand: 0 }
    const absent: Compare = { key: '/b', target: 'version', op: '=', operand: 0 }
    const request = { compare: [there, absent], success: [putOf('/yes')], failure: [putOf('/no')], cause }
    assert.deepEqual(pick(await store.txn(request)), { succeeded: false, revision: base + 1 })
    await put(store, '/a')
    assert.deepEqual(pick(await store.txn(request)), { succeeded: true, revision: base + 3 })
    assert.deepEqual(await keys(store, '/'), ['/a', '/no', '/yes'])
  })
}

function testWrites(name: string, open: Open): void {
  storeTest(`${name}: txn() numbers its writes and gives them one revision`, open, async ({ store, base }) => {
    await put(store, '/b', 'old')
    const { revision, results } = await write(store, putOf('/c'), putOf('/b', 'new'), { op: 'delete', key: '/none' }, putOf('/a'))
    assert.equal(revision, base + 2)
    const { rows } = await store.range({ key: '/', end: prefixEnd('/') })
    const facts = rows.map(({ key, value: _, ...rest }) => [key, ...Object.values({ ...rest, lease: 0 })].join(' '))
    const [first, second] = [base + 1, base + 2]
    assert.deepEqual(facts.sort(), [
      `/a ${second} 2 ${second} 1 0`,
      `/b ${second} 1 ${first} 2 0`,
      `/c ${second} 0 ${second} 1 0`,
    ])
    assert.equal(results[1]?.op === 'put' && text(results[1].previous?.value), 'old')
    assert.deepEqual(results[2], { op: 'delete', deleted: [] })
  })

  storeTest(`${name}: txn() that writes nothing takes no revision`, open, async ({ store, base }) => {
    assert.equal((await write(store)).revision, base)
    assert.equal(await del(store, '/none'), base)
    assert.equal((await write(store, { op: 'range', key: '/none' })).revision, base)
    assert.equal(await put(store, '/a'), base + 1)
  })

  storeTest(`${name}: txn() reads its own writes, and ranges within it have limit and count`, open, async ({ store }) => {
    await put(store, '/a/1')
    const all = { op: 'range', key: '/a/', end: prefixEnd('/a/') } as const
    const { results } = await write(store, putOf('/a/2'), { ...all, limit: 1 }, { op: 'delete', key: '/a/1' }, all)
    const [, limited, , whole] = results
    assert(limited?.op === 'range' && whole?.op === 'range')
    assert.deepEqual([limited.rows.map(({ key }) => key), limited.more, limited.count], [['/a/1'], true, 2])
    assert.deepEqual([whole.rows.map(({ key }) => key), whole.more, whole.count], [['/a/2'], false, 1])
  })

  storeTest(`${name}: txn() deletes a range and answers the rows it deleted`, open, async ({ store, base }) => {
    await write(store, putOf('/a/1'), putOf('/a/2'), putOf('/b/1'))
    const { results, revision } = await write(store, { op: 'delete', key: '/a/', end: prefixEnd('/a/') })
    assert.equal(revision, base + 2)
    assert.deepEqual(results[0]?.op === 'delete' && results[0].deleted.map(({ key }) => key), ['/a/1', '/a/2'])
    assert.deepEqual(await keys(store, '/'), ['/b/1'])
  })

  storeTest(`${name}: txn() begins versions anew after a deletion`, open, async ({ store, base }) => {
    await put(store, '/a')
    await put(store, '/a')
    await del(store, '/a')
    await put(store, '/a')
    const [row] = (await store.range({ key: '/a' })).rows
    assert.deepEqual([row?.version, row?.createRevision], [1, base + 4])
  })

  storeTest(`${name}: txn() refuses to write a key twice and changes nothing`, open, async ({ store, base }) => {
    await rejectsWith(write(store, putOf('/a'), putOf('/b'), putOf('/a')), 'DuplicateKey')
    await rejectsWith(write(store, putOf('/a'), { op: 'delete', key: '/', end: prefixEnd('/') }), 'DuplicateKey')
    await rejectsWith(store.txn({ compare: [], success: [], failure: [putOf('/a'), putOf('/a')], cause }), 'DuplicateKey')
    assert.equal((await store.status()).revision, base)
    assert.deepEqual(await keys(store, '/'), [])
  })
}

function testShortForms(name: string, open: Open): void {
  storeTest(`${name}: create() makes a row once and shows what stands there`, open, async ({ store, base }) => {
    const made = await create(store, { key: '/a', value: bytes('1') }, cause)
    assert.deepEqual(made, { ok: true, revision: base + 1 })
    const refused = await create(store, { key: '/a', value: bytes('2') }, cause)
    assert.deepEqual([refused.ok, refused.revision, text(refused.current?.value)], [false, base + 1, '1'])
  })

  storeTest(`${name}: update() and remove() go by the revision last seen`, open, async ({ store, base }) => {
    const seen = await put(store, '/a', '1')
    const next = await update(store, { key: '/a', value: bytes('2'), revision: seen }, cause)
    assert.deepEqual(next, { ok: true, revision: base + 2 })
    const stale = await update(store, { key: '/a', value: bytes('3'), revision: seen }, cause)
    assert.deepEqual([stale.ok, text(stale.current?.value)], [false, '2'])
    assert(!(await remove(store, { key: '/a', revision: seen }, cause)).ok)
    assert((await remove(store, { key: '/a', revision: next.revision }, cause)).ok)
    const gone = await remove(store, { key: '/a', revision: next.revision }, cause)
    assert.deepEqual([gone.ok, gone.current], [false, undefined])
  })
}

function pick({ succeeded, revision }: { succeeded: boolean; revision: number }) {
  return { succeeded, revision }
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eachInTurn, then } from './soon.ts'

test('then() goes on at once where the value is there, and later where it is promised', async () => {
  assert.equal(
    then(2, (value) => value + 1),
    3,
  )
  const later = then(Promise.resolve(2), (value) => value + 1)
  assert(later instanceof Promise)
  assert.equal(await later, 3)
  assert.throws(() =>
    then(1, () => {
      throw new RangeError('no')
    }),
  )
})

test('eachInTurn() makes no promise where no step does', () => {
  const seen: number[] = []
  assert.equal(
    eachInTurn([1, 2, 3], (n) => void seen.push(n)),
    undefined,
  )
  assert.deepEqual(seen, [1, 2, 3])
})

test('eachInTurn() waits for a step before it begins the next', async () => {
  const seen: string[] = []
  const step = (n: number) => {
    seen.push(`begin ${n}`)
    return n === 2 ? Promise.resolve().then(() => void seen.push('end 2')) : undefined
  }
  const done = eachInTurn([1, 2, 3], step)
  assert.ok(done instanceof Promise)
  await done
  assert.deepEqual(seen, ['begin 1', 'begin 2', 'end 2', 'begin 3'])
})

test('eachInTurn() stops at the first step that fails, now or later', async () => {
  const seen: number[] = []
  const failAt = (bad: number, soon: boolean) => (n: number) => {
    seen.push(n)
    if (n !== bad) return
    if (soon) throw new Error('no')
    return Promise.reject(new Error('no'))
  }
  assert.throws(() => eachInTurn([1, 2, 3], failAt(2, true)), { message: 'no' })
  await assert.rejects(async () => eachInTurn([1, 2, 3], failAt(2, false)), { message: 'no' })
  assert.deepEqual(seen, [1, 2, 1, 2])
})

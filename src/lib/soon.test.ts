import assert from 'node:assert/strict'
import { test } from 'node:test'
import { then } from './soon.ts'

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

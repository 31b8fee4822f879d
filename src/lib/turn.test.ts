import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { atEndOfTurn } from './turn.ts'

test('atEndOfTurn() runs a callback once for all calls of a turn, and not within it', async () => {
  let runs = 0
  const callback = () => {
    runs++
  }
  atEndOfTurn(callback)
  atEndOfTurn(callback)
  await Promise.resolve()
  assert.equal(runs, 0)
  await setImmediate()
  assert.equal(runs, 1)
  atEndOfTurn(callback)
  await setImmediate()
  assert.equal(runs, 2)
})

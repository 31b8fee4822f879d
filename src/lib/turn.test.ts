import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { atEndOfTurn, nextTurn, Turnstile } from './turn.ts'

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

test('Turnstile lets a few through in a turn, the others later in their order', async () => {
  const passed: number[] = []
  const turnstile = new Turnstile(3)
  for (let i = 0; i < 8; i++) turnstile.pass(() => passed.push(i))
  assert.deepEqual(passed, [0, 1, 2])
  await setImmediate()
  assert.deepEqual(passed, [0, 1, 2, 3, 4, 5])
  turnstile.pass(() => passed.push(8))
  assert.equal(passed.length, 6, 'nobody overtakes')
  await setImmediate()
  assert.deepEqual(passed, [0, 1, 2, 3, 4, 5, 6, 7, 8])
  await setImmediate()
  turnstile.pass(() => passed.push(9))
  assert.equal(passed.at(-1), 9, 'at once where there is no crowd')
})

test('nextTurn() lets what has happened meanwhile have its turn first', async () => {
  const order: string[] = []
  setImmediate().then(() => order.push('other'))
  await nextTurn()
  await Promise.resolve()
  assert.deepEqual(order, ['other'])
})

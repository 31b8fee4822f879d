import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkLinearizable, type Model, type Recorded } from './linearizability.ts'

type Input = { readonly op: 'read' | 'write'; readonly value?: number; readonly key?: string }

const register: Model<number, Input, number> = {
  initial: 0,
  step: (state, { op, value }, output) => {
    if (op === 'write') return value as number
    return output === undefined || output === state ? state : undefined
  },
  keyOf: String,
  partitionOf: ({ key = '' }) => key,
}

const w = (value: number, called: number, answered: number, key?: string): Recorded<Input, number> => ({
  ...{ input: { op: 'write', value, ...(key && { key }) }, output: 0, called, answered },
})
const r = (output: number, called: number, answered: number, key?: string): Recorded<Input, number> => ({
  ...{ input: { op: 'read', ...(key && { key }) }, output, called, answered },
})
const lost = (value: number, called: number): Recorded<Input, number> => ({
  ...{ input: { op: 'write', value }, output: undefined, called, answered: Number.POSITIVE_INFINITY },
})

const cases: [string, boolean, Recorded<Input, number>[]][] = [
  ['nothing', true, []],
  ['one after the other', true, [w(1, 0, 1), r(1, 2, 3)]],
  ['a read that misses an answered write', false, [w(1, 0, 1), r(0, 2, 3)]],
  ['a read during a write may see either', true, [w(1, 0, 9), r(0, 1, 2), r(1, 3, 4)]],
  ['but not the new value and then the old', false, [w(1, 0, 9), r(1, 1, 2), r(0, 3, 4)]],
  ['two concurrent writes in either order', true, [w(1, 0, 9), w(2, 0, 9), r(2, 10, 11), r(2, 12, 13)]],
  ['not both last', false, [w(1, 0, 9), w(2, 0, 9), r(2, 10, 11), r(1, 12, 13)]],
  ['a write without an answer may have happened', true, [lost(1, 0), r(0, 1, 2), r(1, 3, 4)]],
  ['or not', true, [lost(1, 0), r(0, 5, 6)]],
  ['but not be undone', false, [lost(1, 0), r(1, 1, 2), r(0, 3, 4)]],
  ['nor before its call', false, [r(1, 0, 1), lost(1, 2)]],
  ['a value from nowhere', false, [w(1, 0, 1), r(7, 2, 3)]],
  ['keys apart', true, [w(1, 0, 1, 'a'), r(0, 2, 3, 'b')]],
  ['a fault of one key', false, [w(1, 0, 1, 'a'), w(1, 0, 1, 'b'), r(1, 2, 3, 'a'), r(0, 2, 3, 'b')]],
]

test('checkLinearizable() tells what could have happened from what could not', () => {
  for (const [what, ok, history] of cases) assert.equal(checkLinearizable(register, history).ok, ok, what)
})

test('checkLinearizable() is done with many concurrent operations in time', () => {
  const sound = Array.from({ length: 5000 }, (_, i) =>
    i % 2 ? r((i - 1) / 2, i * 10, i * 10 + 15) : w(i / 2, i * 10, i * 10 + 9),
  )
  assert.equal(checkLinearizable(register, sound).ok, true)
})

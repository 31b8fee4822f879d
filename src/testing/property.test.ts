import assert from 'node:assert/strict'
import { test } from 'node:test'
import { holdsForAll } from './property.ts'

test('holdsForAll() shows the smallest recipe that breaks the claim, and its seed', () => {
  const make = ({ upTo, some }: { upTo(most: number): number; some<T>(most: number, make: () => T): T[] }) => ({
    sizes: some(9, () => upTo(99)),
    flag: true,
  })
  const claim = ({ sizes }: { sizes: number[] }) =>
    assert.ok(
      sizes.every((size) => size < 42),
      'too large',
    )
  assert.throws(
    () => holdsForAll({ make, seed: 7 }, claim),
    (error: Error) => {
      assert.match(error.message, /^seed \d+: too large\nfor \{"sizes":\[42\],"flag":false\}/)
      return true
    },
  )
  holdsForAll({ make, runs: 100 }, ({ sizes }) => assert.ok(sizes.length < 10))
})

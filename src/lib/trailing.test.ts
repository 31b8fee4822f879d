import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countTrailing, withoutTrailing } from './trailing.ts'

for (const [text, count] of [
  ['', 0],
  ['a', 0],
  ['a//', 2],
  ['//a', 0],
  ['///', 3],
] as const) {
  test(`countTrailing() finds ${count} in ${JSON.stringify(text)}`, () => {
    assert.equal(countTrailing(text, '/'), count)
    assert.equal(withoutTrailing(text, '/'), text.slice(0, text.length - count))
  })
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergePatch, threeWayMergePatch, twoWayMergePatch } from './merge.ts'

/** RFC 7386, appendix A, and what upstream's library makes of nulls in lists. */
const rfc: [unknown, unknown, unknown][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  [{ a: [1] }, { a: [{ b: null, c: [null] }] }, { a: [{ c: [null] }] }],
]
for (const [original, patch, want] of rfc) {
  test(`mergePatch() makes ${JSON.stringify(want)} of ${JSON.stringify(original)} with ${JSON.stringify(patch)}`, () => {
    const before = JSON.stringify([original, patch])
    assert.deepEqual(mergePatch(original, patch), want)
    assert.equal(JSON.stringify([original, patch]), before, 'neither argument may change')
  })
}

test('mergePatch() keeps a key named __proto__ a plain key', () => {
  const patched = mergePatch({}, JSON.parse('{"__proto__":{"a":1}}')) as object
  assert.deepEqual(Object.keys(patched), ['__proto__'])
  assert.equal((patched as { a?: number }).a, undefined)
})

const pairs: [string, Record<string, unknown>, Record<string, unknown>, unknown][] = [
  ['nothing of equal documents', { a: { b: [1] } }, { a: { b: [1] } }, {}],
  ['additions and changes', { a: 1 }, { a: 2, b: { c: 1 } }, { a: 2, b: { c: 1 } }],
  ['null for what went', { a: 1, b: { c: 1, d: 1 } }, { b: { d: 1 } }, { a: null, b: { c: null } }],
  ['whole lists', { a: [1, 2] }, { a: [2] }, { a: [2] }],
  ['changed types', { a: { b: 1 } }, { a: [1] }, { a: [1] }],
]
for (const [what, original, modified, want] of pairs) {
  test(`twoWayMergePatch() makes ${what}`, () => {
    const patch = twoWayMergePatch(original, modified)
    assert.deepEqual(patch, want)
    assert.deepEqual(mergePatch(original, patch), modified)
  })
}

test('threeWayMergePatch() removes only what was applied before', () => {
  const original = { spec: { size: 1, old: true, nested: { gone: 1 } } }
  const modified = { spec: { size: 2, nested: {}, empty: {} } }
  const current = { spec: { size: 1, old: true, nested: { gone: 1, theirs: 1 }, added: 'by others' }, status: { ok: true } }
  const patch = threeWayMergePatch({ original, modified, current })
  assert.deepEqual(patch, { spec: { size: 2, old: null, nested: { gone: null }, empty: {} } })
  assert.deepEqual(mergePatch(current, patch), {
    spec: { size: 2, nested: { theirs: 1 }, added: 'by others', empty: {} },
    status: { ok: true },
  })
})

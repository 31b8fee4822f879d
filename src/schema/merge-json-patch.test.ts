import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type JsonPatchOperation, jsonPatch } from './merge-json-patch.ts'

const op = (op: string, path: string, rest: object = {}): JsonPatchOperation => ({ op, path, ...rest })

const applied: [string, unknown, JsonPatchOperation[], unknown][] = [
  ['adds a field', { a: 1 }, [op('add', '/b', { value: 2 })], { a: 1, b: 2 }],
  ['adds null', {}, [op('add', '/b', { value: null })], { b: null }],
  ['inserts before an index', { l: [1, 3] }, [op('add', '/l/1', { value: 2 })], { l: [1, 2, 3] }],
  ['appends at the index behind the last', { l: [1] }, [op('add', '/l/1', { value: 2 })], { l: [1, 2] }],
  ['appends with -', { l: [1] }, [op('add', '/l/-', { value: 2 })], { l: [1, 2] }],
  ['counts negative indices from the end', { l: [1, 2] }, [op('remove', '/l/-1')], { l: [1] }],
  ['unescapes ~1 and ~0', { 'a/b': { '~': 1 } }, [op('replace', '/a~1b/~0', { value: 2 })], { 'a/b': { '~': 2 } }],
  ['replaces a field that is not there', {}, [op('replace', '/a', { value: 1 })], { a: 1 }],
  ['replaces the whole document', { a: 1 }, [op('replace', '', { value: { b: 2 } })], { b: 2 }],
  ['moves', { a: { b: 1 }, c: {} }, [op('move', '/c/d', { from: '/a/b' })], { a: {}, c: { d: 1 } }],
  ['copies', { a: [1] }, [op('copy', '/b', { from: '/a' }), op('add', '/b/-', { value: 2 })], { a: [1], b: [1, 2] }],
  [
    'tests',
    { a: { b: [1, { c: null }] } },
    [op('test', '/a', { value: { b: [1, { c: null }] } })],
    { a: { b: [1, { c: null }] } },
  ],
  ['tests what is not there against null', {}, [op('test', '/a', { value: null })], {}],
  ['tests the whole document', { a: 1 }, [op('test', '', { value: { a: 1 } })], { a: 1 }],
  ['tests numbers beyond 2^53', { a: 2n ** 60n }, [op('test', '/a', { value: 2n ** 60n })], { a: 2n ** 60n }],
]
for (const [what, original, operations, want] of applied) {
  test(`jsonPatch() ${what}`, () => assert.deepEqual(jsonPatch(original, operations), want))
}

const failed: [unknown, JsonPatchOperation, string][] = [
  [{}, op('add', '/x/y', { value: 1 }), 'add operation does not apply: doc is missing path: "/x/y": missing value'],
  [{ a: 1 }, op('add', '/a/b', { value: 1 }), 'add operation does not apply: doc is missing path: "/a/b": missing value'],
  [{}, op('add', 'x', { value: 1 }), 'add operation does not apply: doc is missing path: "x": missing value'],
  [
    { l: [] },
    op('add', '/l/2', { value: 1 }),
    "error in add for path: '/l/2': Unable to access invalid index: 2: invalid index referenced",
  ],
  [
    { l: [] },
    op('add', '/l/x', { value: 1 }),
    "error in add for path: '/l/x': value was not a proper array index: 'x': strconv.Atoi: parsing \"x\": invalid syntax",
  ],
  [{}, op('remove', '/x'), "error in remove for path: '/x': Unable to remove nonexistent key: x: missing value"],
  [{}, op('remove', '/x/y'), 'remove operation does not apply: doc is missing path: "/x/y": missing value'],
  [
    { l: [1] },
    op('remove', '/l/1'),
    "error in remove for path: '/l/1': Unable to access invalid index: 1: invalid index referenced",
  ],
  [{}, op('replace', '/x/y'), 'replace operation does not apply: doc is missing path: /x/y: missing value'],
  [{ l: [1] }, op('replace', '/l/1'), 'replace operation does not apply: doc is missing key: /l/1: missing value'],
  [{}, op('move', '/a', { from: '/x/y' }), 'move operation does not apply: doc is missing from path: /x/y: missing value'],
  [{}, op('move', '/a'), 'move operation failed to decode from: operation, missing from field: missing value'],
  [
    { a: 1 },
    op('copy', '/x/y', { from: '/a' }),
    'copy operation does not apply: doc is missing destination path: /x/y: missing value',
  ],
  [{ a: 1 }, op('test', '/a', { value: 2 }), 'testing value /a failed: test failed'],
  [{ a: {} }, op('test', '/a', { value: [] }), 'testing value /a failed: test failed'],
  [{}, op('test', '/a/b', { value: 1 }), 'test operation does not apply: is missing path: /a/b: missing value'],
  [{}, op('frob', '/a'), 'Unexpected kind: frob'],
  [{}, { op: 'add' } as JsonPatchOperation, 'add operation failed to decode path: missing value'],
]
for (const [original, operation, message] of failed) {
  test(`jsonPatch() complains: ${message}`, () => {
    assert.throws(() => jsonPatch(original, [operation]), { message })
  })
}

test('jsonPatch() never hands out parts of the patch', () => {
  const value = { b: [1] }
  const patched = jsonPatch({}, [op('add', '/a', { value }), op('add', '/a/b/-', { value: 2 })])
  assert.deepEqual(patched, { a: { b: [1, 2] } })
  assert.deepEqual(value, { b: [1] })
})

test('jsonPatch() cannot reach prototypes', () => {
  assert.throws(() => jsonPatch({}, [op('add', '/__proto__/polluted', { value: 1 })]), /doc is missing path/)
  assert.throws(() => jsonPatch({}, [op('add', '/constructor/prototype/polluted', { value: 1 })]), /doc is missing path/)
})

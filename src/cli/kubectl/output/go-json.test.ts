import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goJson } from './go-json.ts'
import { goSyntax, goValue } from './go-value.ts'

test('goJson() writes what encoding/json writes', () => {
  assert.equal(
    goJson({ b: [], a: {}, c: '<&>\u2028' }),
    '{\n    "a": {},\n    "b": [],\n    "c": "\\u003c\\u0026\\u003e\\u2028"\n}',
  )
  assert.equal(goJson({ b: 1, a: [true, null] }, { indent: '', sorted: false }), '{"b":1,"a":[true,null]}')
  assert.equal(goJson(9007199254740993n), '9007199254740993')
  assert.equal(goJson(1e-7), '1e-07')
})

test('goValue() and goSyntax() print as %v and %#v', () => {
  const value = { b: [1, 'x'], a: null, c: { d: true } }
  assert.equal(goValue(value), 'map[a:<nil> b:[1 x] c:map[d:true]]')
  assert.equal(goSyntax({ a: ['x', 1] }), 'map[string]interface {}{"a":[]interface {}{"x", 1}}')
})

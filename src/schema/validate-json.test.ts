import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatFieldError, root } from './field-error.ts'
import type { JsonSchema } from './json-schema.ts'
import { jsonSchemaErrors } from './validate-json.ts'

const errors = (properties: Record<string, JsonSchema>, value: unknown, more: JsonSchema = {}) =>
  jsonSchemaErrors({ type: 'object', properties, ...more }, value).map(formatFieldError)

const table: readonly [name: string, schema: JsonSchema, value: unknown, expected: readonly string[]][] = [
  ['a good value', { type: 'integer', maximum: 10 }, 10, []],
  ['maximum', { type: 'integer', maximum: 10 }, 11, ['a: Invalid value: 11: a in body should be less than or equal to 10']],
  [
    'exclusiveMaximum',
    { type: 'number', maximum: 1.5, exclusiveMaximum: true },
    1.5,
    ['a: Invalid value: 1.5: a in body should be less than 1.5'],
  ],
  ['minimum', { type: 'integer', minimum: 1 }, 0, ['a: Invalid value: 0: a in body should be greater than or equal to 1']],
  ['multipleOf', { type: 'integer', multipleOf: 3 }, 4, ['a: Invalid value: 4: a in body should be a multiple of 3']],
  ['type', { type: 'integer' }, 'x', ['a: Invalid value: "string": a in body must be of type integer: "string"']],
  [
    'a fraction for an integer',
    { type: 'integer' },
    1.5,
    [
      'a: Invalid value: "number": a in body must be of type integer: "number"',
      '<nil>: Invalid value: "": Checked value must be of type integer (default format) in a',
    ],
  ],
  [
    'int32',
    { type: 'integer', format: 'int32' },
    2 ** 31,
    ['<nil>: Invalid value: "": Checked value must be of type integer with format int32 in a'],
  ],
  ['null', { type: 'string' }, null, ['a: Invalid value: "null": a in body must be of type string: "null"']],
  ['null where it may be', { type: 'string', nullable: true }, null, []],
  [
    'int or string',
    { 'x-kubernetes-int-or-string': true },
    true,
    ['a: Invalid value: "boolean": a in body must be of type integer,string: "boolean"'],
  ],
  ['enum', { type: 'string', enum: ['b', 'c'] }, 'd', ['a: Unsupported value: "d": supported values: "b", "c"']],
  ['enum of numbers', { enum: [1, 2] }, 3, ['a: Unsupported value: 3: supported values: "1", "2"']],
  ['maxLength', { type: 'string', maxLength: 2 }, 'abc', ['a: Too long: may not be more than 2 bytes']],
  ['minLength', { type: 'string', minLength: 2 }, 'é', ['a: Invalid value: "é": a in body should be at least 2 chars long']],
  ['pattern', { type: 'string', pattern: '^[a-z]+$' }, 'A', [`a: Invalid value: "A": a in body should match '^[a-z]+$'`]],
  ['format', { type: 'string', format: 'date-time' }, 'x', ['a: Invalid value: "x": a in body must be of type date-time: "x"']],
  ['an unknown format', { type: 'string', format: 'nonsense' }, 'x', []],
  ['maxItems', { type: 'array', maxItems: 1, items: {} }, [1, 2], ['a: Too many: 2: must have at most 1 item']],
  ['minItems', { type: 'array', minItems: 1, items: {} }, [], ['a: Invalid value: 0: a in body should have at least 1 items']],
  [
    'items',
    { type: 'array', items: { type: 'string' } },
    ['x', 1],
    ['a[1]: Invalid value: "integer": a[1] in body must be of type string: "integer"'],
  ],
  ['maxProperties', { type: 'object', maxProperties: 1 }, { b: 1, c: 2 }, ['a: Too many: 2: must have at most 1 item']],
  [
    'values',
    { type: 'object', additionalProperties: { type: 'string' } },
    { b: 1 },
    ['a.b: Invalid value: "integer": a.b in body must be of type string: "integer"'],
  ],
  ['required', { type: 'object', required: ['b'] }, {}, ['a.b: Required value']],
  [
    'anyOf',
    { type: 'object', anyOf: [{ required: ['b'] }, { required: ['c'] }] },
    {},
    ['<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)', 'a.b: Required value'],
  ],
  [
    'oneOf, twice',
    { type: 'object', oneOf: [{ required: ['b'] }, { required: ['c'] }] },
    { b: 1, c: 1 },
    ['<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
  ],
  [
    'not',
    { type: 'object', not: { required: ['b'] } },
    { b: 1 },
    ['<nil>: Invalid value: "": "a" must not validate the schema (not)'],
  ],
]

for (const [name, schema, value, expected] of table) {
  test(`jsonSchemaErrors() ${name}`, () => assert.deepEqual(errors({ a: schema }, { a: value }), expected))
}

test('jsonSchemaErrors() of a part names it by its place', () => {
  const found = jsonSchemaErrors(
    { type: 'object', properties: { a: { type: 'string' } } },
    { a: 1 },
    { at: root.child('status') },
  )
  assert.deepEqual(found.map(formatFieldError), [
    'status.a: Invalid value: "integer": a in body must be of type string: "integer"',
  ])
})

test('jsonSchemaErrors() lets pass what was so before', () => {
  const text: JsonSchema = { type: 'string', maxLength: 1 }
  const items: JsonSchema = { type: 'object', properties: { name: { type: 'string' }, text } }
  const list: JsonSchema = { type: 'array', items, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }
  const schema: JsonSchema = { type: 'object', properties: { text, list, plain: { type: 'array', items: text } } }
  const old = { text: 'long', list: [{ name: 'a', text: 'long' }], plain: ['long'] }
  const check = (value: object) => jsonSchemaErrors(schema, value, { former: { value: old } }).map(({ field }) => field)
  assert.deepEqual(check(old), [])
  assert.deepEqual(check({ ...old, text: 'longer' }), ['text'])
  assert.deepEqual(check({ ...old, list: [{ name: 'b' }, { name: 'a', text: 'long' }] }), [])
  assert.deepEqual(check({ ...old, plain: ['long', 'a'] }), ['plain[0]'])
})

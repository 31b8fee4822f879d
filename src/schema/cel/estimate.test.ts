/** Schemas, rules and numbers of upstream's `TestCostEstimation` (apiextensions `schema/cel/compilation_test.go`). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonSchema } from '../json-schema.ts'
import { compileCel } from './compile.ts'
import { celTypeOfJsonSchema } from './json-schema-type.ts'

type Make = (limit: number | undefined) => JsonSchema

const formats = ['duration', 'date', 'date-time', 'byte']

function item(type: string): JsonSchema {
  if (type === 'int-or-string') return { 'x-kubernetes-int-or-string': true }
  return formats.includes(type) ? { type: 'string', format: type } : { type }
}

const text: Make = (maxLength) => ({ type: 'string', maxLength })
const bytes: Make = (maxLength) => ({ ...item('byte'), maxLength })
const array =
  (type: string): Make =>
  (maxItems) => ({ type: 'array', items: item(type), maxItems })
const arrays: Make = (maxItems) => ({ type: 'array', items: array('number')(undefined), maxItems })
const maps: Make = (maxItems) => ({ type: 'array', items: map('number')(undefined), maxItems })
const map =
  (type: string): Make =>
  (maxProperties) => ({ type: 'object', additionalProperties: item(type), maxProperties })
const mapOfMaps: Make = (maxProperties) => ({ type: 'object', additionalProperties: map('number')(undefined), maxProperties })
const texts: Make = (limit) => ({ type: 'array', items: text(limit), maxItems: limit })
const textMap: Make = (limit) => ({ type: 'object', additionalProperties: text(limit), maxProperties: limit })
const required: JsonSchema = {
  type: 'object',
  properties: { required: { type: 'string' }, optional: { type: 'string' } },
  required: ['required'],
}
const objects: Make = (maxItems) => ({ type: 'array', items: required, maxItems })
const replaced: Make = (limit) => ({ type: 'object', properties: { str: text(limit), before: text(2), after: text(4) } })
const split: Make = (limit) => ({ type: 'object', properties: { str: text(limit), separator: text(limit) } })
const either: Make = (maxLength) => ({ ...item('int-or-string'), maxLength })

const rows: [make: Make, rule: string, unlimited: number, limit: number, limited: number][] = [
  [array('number'), 'self.all(x, true)', 4718591, 10, 32],
  [array('string'), 'self.all(x, true)', 3145727, 20, 62],
  [array('boolean'), 'self.all(x, true)', 1887437, 5, 17],
  [arrays, 'self.all(x, true)', 3145727, 100, 302],
  [objects, 'self.all(x, true)', 555128, 50, 152],
  [map('number'), 'self.all(x, true)', 1348169, 10, 32],
  [map('string'), 'self.all(x, true)', 1179647, 3, 11],
  [map('boolean'), 'self.all(x, true)', 943718, 100, 302],
  [text, "self.contains('test')", 314574, 10, 5],
  [text, "self.startsWith('test')", 2, 15, 2],
  [text, 'size(self + "hello") > size("hello")', 314578, 4, 7],
  [array('number'), 'self[1] == 0.0', 2, 5000, 2],
  [array('string'), 'self[1] == self[1]', 314577, 8, 314577],
  [text, 'self.matches("x")', 314574, 50, 22],
  [text, '"".matches("(((((((((())))))))))[0-9]")', 7, 10, 7],
  [text, 'self.matches("")', 1, 100, 1],
  [textMap, 'self.all(x, x.contains(self[x]))', 2752507, 10, 72],
  [text, 'self == "x"', 2, 0, 1],
  [bytes, 'self == b"x"', 2, 0, 1],
  [array('number'), 'self.all(x, x == 0.0)', 6291454, 3 * 1024 * 2048, 25165826],
  [array('int-or-string'), 'self.all(x, true)', 4718591, 10, 32],
  [array('int-or-string'), 'self[0] == 5', 3, 10, 3],
  [array('boolean'), 'self[0] == false', 2, 25, 2],
  [objects, 'self[0] == null', 2, 422, 2],
  [arrays, 'self[0][0] == -1.0', 3, 51, 3],
  [maps, 'self.all(x, x.y == 25.2)', 6291452, 12, 74],
  [maps, 'self[0].x > 2.0', 4, 3000, 4],
  [array('duration'), 'self.all(x, true)', 2359295, 5, 17],
  [array('duration'), 'self[0].getHours() == 2', 4, 525, 4],
  [array('date'), 'self.all(x, true)', 725936, 15, 47],
  [array('date'), 'self[2].getDayOfMonth() == 13', 4, 42, 4],
  [array('date-time'), 'self.all(x, true)', 428963, 25, 77],
  [map('int-or-string'), 'self.all(x, true)', 1348169, 15, 47],
  [mapOfMaps, 'self.all(x, true)', 1179647, 10, 32],
  [map('duration'), 'self.all(x, true)', 1048577, 5, 17],
  [map('date'), 'self.all(x, true)', 524288, 10, 32],
  [map('date-time'), 'self.all(x, true)', 349526, 25, 77],
  [map('number'), 'self["x"] == 0.0', 2, 0, 2],
  [text, "self.find('[0-9]+') == ''", 629147, 10, 11],
  [texts, "self.join(' ') == 'aa bb'", 329853068905, 10, 43],
  [texts, 'self.isSorted() == true', 329854432052, 10, 52],
  [replaced, "self.str.replace(self.before, self.after) == 'does not matter'", 629154, 4, 12],
  [split, 'self.str.split(self.separator) == []', 629160, 10, 22],
  [text, "self.lowerAscii() == 'lower!'", 314575, 10, 6],
  [either, 'isQuantity(self)', 314574, 20, 9],
]

for (const [make, rule, unlimited, limit, limited] of rows) {
  test(`estimate: ${rule} of ${JSON.stringify(make(undefined))}`, () => {
    const cost = (bound?: number) =>
      compileCel(rule, { variables: { self: celTypeOfJsonSchema(make(bound)) ?? 'dyn' } }).estimate().max
    assert.deepEqual([cost(), cost(limit)], [unlimited, limited])
  })
}

test('estimate: loops within loops multiply', () => {
  const cost = (rule: string, maxItems: number) =>
    compileCel(rule, { variables: { self: celTypeOfJsonSchema(array('number')(maxItems)) ?? 'dyn' } }).estimate().max
  assert.equal(cost('self.all(x, self.all(y, true))', 10), 352)
  assert.equal(cost('self.all(x, self.all(y, self.all(z, true)))', 10), 3552)
})

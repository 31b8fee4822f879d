import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import {
  compareElements,
  difference,
  type FieldSet,
  fieldSet,
  has,
  intersection,
  isSubset,
  keyElement,
  parseFieldSet,
  pathsOf,
  pathText,
  recursiveDifference,
  sameSet,
  serializeFieldSet,
  union,
  valueElement,
} from './field-set.ts'

/** In upstream's order, each smaller than the next. */
const ordered = [
  'f:a',
  'f:b',
  'k:{"name":"a"}',
  'k:{"name":"a","protocol":"TCP"}',
  'k:{"name":"b"}',
  'k:{"port":9}',
  'k:{"port":80}',
  'v:1',
  'v:2.5',
  'v:"a"',
  'v:"b"',
  'v:false',
  'v:true',
  'i:2',
  'i:10',
]

test('compareElements() orders as PathElement.Compare', () => {
  const shuffled = [...ordered].reverse()
  assert.deepEqual(shuffled.sort(compareElements), ordered)
})

test('serializeFieldSet() writes members of maps beside what is below them', () => {
  const key = keyElement(['name'], ['c'])
  const set = fieldSet(
    ['f:spec', 'f:replicas'],
    ['f:spec', 'f:containers', key],
    ['f:spec', 'f:containers', key, 'f:image'],
    ['f:metadata', 'f:finalizers', valueElement('a')],
  )
  assert.equal(
    serializeFieldSet(set),
    '{"f:metadata":{"f:finalizers":{"v:\\"a\\"":{}}},"f:spec":{"f:containers":{"k:{\\"name\\":\\"c\\"}":{".":{},"f:image":{}}},"f:replicas":{}}}',
  )
})

const elements: [string, string][] = [
  [keyElement(['port', 'protocol'], [80, 'TCP']), 'k:{"port":80,"protocol":"TCP"}'],
  [keyElement(['name'], ['a<b>&"c"']), 'k:{"name":"a\\u003cb\\u003e\\u0026\\"c\\""}'],
  [valueElement('\u2028\b\f\n\\b'), 'v:"\\u2028\\u0008\\u000c\\n\\\\b"'],
  [valueElement(1.5), 'v:1.5'],
  [valueElement(9007199254740993n), 'v:9007199254740993'],
]
for (const [made, want] of elements) test(`an element is written as ${want}`, () => assert.equal(made, want))

test('pathText() prints a path as conflicts show it', () => {
  const path = ['f:spec', keyElement(['port', 'protocol'], [80, 'TCP']), valueElement('x'), 'i:3', 'f:a.b/c']
  assert.equal(pathText(path), '.spec[port=80,protocol="TCP"][="x"][3].a.b/c')
})

test('parseFieldSet() makes what was sent canonical', () => {
  const sent = { 'f:b': {}, 'x:1': {}, 'f:a': { '.': {} }, 'k:{ "z": 1, "a": 2 }': { 'f:q': {}, '.': {} } }
  assert.equal(serializeFieldSet(parseFieldSet(sent)), '{"f:a":{},"f:b":{},"k:{\\"a\\":2,\\"z\\":1}":{".":{},"f:q":{}}}')
})

const broken: [unknown, RegExp][] = [
  [{ f: {} }, /key must be 2 characters long/],
  [{ foo: {} }, /missing colon: foo/],
  [{ 'i:x': {} }, /strconv.Atoi: parsing "x"/],
  [{ 'v:': {} }, /parsing key as path element/],
  ['text', /expect \{ or n/],
]
for (const [sent, why] of broken) {
  test(`parseFieldSet() refuses ${JSON.stringify(sent)}`, () => assert.throws(() => parseFieldSet(sent), why))
}

test('difference() keeps what is below a path, recursiveDifference() does not', () => {
  const set = fieldSet(['f:a'], ['f:a', 'f:b'], ['f:c'])
  assert.deepEqual(pathsOf(difference(set, fieldSet(['f:a']))), [['f:c'], ['f:a', 'f:b']])
  assert.deepEqual(pathsOf(recursiveDifference(set, fieldSet(['f:a']))), [['f:c']])
})

const random = seededRandom(7)

function randomSet(): FieldSet {
  const names = ['f:a', 'f:b', 'k:{"name":"x"}', 'v:1', 'i:0']
  const pick = () => names[Math.floor(random.next() * names.length)] as string
  const path = () => Array.from({ length: 1 + Math.floor(random.next() * 3) }, pick)
  return fieldSet(...Array.from({ length: Math.floor(random.next() * 8) }, path))
}

const texts = (set: FieldSet) => new Set(pathsOf(set).map((path) => path.join(' ')))

test('sets behave as sets of paths, whatever is in them', () => {
  for (let i = 0; i < 500; i++) {
    const [a, b] = [randomSet(), randomSet()]
    const [left, right] = [texts(a), texts(b)]
    assert.deepEqual(texts(union(a, b)), left.union(right))
    assert.deepEqual(texts(intersection(a, b)), left.intersection(right))
    assert.deepEqual(texts(difference(a, b)), left.difference(right))
    assert.equal(isSubset(a, b), left.isSubsetOf(right))
    assert.ok(sameSet(union(a, b), union(b, a)))
    assert.equal(serializeFieldSet(union(a, b)), serializeFieldSet(union(b, a)), 'one order')
    for (const path of pathsOf(a)) assert.ok(has(a, path))
    assert.equal(serializeFieldSet(parseFieldSet(JSON.parse(serializeFieldSet(a)))), serializeFieldSet(a))
  }
})

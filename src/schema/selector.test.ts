import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  fieldSelectorText,
  formatLabelSelector,
  labelSelectorMatcher,
  labelSelectorText,
  matchesFields,
  parseFieldSelector,
  parseLabelSelector,
  SelectorError,
} from './selector.ts'

/** Selector, canonical text, labels that match, labels that do not. */
const selectors: [string, string, Record<string, string>[], Record<string, string>[]][] = [
  ['', '', [{}, { a: 'b' }], []],
  ['a=b', 'a=b', [{ a: 'b', c: 'd' }], [{}, { a: 'c' }]],
  ['a==b', 'a==b', [{ a: 'b' }], [{}]],
  ['a!=b', 'a!=b', [{}, { a: 'c' }], [{ a: 'b' }]],
  [' a in ( c , b ) ', 'a in (b,c)', [{ a: 'b' }, { a: 'c' }], [{}, { a: 'd' }]],
  ['a notin (b)', 'a notin (b)', [{}, { a: 'c' }], [{ a: 'b' }]],
  ['a', 'a', [{ a: '' }], [{}, { b: '' }]],
  ['!a', '!a', [{}], [{ a: '' }]],
  ['z,a=1,m', 'a=1,m,z', [{ z: '', a: '1', m: '' }], [{ z: '', a: '1' }]],
  ['a>5', 'a>5', [{ a: '6' }], [{}, { a: '5' }, { a: 'x' }]],
  ['a=', 'a=', [{ a: '' }], [{ a: 'b' }]],
  ['a in ()', 'a in ()', [{ a: '' }], [{}]],
  ['a in (,b)', 'a in (,b)', [{ a: '' }, { a: 'b' }], [{}]],
  ['in in (in,notin)', 'in in (in,notin)', [{ in: 'in' }], [{ in: 'x' }]],
  ['example.com/a=b', 'example.com/a=b', [{ 'example.com/a': 'b' }], [{}]],
  ['constructor', 'constructor', [{ constructor: '' } as never], [{}]],
]
for (const [text, canonical, matching, others] of selectors) {
  test(`parseLabelSelector() understands ${JSON.stringify(text)}`, () => {
    const matcher = parseLabelSelector(text)
    assert.equal(String(matcher), canonical)
    assert.deepEqual(parseLabelSelector(canonical).requirements, matcher.requirements, 'its text means the same')
    for (const labels of matching) assert(matcher.matches(labels), JSON.stringify(labels))
    for (const labels of others) assert(!matcher.matches(labels), JSON.stringify(labels))
  })
}

const key = (name: string) => `unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(name)}: `
const errors: [string, string | RegExp][] = [
  ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ['a in', "unable to parse requirement: found '' expected: '('"],
  ['a in (', "unable to parse requirement: found '', expected: ',', ')' or identifier"],
  ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
  ['a in (b!)', "unable to parse requirement: found '!', expected: ',' or ')'"],
  ['!', "unable to parse requirement: found '', expected: identifier"],
  ['a=b,', "found '', expected: identifier after ','"],
  ['=x', "found '=', expected: !, identifier, or 'end of string'"],
  ['a=b=c', "found '=', expected: ',' or 'end of string'"],
  ['a==!b', "unable to parse requirement: found '!', expected: identifier"],
  ['a>b', "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer"],
  ['a/b/c=d', new RegExp(`^${key('a/b/c')}a valid label key must consist`)],
  ['a=b_', /^unable to parse requirement: values\[0\]\[a\]: Invalid value: "b_": a valid label must be an empty string or/],
]
for (const [text, message] of errors) {
  test(`parseLabelSelector() words the error of ${text} as upstream`, () => {
    assert.throws(
      () => parseLabelSelector(text),
      (error) => {
        assert(error instanceof SelectorError)
        if (typeof message === 'string') assert.equal(error.message, message)
        else assert.match(error.message, message)
        return true
      },
    )
  })
}

test('labelSelectorMatcher() tells nothing from everything', () => {
  assert.equal(labelSelectorMatcher(undefined).matches({}), false)
  assert.equal(labelSelectorMatcher(undefined).isEmpty, false)
  assert.equal(labelSelectorMatcher({}).matches({ a: 'b' }), true)
  assert.equal(labelSelectorMatcher({}).isEmpty, true)
})

test('labelSelectorText() writes matchLabels and matchExpressions sorted by key', () => {
  const selector = {
    matchLabels: { tier: 'front', app: 'web' },
    matchExpressions: [
      { key: 'env', operator: 'In', values: ['b', 'a'] },
      { key: 'old', operator: 'DoesNotExist' },
      { key: 'any', operator: 'Exists' },
      { key: 'zone', operator: 'NotIn', values: ['x'] },
    ],
  }
  assert.equal(labelSelectorText(selector), 'any,app=web,env in (a,b),!old,tier=front,zone notin (x)')
  assert.equal(formatLabelSelector({}), '<none>')
  assert.equal(formatLabelSelector({ matchExpressions: [{ key: 'a', operator: 'x' }] }), '<error>')
})

test('labelSelectorMatcher() refuses what means nothing', () => {
  const rule = (key: string, operator: string, values?: string[]) => () =>
    labelSelectorMatcher({ matchExpressions: [{ key, operator, values }] })
  assert.throws(rule('a', 'Near'), { message: '"Near" is not a valid label selector operator' })
  assert.throws(rule('a', 'In'), { message: `values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty` })
  assert.throws(rule('a', 'Exists', ['b']), {
    message: 'values: Invalid value: ["b"]: values set must be empty for exists and does not exist',
  })
})

test('exactValue() names the only value a label may have', () => {
  assert.equal(parseLabelSelector('a=b,c in (d),e!=f').exactValue('a'), 'b')
  assert.equal(parseLabelSelector('c in (d)').exactValue('c'), 'd')
  assert.equal(parseLabelSelector('c in (d,e)').exactValue('c'), undefined)
  assert.equal(parseLabelSelector('a!=b').exactValue('a'), undefined)
})

const fields: [string, string, Record<string, string>[], Record<string, string>[]][] = [
  ['', '', [{}], []],
  ['metadata.name=a', 'metadata.name=a', [{ 'metadata.name': 'a' }], [{}]],
  ['a==b,,c!=d', 'a=b,c!=d', [{ a: 'b' }], [{ a: 'b', c: 'd' }]],
  ['b=2,a=1', 'a=1,b=2', [{ a: '1', b: '2' }], [{ a: '1' }]],
  ['a=b\\,c\\=d\\\\', 'a=b\\,c\\=d\\\\', [{ a: 'b,c=d\\' }], [{}]],
  ['a=', 'a=', [{}], [{ a: 'x' }]],
]
for (const [text, canonical, matching, others] of fields) {
  test(`parseFieldSelector() understands ${JSON.stringify(text)}`, () => {
    const terms = parseFieldSelector(text)
    assert.equal(fieldSelectorText(terms), canonical)
    assert.deepEqual(parseFieldSelector(canonical), terms)
    for (const object of matching) assert(matchesFields(terms, (field) => object[field] ?? ''))
    for (const object of others) assert(!matchesFields(terms, (field) => object[field] ?? ''))
  })
}

test('parseFieldSelector() words errors as upstream', () => {
  assert.throws(() => parseFieldSelector('a=b,c'), { message: "invalid selector: 'a=b,c'; can't understand 'c'" })
  assert.throws(() => parseFieldSelector('a=\\x'), { message: 'invalid field selector: invalid escape sequence: \\x' })
  assert.throws(() => parseFieldSelector('a=b\\'), { message: 'invalid field selector: invalid escape sequence: \\' })
  assert.throws(() => parseFieldSelector('a=b=c'), { message: 'invalid field selector: unescaped character in value: 61' })
})

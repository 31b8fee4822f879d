import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JsonError, parseJson, stringifyJson } from './json.ts'
import { parseJsonSlowly } from './json-parser.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

test('parseJson() keeps integers exact to 64 bits', () => {
  const { value } = parseJson(bytes('{"a":9007199254740993,"b":-9223372036854775808,"c":42,"d":[12345678901234567890]}'))
  assert.deepEqual(value, { a: 9007199254740993n, b: -9223372036854775808n, c: 42, d: [12345678901234567000] })
  assert.equal(stringifyJson(parseJson('[9007199254740993]').value), '[9007199254740993]')
})

for (const place of ['N', '[N]', '[1,N]', '{"a":N}', '{"a": N}', '[1,\n N]', ' N ']) {
  test(`parseJson() keeps wide numbers exact in ${JSON.stringify(place)}, and takes texts that look like them for texts`, () => {
    const readFrom = (number: string) => [parseJson(place.replace('N', number)).value].flat().at(-1)
    const only = (value: unknown) => (typeof value === 'object' ? (value as { a: unknown }).a : value)
    for (const wide of ['9007199254740993', '-9007199254740993']) assert.equal(only(readFrom(wide)), BigInt(wide))
    for (const great of ['1e400', '-1.5E+400']) {
      const text = place.replace('N', great)
      const outcome = (read: () => unknown) => {
        try {
          return read()
        } catch (error) {
          return String(error)
        }
      }
      const slowly = outcome(() => parseJsonSlowly(text))
      assert.deepEqual(
        outcome(() => parseJson(text).value),
        slowly,
      )
    }
    for (const text of ['"a1e123-9007199254740993"', '"1: 9007199254740993"'])
      assert.equal(only(readFrom(text)), JSON.parse(text))
  })
}

test('parseJson() makes __proto__ a property like any other', () => {
  const { value } = parseJson('{"__proto__":{"polluted":1},"a":1}')
  assert.equal(Object.getPrototypeOf(value), Object.prototype)
  assert.deepEqual(Object.keys(value as object), ['__proto__', 'a'])
  const slow = parseJsonSlowly('{"__proto__":{"polluted":1}}') as object
  assert.equal(Object.getPrototypeOf(slow), Object.prototype)
  assert.deepEqual(Object.keys(slow), ['__proto__'])
})

const duplicates: [string, string[]][] = [
  ['{"a":1,"b":2}', []],
  ['{"a":1,"a":2}', ['duplicate field "a"']],
  ['{"spec":{"replicas":1,"x":"replicas","replicas":2}}', ['duplicate field "spec.replicas"']],
  ['{"spec":{"c":[{"n":1},{"n":1,"n":2},{"n":1}]}}', ['duplicate field "spec.c[1].n"']],
  ['{"a":{"b":1},"a":{"b":1,"b":2}}', ['duplicate field "a"', 'duplicate field "a.b"']],
  ['{"a\\"":1,"a\\"":2}', ['duplicate field "a""']],
  ['{"\\u0061":1,"a" : 2}', ['duplicate field "a"']],
  ['{"a":"a","b":["a","a"]}', []],
  [`{${Array.from({ length: 40 }, (_, i) => `"k${i}":1`).join()},"k3":2}`, ['duplicate field "k3"']],
]
for (const [text, expected] of duplicates) {
  test(`parseJson() finds the repeated keys of ${text.slice(0, 60)}`, () => {
    assert.deepEqual(parseJson(text).duplicates, expected)
  })
}

const errors: [string, string][] = [
  ['', 'unexpected end of JSON input'],
  ['{', 'unexpected end of JSON input'],
  ['{"a":', 'unexpected end of JSON input'],
  ['"abc', 'unexpected end of JSON input'],
  ['x', "invalid character 'x' looking for beginning of value"],
  ['[1,]', "invalid character ']' looking for beginning of value"],
  ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
  ['[1 2]', "invalid character '2' after array element"],
  ['{} x', "invalid character 'x' after top-level value"],
  ['01', "invalid character '1' after top-level value"],
  ['-x', "invalid character 'x' in numeric literal"],
  ['1.x', "invalid character 'x' after decimal point in numeric literal"],
  ['1ex', "invalid character 'x' in exponent of numeric literal"],
  ['trie', "invalid character 'i' in literal true (expecting 'u')"],
  ['nul', 'unexpected end of JSON input'],
  ['"\n"', "invalid character '\\n' in string literal"],
  ['"\\x"', "invalid character 'x' in string escape code"],
  ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
  ["'a'", "invalid character '\\'' looking for beginning of value"],
  ['é', "invalid character 'Ã' looking for beginning of value"],
  ['1e400', 'json: cannot unmarshal number 1e400 into Go value of type float64'],
]
for (const [text, message] of errors) {
  test(`parseJson() words the error of ${JSON.stringify(text)} as Go`, () => {
    assert.throws(
      () => parseJson(text),
      (error) => error instanceof JsonError && error.message === message,
    )
  })
}

test('parseJson() bounds depth', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  assert.doesNotThrow(() => parseJson(nested(10_000)))
  assert.throws(() => parseJson(nested(10_001)), { message: 'exceeded max depth' })
  assert.doesNotThrow(() => parseJson(`["${'['.repeat(20_001)}"]`))
})

test('parseJsonSlowly() agrees with JSON.parse', () => {
  const samples = [
    'null',
    ' true ',
    '"\\u00e9\\n\\/\\ud83d\\ude00"',
    '[]',
    '{}',
    '[[],{}]',
    '-0.5e-3',
    '{"a":{"b":[1,2,{"c":null}]}}',
    '{"a":"x\\\\","b":"\\""}',
    '[1.5,-2,0,1E3]',
    '{"":{}}',
  ]
  for (const sample of samples) assert.deepEqual(parseJsonSlowly(sample), JSON.parse(sample), sample)
})

test('stringifyJson() writes bigints in full and refuses undefined', () => {
  assert.equal(stringifyJson({ a: 9007199254740993n, b: [1n], c: 'x' }), '{"a":9007199254740993,"b":[1],"c":"x"}')
  assert.throws(() => stringifyJson(undefined), TypeError)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseYaml, toYaml, YamlError } from './yaml.ts'

const read = (text: string) => parseYaml(text)[0]?.value

/** What Go's yaml.v2 makes of plain scalars (checked against kubectl 1.36). */
const scalars: [string, unknown][] = [
  ['22:22', '22:22'],
  ['2020-01-01', '2020-01-01'],
  ['2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z'],
  ['0o17', 15],
  ['017', 15],
  ['08', 8],
  ['0x_1F', 31],
  ['-0b11', -3],
  ['1_000', 1000],
  ['+12', 12],
  ['12e03', 12000],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['1.', 1],
  ['9007199254740993', 9007199254740993n],
  ['18446744073709551616', 18446744073709552000],
  ['yes', true],
  ['y', true],
  ['Off', false],
  ['~', null],
  ['', null],
  ['NULL', null],
  ['yEs', 'yEs'],
  ['1.2.3', '1.2.3'],
  ['12h', '12h'],
  ['_1', '_1'],
  ['"true"', 'true'],
  ["'1'", '1'],
  ['!!str 12', '12'],
  ['!!int "3"', 3],
  ['!!binary aGk=', 'hi'],
  ['=', '='],
]
for (const [text, value] of scalars) {
  test(`parseYaml() reads ${text || 'nothing'} as ${value}`, () => assert.deepEqual(read(`a: ${text}`), { a: value }))
}

test('parseYaml() makes keys strings', () => {
  assert.deepEqual(read('1: a\ntrue: b\n1.5: c\ny: d'), { 1: 'a', true: 'd', 1.5: 'c' })
  assert.throws(() => read('? [a]\n: b'), /unsupported map key/)
})

test('parseYaml() reads documents with their lines and skips empty ones', () => {
  const text = '# first\n---\na: 1\n---\n# nothing\n---\nb:\n- x\n---\nnull\n...\n'
  assert.deepEqual(parseYaml(text), [
    { value: { a: 1 }, line: 3, duplicates: [] },
    { value: { b: ['x'] }, line: 7, duplicates: [] },
  ])
  assert.deepEqual(parseYaml(' \n\n'), [])
})

test('parseYaml() reads JSON, one or several texts', () => {
  assert.deepEqual(read('{"a":9007199254740993,"b":{"c":[1]}}'), { a: 9007199254740993n, b: { c: [1] } })
  assert.deepEqual(parseYaml('{"a":1}\n{"b":2,"b":3}\n'), [
    { value: { a: 1 }, line: 1, duplicates: [] },
    { value: { b: 3 }, line: 2, duplicates: ['duplicate field "b"'] },
  ])
  assert.deepEqual(read('{\n\t"a": "\\u00e9"\n}'), { a: 'é' })
  assert.deepEqual(read('{a: 1, b: [x, "y"]}'), { a: 1, b: ['x', 'y'] }, 'a flow mapping is no JSON')
})

test('parseYaml() reports repeated keys and lets the last one win', () => {
  const [document] = parseYaml('a: 1\nb:\n  c: 1\n  c: 2\na: 3')
  assert.deepEqual(document?.value, { a: 3, b: { c: 2 } })
  assert.deepEqual(document?.duplicates, ['line 4: key "c" already set in map', 'line 5: key "a" already set in map'])
})

test('parseYaml() follows anchors, aliases and merge keys', () => {
  const text =
    'base: &base {a: 1, b: 2}\nother: &other {c: 3, a: 9}\none:\n  <<: *base\n  b: 5\ntwo:\n  <<: [*base, *other]\nlist: [*base]'
  const value = read(text) as Record<string, unknown>
  assert.deepEqual(value.one, { a: 1, b: 5 })
  assert.deepEqual(value.two, { c: 3, a: 1, b: 2 })
  assert.deepEqual(value.list, [{ a: 1, b: 2 }])
})

test('parseYaml() bounds alias bombs', () => {
  const levels = Array.from(
    { length: 12 },
    (_, i) =>
      `a${i}: &a${i} [${
        i === 0
          ? 'x'
          : Array(10)
              .fill(`*a${i - 1}`)
              .join()
      }]`,
  )
  assert.throws(() => parseYaml(levels.join('\n')), /document contains excessive aliasing/)
  assert.throws(() => parseYaml('a: &a [*a]'), /anchor 'a' value contains itself/)
  assert.throws(() => parseYaml('a: *b'), YamlError)
})

test('parseYaml() leaves prototypes alone', () => {
  const value = read('__proto__:\n  polluted: 1\na: 1') as object
  assert.equal(Object.getPrototypeOf(value), Object.prototype)
  assert.deepEqual(Object.keys(value), ['__proto__', 'a'])
})

test('parseYaml() names file, line and column of a fault', () => {
  const text = 'a: 1\nb:\n  - x\n c: d\n'
  assert.throws(
    () => parseYaml(text, { file: 'web.yaml' }),
    (error) => {
      assert(error instanceof YamlError)
      assert.equal(error.file, 'web.yaml')
      assert.equal(error.line, 4)
      assert.match(error.message, /^web\.yaml:4:\d+: /)
      return true
    },
  )
  assert.throws(() => parseYaml('a: "x'), /^YamlError: yaml: line 1, column \d+: /)
  assert.throws(() => parseYaml('a: .inf'), /unsupported value: \+Inf/)
})

test('what no double can hold is text', () => {
  for (const text of ['1e999', '.9e999', '-1e999', '9'.repeat(400)]) {
    assert.deepEqual(parseYaml(`a: ${text}`)[0]?.value, { a: text })
    assert.equal(toYaml({ a: text }), `a: ${text}\n`)
  }
})

test('parseYaml() survives deep nesting', () => {
  assert.throws(() => parseYaml(`a: ${'['.repeat(50_000)}`), YamlError)
})

/** Printed by kubectl 1.36 for the same objects. */
const printed: [string, unknown, string][] = [
  ['empty containers', { a: {}, b: [], c: null, d: [[], {}] }, 'a: {}\nb: []\nc: null\nd:\n- []\n- {}\n'],
  ['lists at the column of their key', { a: [{ b: 1, c: [2] }, [3, 4]] }, 'a:\n- b: 1\n  c:\n  - 2\n- - 3\n  - 4\n'],
  ['keys in natural order', { a10: 1, a2: 1, B: 1, _: 1, a: 1 }, '_: 1\nB: 1\na: 1\na2: 1\na10: 1\n'],
  [
    'words that mean something',
    { n: 'y', t: 'true', u: 'null', v: '~', e: '' },
    'e: ""\n"n": "y"\nt: "true"\nu: "null"\nv: "~"\n',
  ],
  [
    'numbers that are text',
    { a: '1', b: '0o17', c: '1e3', d: '22:22', e: '2020-01-01', f: '1_000', g: '.5' },
    'a: "1"\nb: "0o17"\nc: "1e3"\nd: "22:22"\ne: "2020-01-01"\nf: "1_000"\ng: ".5"\n',
  ],
  [
    'text with indicators',
    { a: '- x', b: 'a: b', c: '#x', d: "it's", e: '"q"', f: '%x', g: 'key:', h: ' lead', i: '? a', j: "'" },
    "a: '- x'\nb: 'a: b'\nc: '#x'\nd: it's\ne: '\"q\"'\nf: '%x'\ng: 'key:'\nh: ' lead'\ni: '? a'\nj: ''''\n",
  ],
  [
    'several lines',
    { a: 'x\ny', b: 'x\n', c: 'x\n\n', d: '  x\ny\n', e: 'x \ny', f: '\n' },
    'a: |-\n  x\n  y\nb: |\n  x\nc: |+\n  x\n\nd: |2\n    x\n  y\ne: "x \\ny"\nf: |2+\n\n',
  ],
  [
    'special characters',
    { a: 'tab\there', b: 'é☃', c: '😀', d: '\u0007' },
    'a: "tab\\there"\nb: é☃\nc: "\\U0001F600"\nd: "\\a"\n',
  ],
  [
    'numbers',
    { a: 1.5, b: 1234567.5, c: 1e21, d: 0.00001, e: 9007199254740993n, f: 1e20 },
    'a: 1.5\nb: 1.2345675e+06\nc: 1e+21\nd: 1e-05\ne: 9007199254740993\nf: 1e+20\n',
  ],
  ['keys of several lines', { 'a\nb': 1, 'c\r': { d: 1 } }, '? |-\n  a\n  b\n: 1\n? "c\\r"\n: d: 1\n'],
  ['undefined', { a: undefined, b: 1 }, 'b: 1\n'],
  ['a scalar', 'x', 'x\n'],
]
for (const [what, value, expected] of printed) {
  test(`toYaml() prints ${what}`, () => assert.equal(toYaml(value), expected))
}

test('toYaml() folds at 80 columns as kubectl does', () => {
  const text = 'it: lorem ipsum dolor '.repeat(10)
  assert.equal(
    toYaml({ data: { a1: text } }),
    `data:
  a1: 'it: lorem ipsum dolor it: lorem ipsum dolor it: lorem ipsum dolor it: lorem
    ipsum dolor it: lorem ipsum dolor it: lorem ipsum dolor it: lorem ipsum dolor
    it: lorem ipsum dolor it: lorem ipsum dolor it: lorem ipsum dolor '
`,
  )
  assert.equal(
    toYaml({ data: { aa: `tab\t ${'lorem ipsum dolor sit amet '.repeat(4)}` } }),
    `data:
  aa: "tab\\t lorem ipsum dolor sit amet lorem ipsum dolor sit amet lorem ipsum dolor
    sit amet lorem ipsum dolor sit amet "
`,
  )
})

test('parseYaml() reads back what toYaml() prints', () => {
  const parts = [
    'a',
    ' ',
    '  ',
    '\n',
    ': ',
    '#',
    '-',
    "'",
    '"',
    '\\',
    '1',
    '0x1',
    'true',
    ':',
    '|',
    'é',
    '😀',
    '\t',
    '{',
    'lorem ipsum dolor sit amet ',
  ]
  let seed = 7
  const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below
  for (let round = 0; round < 500; round++) {
    const text = () => Array.from({ length: random(12) }, () => parts[random(parts.length)]).join('')
    const value = { [`k${text()}`]: text(), list: [text(), { deep: text() }], n: random(2) === 0 ? null : random(1000) }
    assert.deepEqual(read(toYaml(value)), value, toYaml(value))
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CelBudget,
  CelBudgetExceeded,
  CelCompileError,
  type CelDeclared,
  CelError,
  compileCel,
  perCallLimit,
} from './compile.ts'
import { celTypeOfJsonSchema } from './json-schema-type.ts'
import { toJson } from './to-json.ts'

const self = { a: { b: [1, 2, 3] }, text: 'héllo', real: 1.5, labels: { x: 'y' }, nothing: null }
const meter = { charge() {} }

function value(expression: string, variables: Record<string, unknown> = { self }): unknown {
  const declared = Object.fromEntries(Object.keys(variables).map((name): [string, CelDeclared] => [name, 'dyn']))
  const program = compileCel(expression, { variables: declared })
  return toJson(program.evaluate(variables, { remaining: 1e7 }), meter)
}

const values: [expression: string, value: unknown][] = [
  ['self.a.b.map(x, x * 2)', [2, 4, 6]],
  ['self.text.size()', 5],
  ['self.real > 1', true],
  ['self.nothing == null && has(self.nothing) && !has(self.none)', true],
  ['[1, 2].exists(x, x / 0 > 0 || x == 2)', true],
  ['self.?none.orValue(5)', 5],
  ['self.labels.transformMap(k, v, k + v)', { x: 'xy' }],
  ['["bb", "a"].sortBy(s, s.size())', ['a', 'bb']],
  ['[1, 2, 2].distinct() + [[3], [4]].flatten()', [1, 2, 3, 4]],
  ['lists.range(3).reverse()', [2, 1, 0]],
  ['[3, 1].min() + [3, 1].max() + [3, 1].sum()', 8],
  ['[1, 2].isSorted() && [1, 2, 1].lastIndexOf(1) == 2', true],
  ['sets.contains([1, 2], [2]) && sets.equivalent([1, 1], [1]) && !sets.intersects([1], [2])', true],
  ['"abc".find("[bc]+") + "a1b22".findAll("[0-9]+").join("-")', 'bc1-22'],
  ['"%s is %d and %.2f".format(["x", dyn(3), dyn(2.5)])', 'x is 3 and 2.50'],
  ['url("https://user@host:80/a%20b?q=1&q=2").getHost()', 'host:80'],
  ['url("https://[::1]:80/path").getHostname() + url("/a b").getEscapedPath()', '::1/a%20b'],
  ['url("https://h/?k=a&k=b").getQuery()["k"]', ['a', 'b']],
  ['isURL("../x") || isURL("https://a:port/")', false],
  ['quantity("1.5Gi").isGreaterThan(quantity("1500M")) && quantity("50k").asInteger() == 50000', true],
  ['quantity("50k").add(quantity("20k")).sub(20).asInteger()', 69980],
  ['quantity("200M").compareTo(quantity("0.2G"))', 0],
  ['isQuantity("1 Gi")', false],
  ['ip("::1").isLoopback() && ip("10.0.0.1").family() == 4 && ip.isCanonical("2001:db8::1")', true],
  ['isIP("127.0.0.01") || isIP("::ffff:1.2.3.4")', false],
  ['cidr("192.168.0.0/16").containsCIDR(cidr("192.168.10.0/24")) && cidr("10.0.0.1/8").masked() == cidr("10.0.0.0/8")', true],
  ['string(cidr("10.0.0.0/8").ip()) + string(cidr("10.0.0.0/8").prefixLength())', '10.0.0.08'],
  ['semver("1.2.3").isLessThan(semver("1.10.0")) && semver("v1.0", true).major() == 1 && !isSemver("1.0")', true],
  ['semver("1.0.0-alpha.1").compareTo(semver("1.0.0"))', -1],
  ['format.dns1123Label().validate("Not-A-Label").hasValue() && !format.named("uuid").value().validate("x").hasValue()', false],
  ['format.named("nonsense").hasValue()', false],
  ['timestamp("2024-02-29T12:00:00Z").getDayOfYear("+02:00")', 59],
  ['string(timestamp("2024-01-01T00:00:00.5Z") + duration("90m"))', '2024-01-01T01:30:00.5Z'],
  ['type(self.real) == double && type(quantity("1")) == kubernetes.Quantity', true],
  ['optional.of(2).optMap(x, x * 2).or(optional.of(9)).value()', 4],
]

for (const [expression, wanted] of values) {
  test(`compileCel: ${expression}`, () => assert.deepEqual(value(expression), wanted))
}

const failures: [expression: string, message: string][] = [
  ['self.none', 'no such key: none'],
  ['self.a.b[3]', 'index out of bounds: 3'],
  ['1 / (1 - 1)', 'division by zero'],
  ['9223372036854775807 + 1', 'integer overflow'],
  ['dyn("a") + 1', 'no such overload'],
  ['optional.none().value()', 'optional.none() dereference'],
  ['quantity("x")', "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"],
]

for (const [expression, message] of failures) {
  test(`evaluate fails as cel-go does: ${expression}`, () => {
    assert.throws(
      () => value(expression),
      (error: unknown) => error instanceof CelError && error.message === message,
    )
  })
}

const refused: [expression: string, message: string][] = [
  ['foo.bar', "ERROR: <input>:1:1: undeclared reference to 'foo' (in container '')\n | foo.bar\n | ^"],
  ["1 + 'a'", "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | 1 + 'a'\n | ..^"],
  ["[1, 'a']", "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a']\n | ....^"],
  ['self x', "ERROR: <input>:1:6: Syntax error: extraneous input 'x' expecting <EOF>\n | self x\n | .....^"],
  [
    '1 +',
    "ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | 1 +\n | ...^",
  ],
  ["duration('x')", "ERROR: <input>:1:10: invalid duration argument\n | duration('x')\n | .........^"],
  ["self.text.matches('(')", "ERROR: <input>:1:19: invalid matches argument\n | self.text.matches('(')\n | ..................^"],
  ['has(self)', 'ERROR: <input>:1:5: invalid argument to has() macro\n | has(self)\n | ....^'],
  [`${'['.repeat(300)}${']'.repeat(300)}`, 'expression recursion limit exceeded: 250'],
  [`'${'a'.repeat(100_001)}'`, 'expression code point size exceeds limit: size: 100003, limit 100000'],
]

for (const [expression, message] of refused) {
  test(`compileCel refuses as cel-go does: ${expression.slice(0, 30)}`, () => {
    const isTold = (error: unknown) => error instanceof CelCompileError && error.message.includes(message)
    assert.throws(() => compileCel(expression, { variables: { self: 'dyn' } }), isTold)
  })
}

const costs: [expression: string, cost: number][] = [
  ['true', 0],
  ['self.a', 2],
  ['self.a.b.all(x, x > 0)', 19],
  ["self.text.startsWith('h')", 3],
  ["self.text.contains('l')", 3],
  ["'a' in ['a', 'b', 'c']", 3],
  ["ip('10.0.0.1').family()", 2],
]

for (const [expression, cost] of costs) {
  test(`evaluate charges upstream's cost: ${expression}`, () => {
    const budget: CelBudget = { remaining: 1000 }
    compileCel(expression, { variables: { self: 'dyn' } }).evaluate({ self }, budget)
    assert.equal(1000 - budget.remaining, cost)
  })
}

const ten = '[1,2,3,4,5,6,7,8,9,0]'
const hostile: [title: string, expression: string][] = [
  ['nested loops', Array.from({ length: 9 }).reduceRight((inner: string, _, i) => `${ten}.all(x${i}, ${inner})`, 'true')],
  ['lists that double', `[${ten}]${'.map(x, x + x)'.repeat(60)}[0].all(y, y >= 0)`],
  [
    'nesting that doubles, compared',
    `[1]${'.map(x, [x, x])'.repeat(40)} == [1]${'.map(x, [x, x])'.repeat(40)}`.replaceAll('[1].map', '[[1]].map'),
  ],
  ['text that doubles', `['aaaaaaaaaa']${'.map(x, x + x)'.repeat(60)}[0].size()`],
  ['a long replacement', `'${'a'.repeat(2000)}'${".replace('a', 'aaaaaaaaaa')".repeat(10)}.size()`],
  ['a huge range', 'lists.range(1000000000).size()'],
  ['failures', `lists.range(900000).exists(x, x / 0 == 1)`],
  ['text of nesting', `'%s'.format([[1]${'.map(x, [x, x])'.repeat(40)}]).size()`],
  ['a regular expression', `'${'a'.repeat(20_000)}'.matches('${'(a*)*'.repeat(2000)}b')`],
]

for (const [title, expression] of hostile) {
  test(`a hostile expression is given up when its budget is spent: ${title}`, () => {
    const budget: CelBudget = { remaining: 10_000_000 }
    const program = compileCel(expression, { variables: {} })
    assert.throws(() => program.evaluate({}, budget), CelBudgetExceeded)
    assert.ok(10_000_000 - budget.remaining >= perCallLimit)
  })
}

test('a variable that is a function is read once, and only when it is needed', () => {
  let reads = 0
  const lazy = () => {
    reads++
    return { x: 1 }
  }
  const program = compileCel('false && lazy.x == 1 || lazy.x == lazy.x', { variables: { lazy: 'dyn' } })
  assert.equal(program.evaluate({ lazy }, { remaining: 100 }), true)
  assert.equal(reads, 1)
})

const schema = celTypeOfJsonSchema(
  {
    type: 'object',
    properties: {
      'a.b/c-d': { type: 'integer' },
      namespace: { type: 'string', maxLength: 10 },
      set: { type: 'array', maxItems: 5, items: { type: 'string', maxLength: 4 }, 'x-kubernetes-list-type': 'set' },
      map: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
        items: { type: 'object', properties: { k: { type: 'string' }, v: { type: 'integer' } } },
      },
      either: { 'x-kubernetes-int-or-string': true },
      day: { type: 'string', format: 'date' },
      wait: { type: 'string', format: 'duration' },
      bytes: { type: 'string', format: 'byte' },
      open: { 'x-kubernetes-preserve-unknown-fields': true },
      number: { type: 'number' },
    },
  },
  true,
)

const custom = {
  'a.b/c-d': 7,
  namespace: 'here',
  set: ['b', 'a'],
  map: [{ k: 'x', v: 1 }],
  either: 'five',
  day: '2024-05-01',
  wait: '1h30m',
  bytes: 'aGk=',
  number: 2,
  metadata: { name: 'n' },
}

const customRules = [
  'self.a__dot__b__slash__c__dash__d == 7',
  "self.__namespace__ == 'here' && self.metadata.name == 'n'",
  "self.set == ['a', 'b'] && (self.set + ['a', 'c']).size() == 3",
  '(self.map + self.map).size() == 1 && self.map.all(e, e.v == 1)',
  "type(self.either) == string && self.either == 'five'",
  "self.day.getMonth() == 4 && self.wait == duration('90m') && self.bytes == b'hi'",
  'self.number == 2.0',
]

for (const rule of customRules) {
  test(`celTypeOfJsonSchema: ${rule}`, () => {
    const program = compileCel(rule, { variables: { self: schema ?? 'dyn' }, expects: 'bool' })
    assert.equal(program.evaluate({ self: custom }, { remaining: 1000 }), true)
  })
}

test('celTypeOfJsonSchema hides what keeps unknown fields', () => {
  assert.throws(() => compileCel('has(self.open)', { variables: { self: schema ?? 'dyn' } }), /undefined field 'open'/)
})

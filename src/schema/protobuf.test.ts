import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '#api/kinds.ts'
import { formatMicroTime, formatTime } from '#lib/clock.ts'
import { type Random, seededRandom } from '#lib/random.ts'
import { decode } from './decode.ts'
import { decodeProtobuf, encodeProtobuf, ProtobufError, unwrapUnknown, wrapUnknown } from './protobuf.ts'
import { Writer, wire } from './protobuf-wire.ts'
import {
  always,
  boolean,
  bytes,
  double,
  duration,
  embedded,
  int32,
  int64,
  intOrString,
  list,
  map,
  microTime,
  type Node,
  type ObjectNode,
  object,
  optional,
  quantity,
  raw,
  type ScalarType,
  type Schema,
  string,
  time,
} from './words.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const one = (schema: Schema<any>) => object('One', { v: optional(1, schema) })

/** As gogo/protobuf writes them. */
const encodings: [string, Schema<any>, unknown, string][] = [
  ['text', string(), 'hé', '0a 03 68c3a9'],
  ['empty text', string(), '', '0a 00'],
  ['true', boolean(), true, '08 01'],
  ['numbers', int32(), 300, '08 ac02'],
  ['negative numbers', int32(), -1, '08 ffffffffffffffffff01'],
  ['numbers beyond 2^53', int64(), 2n ** 62n + 1n, '08 818080808080808040'],
  ['fractions', double(), 0.5, '09 000000000000e03f'],
  ['bytes', bytes(), 'AQI=', '0a 02 0102'],
  ['quantities', quantity(), '100m', '0a 06 0a04 3130306d'],
  ['times', time(), '2024-01-02T03:04:05Z', '0a 06 08a5facdac06'],
  ['the zero time', time(), null, '0a 00'],
  ['times with microseconds', microTime(), '2024-01-02T03:04:05.000006Z', '0a 09 08a5facdac06 10f02e'],
  ['durations', duration(), '1m30s', '0a 07 088088aca3cf02'],
  ['numbers that could be text', intOrString(), 80, '0a 06 0800 1050 1a00'],
  ['text that could be a number', intOrString(), '25%', '0a 09 0801 1000 1a03323525'],
  ['any JSON', raw(), { a: 1 }, '0a 09 0a07 7b2261223a317d'],
  ['lists', list(int32()), [1, 2], '08 01 08 02'],
  ['maps, by key', map(string()), { b: 'y', a: 'x' }, '0a 06 0a0161 120178 0a 06 0a0162 120179'],
  ['lists inside of maps', map(list(string())), { a: ['x', 'y'] }, '0a 0b 0a0161 1206 0a0178 0a0179'],
]
for (const [what, schema, value, want] of encodings) {
  test(`encodeProtobuf() and decodeProtobuf() agree on ${what}`, () => {
    const encoded = encodeProtobuf(one(schema), { v: value })
    assert.equal(Buffer.from(encoded).toString('hex'), want.replaceAll(' ', ''))
    const { v } = decodeProtobuf(one(schema), encoded)
    assert.deepEqual(v !== null && typeof v === 'object' && !Array.isArray(v) ? { ...v } : v, value)
  })
}

test('encodeProtobuf() puts embedded structs into a message of their own', () => {
  const Inner = object('Inner', { a: optional(1, string()), b: optional(2, int32()) })
  const Outer = object('Outer', { name: optional(1, string()), ...embedded(2, Inner) })
  const value = { name: 'n', a: 'x', b: 1 }
  const encoded = encodeProtobuf(Outer, value)
  assert.equal(Buffer.from(encoded).toString('hex'), '0a016e12050a01781001')
  assert.deepEqual(decodeProtobuf(Outer, encoded), value)
})

test('encodeProtobuf() writes neither what is absent nor what has no number', () => {
  const schema = object('O', { apiVersion: optional(0, string()), a: optional(1, string()), b: optional(2, string()) })
  assert.equal(Buffer.from(encodeProtobuf(schema, { apiVersion: 'v1', a: null, b: 'x' })).toString('hex'), '120178')
})

const readings: [string, Schema<any>, string, unknown][] = [
  ['skips fields that it does not know', string(), '1005 1a0161 210000000000000000 2d00000000 0a0178', 'x'],
  ['takes the last of a field that comes twice', string(), '0a0161 0a0162', 'b'],
  ['reads packed numbers', list(int32()), '0a04 0102ac02', [1, 2, 300]],
  ['cuts numbers to 32 bits', int32(), '08 8180808010', 1],
  ['reads an entry without a value as zero', map(int32()), '0a03 0a0161', { a: 0 }],
  ['reads times to the second', time(), '0a0c 08a5facdac06 10ff93ebdc03', '2024-01-02T03:04:05Z'],
]
for (const [what, schema, input, want] of readings) {
  test(`decodeProtobuf() ${what}`, () => {
    const { v } = decodeProtobuf(one(schema), hex(input))
    assert.deepEqual(typeof v === 'object' && !Array.isArray(v) ? { ...v } : v, want)
  })
}

test('decodeProtobuf() keeps a key named __proto__ a plain key', () => {
  const encoded = encodeProtobuf(one(map(string())), JSON.parse('{"v":{"__proto__":"x"}}'))
  const { v } = decodeProtobuf(one(map(string())), encoded)
  assert.deepEqual(Object.keys(v), ['__proto__'])
})

const hostile: [string, Schema<any>, string, string][] = [
  ['a length beyond the end', string(), '0a05 78', 'unexpected EOF'],
  ['a huge length', string(), '0a ffffffff7f', 'unexpected EOF'],
  ['a length beyond 2^63', string(), '0a ffffffffffffffffff01', 'unexpected EOF'],
  ['a cut number', int32(), '08 ff', 'unexpected EOF'],
  ['a number without an end', int32(), `08 ${'ff'.repeat(11)}`, 'proto: integer overflow'],
  ['a cut fraction', double(), '09 0000', 'unexpected EOF'],
  ['field number 0', string(), '02 00', 'proto: illegal tag'],
  ['another wire type', string(), '08 01', 'proto: wrong wireType = 0 for field V'],
  ['another wire type inside of a quantity', quantity(), '0a02 0801', 'proto: wrong wireType = 0 for field 1'],
  ['an end of a group', string(), '14', 'proto: illegal wireType 4'],
  ['an unknown wire type', string(), '17', 'proto: illegal wireType 7'],
  ['a time beyond all years', time(), '0a0a 08ffffffffffffffff7f', 'Time.MarshalJSON: year outside of range [0,9999]'],
]
for (const [what, schema, input, message] of hostile) {
  test(`decodeProtobuf() refuses ${what}`, () => {
    assert.throws(() => decodeProtobuf(one(schema), hex(input)), { constructor: ProtobufError, message })
  })
}

test('decodeProtobuf() refuses what nests too deep, before the stack ends', () => {
  const fields: Record<string, any> = {}
  const Tree = object('Tree', fields)
  fields.child = optional(1, Tree)
  const deep = (levels: number) => {
    let content = Buffer.alloc(0)
    for (let i = 0; i < levels; i++) {
      const writer = new Writer()
      writer.tag(1, wire.bytes)
      writer.bytes(content)
      content = Buffer.from(writer.finish())
    }
    return content
  }
  assert.ok(decodeProtobuf(Tree, deep(400)))
  assert.throws(() => decodeProtobuf(Tree, deep(20_000)), { constructor: ProtobufError, message: /recursion depth/ })
})

test('decodeProtobuf() of mangled objects throws ProtobufError or answers, and nothing else', () => {
  const random = seededRandom(7)
  for (const { schema } of kinds) {
    const encoded = encodeProtobuf(schema, randomValue(schema, random, 0))
    for (let i = 0; i < 50; i++) {
      const mangled = Uint8Array.from(encoded)
      for (let flips = 0; flips < 3; flips++)
        mangled[Math.floor(random.next() * mangled.length)] = Math.floor(random.next() * 256)
      const cut = mangled.subarray(0, Math.floor(random.next() * mangled.length))
      for (const input of [mangled, cut]) {
        try {
          decodeProtobuf(schema, input)
        } catch (error) {
          // JSON inside of raw fields may be broken too.
          assert.ok(error instanceof ProtobufError || (error as Error).constructor.name === 'JsonError', String(error))
        }
      }
    }
  }
})

for (const { apiVersion, kind, schema } of kinds) {
  test(`encodeProtobuf() and decodeProtobuf() keep every field of ${apiVersion} ${kind}`, () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = seededRandom(seed)
      const value = decode(schema as Schema, { ...(randomValue(schema, random, 0) as object), apiVersion, kind })
      const read = decodeProtobuf(schema as Schema, encodeProtobuf(schema, value)) as object
      assert.deepEqual(decode(schema as Schema, { ...read, apiVersion, kind }), value, `seed ${seed}`)
    }
  })
}

test('wrapUnknown() and unwrapUnknown() agree on the envelope', () => {
  const wrapped = wrapUnknown('v1', 'Pod', hex('0a00'))
  assert.equal(Buffer.from(wrapped).toString('hex'), '6b3873000a090a0276311203506f6412020a001a002200')
  const { apiVersion, kind, raw: content } = unwrapUnknown(wrapped)
  assert.deepEqual(
    { apiVersion, kind, content: Buffer.from(content).toString('hex') },
    { apiVersion: 'v1', kind: 'Pod', content: '0a00' },
  )
})

test('unwrapUnknown() refuses what has no envelope', () => {
  const message = 'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]'
  for (const input of [new Uint8Array(), Buffer.from('{}'), Buffer.from('k8s')])
    assert.throws(() => unwrapUnknown(input), { message })
  assert.throws(() => unwrapUnknown(Buffer.from('k8s\0\x0a\x05')), { message: 'unexpected EOF' })
})

/** A value of a schema: about half of the fields, in canonical form. */
function randomValue(node: Node, random: Random, depth: number): unknown {
  const count = () => 1 + Math.floor(random.next() * 2)
  if (node.type === 'object') return randomObject(node, random, depth)
  if (node.type === 'list') return Array.from({ length: count() }, () => randomValue(node.items, random, depth + 1))
  if (node.type === 'map') {
    return Object.fromEntries(Array.from({ length: count() }, (_, i) => [`k${i}`, randomValue(node.values, random, depth + 1)]))
  }
  return scalarValues[node.type](random)
}

function randomObject({ fields, name }: ObjectNode, random: Random, depth: number): unknown {
  // A schema that contains itself many times over.
  if (depth > 6 && name.endsWith('.JSONSchemaProps')) return {}
  const chosen = Object.entries(fields).filter(([, { number }]) => number > 0 && random.next() < (depth > 6 ? 0.1 : 0.5))
  return Object.fromEntries(chosen.map(([name, { schema }]) => [name, randomValue(schema, random, depth + 1)]))
}

const pick = <T>(random: Random, of: readonly T[]): T => of[Math.floor(random.next() * of.length)] as T
const instant = (random: Random) => Math.floor(random.next() * 4e9) * 1000

const scalarValues: Record<ScalarType, (random: Random) => unknown> = {
  string: (random) => pick(random, ['a', 'ä€😀', 'x'.repeat(200), '']),
  boolean: (random) => random.next() < 0.5,
  int32: (random) => pick(random, [0, 1, -1, 127, 128, 2 ** 31 - 1, -(2 ** 31)]),
  int64: (random) => pick<number | bigint>(random, [0, -1, 2 ** 40, -(2 ** 40), 2n ** 63n - 1n, -(2n ** 63n)]),
  double: (random) => pick(random, [0, 0.25, -1e300]),
  bytes: (random) => Buffer.from(random.bytes(Math.floor(random.next() * 20))).toString('base64'),
  quantity: (random) => pick(random, ['0', '100m', '2Gi', '1500m']),
  time: (random) => formatTime(instant(random)),
  microTime: (random) => formatMicroTime(instant(random)),
  duration: (random) => pick(random, ['0s', '1h0m0s', '1.5s', '-3ms']),
  intOrString: (random) => pick<unknown>(random, [0, 80, -1, '', 'web', '25%']),
  raw: (random) => pick<unknown>(random, [{ a: [1, { b: null }] }, { 'f:metadata': {} }]),
}

test('decodeProtobuf() answers what decode() makes canonical', () => {
  const schema = object('O', { a: optional(1, string()), b: always(2, int32()), c: optional(3, list(string())) })
  assert.deepEqual(decode(schema, decodeProtobuf(schema, hex('0a00 1000'))), { b: 0 })
})

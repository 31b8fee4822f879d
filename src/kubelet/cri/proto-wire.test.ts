import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readProto } from './proto-file.ts'
import { decode, encode } from './proto-wire.ts'

const { messages, services } = readProto(`
  // A comment.
  syntax = "proto3";
  package test.v1;
  service Things { rpc Get(Outer) returns (stream Inner); }
  message Outer {
    enum Colour { RED = 0; GREEN = 1; }
    string text = 1;
    int64 big = 2;
    repeated int64 numbers = 3;
    map<string, string> labels = 4;
    Inner inner = 5;
    repeated Inner list = 6;
    Colour colour = 7;
    bytes raw = 8;
    bool flag = 9;
    int32 small = 10;
  }
  message Inner { uint64 size = 1; }
`)
const outer = messages.get('Outer')!
const empty = {
  text: '',
  big: '0',
  numbers: [],
  labels: {},
  inner: null,
  list: [],
  colour: 'RED',
  raw: Buffer.alloc(0),
  flag: false,
  small: 0,
}

const cases: readonly (readonly [name: string, value: object, hex: string])[] = [
  ['nothing', {}, ''],
  ['text', { text: 'Grüße' }, '0a074772c3bcc39f65'],
  ['more than 2^53', { big: '1763721600123456789' }, ''],
  ['a negative number', { small: -1, big: '-2' }, '10feffffffffffffffff0150ffffffffffffffffff01'],
  ['packed numbers', { numbers: ['1', '300'] }, '1a0301ac02'],
  ['a map', { labels: { a: 'b', c: '' } }, '22060a016112016222050a01631200'],
  ['messages in messages', { inner: { size: '0' }, list: [{ size: '5' }, { size: '0' }] }, '2a00320208053200'],
  ['an enum by its name', { colour: 'GREEN' }, '3801'],
  ['bytes and a flag', { raw: Buffer.from([1, 2]), flag: true }, '420201024801'],
]

for (const [name, value, hex] of cases) {
  test(`encode() and decode(): ${name}`, () => {
    const bytes = encode(outer, value)
    if (name !== 'more than 2^53') assert.equal(bytes.toString('hex'), hex)
    assert.deepEqual(decode(outer, bytes), { ...empty, ...value })
  })
}

test('decode() takes unpacked numbers, skips what it does not know, and refuses what is cut off', () => {
  assert.deepEqual(decode(outer, Buffer.from('18011802', 'hex')).numbers, ['1', '2'])
  const unknown = Buffer.from(['f80101', 'f9010102030405060708', 'fa0102abcd', 'fd0101020304', '0a0161'].join(''), 'hex')
  assert.deepEqual(decode(outer, unknown), { ...empty, text: 'a' })
  for (const cut of ['0a05', '0a0261', '10ff', '2a03080180'])
    assert.throws(() => decode(outer, Buffer.from(cut, 'hex')), /proto:/)
})

test('readProto() knows services by package, and both messages of a method', () => {
  const method = services.get('test.v1.Things')?.get('Get')
  assert.equal(method?.path, '/test.v1.Things/Get')
  assert.deepEqual([method?.request.name, method?.response.name], ['Outer', 'Inner'])
})

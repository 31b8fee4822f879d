import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeStored, metadataOffset, mostAdded, serveBytes, serveInto } from './splice.ts'

const decoder = new TextDecoder()

function served(object: object, revision = 7): string {
  return decoder.decode(serveBytes({ value: encodeStored(object), revision }))
}

const cases = [
  {
    it: 'drops the version of the object and serves that of the row',
    object: { metadata: { name: 'a', resourceVersion: '3' }, kind: 'Pod', apiVersion: 'v1', spec: { b: 1 } },
    json: '{"apiVersion":"v1","kind":"Pod","metadata":{"resourceVersion":"7","name":"a"},"spec":{"b":1}}',
  },
  { it: 'fills empty metadata', object: { kind: 'X', metadata: {} }, json: '{"kind":"X","metadata":{"resourceVersion":"7"}}' },
  { it: 'makes metadata where there is none', object: { kind: 'X' }, json: '{"kind":"X","metadata":{"resourceVersion":"7"}}' },
  {
    it: 'is not misled by values that look like metadata',
    object: { apiVersion: '"metadata":{', kind: 'é', metadata: { name: '"metadata":{' } },
    json: String.raw`{"apiVersion":"\"metadata\":{","kind":"é","metadata":{"resourceVersion":"7","name":"\"metadata\":{"}}`,
  },
  {
    it: 'keeps integers beyond 2^53',
    object: { kind: 'X', metadata: { name: 'a' }, n: 9007199254740993n },
    json: '{"kind":"X","metadata":{"resourceVersion":"7","name":"a"},"n":9007199254740993}',
  },
]

for (const { it, object, json } of cases) test(`serveBytes() ${it}`, () => assert.equal(served(object), json))

test('serveInto() writes the same in place, whatever was written before', () => {
  for (const revision of [1, 7, Number.MAX_SAFE_INTEGER]) {
    for (const { object } of [...cases, ...cases]) {
      const row = { value: encodeStored(object), revision }
      const target = Buffer.alloc(row.value.byteLength + mostAdded + 3)
      const end = serveInto(row, target, 3)
      if (metadataOffset(row.value) === undefined) assert.equal(end, undefined)
      else assert.equal(target.toString('utf8', 3, end), decoder.decode(serveBytes(row)))
    }
  }
  assert.equal(serveInto({ value: Buffer.from('{"spec":{}, "metadata":{}}'), revision: 1 }, Buffer.alloc(99), 0), undefined)
})

test('encodeStored() answers a buffer of exact size and leaves the object alone', () => {
  const object = { kind: 'X', metadata: { name: 'a', resourceVersion: '1' } }
  const bytes = encodeStored(object)
  assert.equal(bytes.buffer.byteLength, bytes.byteLength)
  assert.equal(object.metadata.resourceVersion, '1')
  assert.equal(metadataOffset(bytes), '{"kind":"X","metadata":{'.length)
})

test('serveBytes() serves bytes that somebody else laid out', () => {
  const value = new TextEncoder().encode('{"spec": {}, "metadata": {"name": "a", "resourceVersion": "1"}, "kind": "X"}')
  assert.equal(
    decoder.decode(serveBytes({ value, revision: 9 })),
    '{"kind":"X","metadata":{"resourceVersion":"9","name":"a"},"spec":{}}',
  )
})

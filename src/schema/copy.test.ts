import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { copyJson, copyObject } from './copy.ts'

test('copyObject() shares nothing and drops undefined and unknown fields', () => {
  const source = {
    metadata: { name: 'web', labels: { a: 'b' }, uid: undefined },
    spec: { template: { spec: { containers: [{ name: 'x', args: ['a'], foo: 1 }] } } },
    extra: true,
  }
  const copy = copyObject(Deployment.schema, source)
  assert.deepEqual(copy, {
    metadata: { name: 'web', labels: { a: 'b' } },
    spec: { template: { spec: { containers: [{ name: 'x', args: ['a'] }] } } },
  })
  assert.equal('uid' in copy.metadata, false)
  source.metadata.labels.a = 'changed'
  source.spec.template.spec.containers[0]?.args.push('b')
  assert.equal(copy.metadata.labels?.a, 'b')
  assert.deepEqual(copy.spec.template.spec.containers[0]?.args, ['a'])
  assert.deepEqual(copyObject(Deployment.schema, copy), copy)
})

const refused: [string, unknown][] = [
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['dates', new Date(0)],
  ['functions', () => 1],
  ['symbols', Symbol('x')],
  ['maps', new Map()],
  ['class instances', new (class Thing {})()],
]
for (const [what, value] of refused) {
  test(`copyObject() refuses ${what}`, () => {
    assert.throws(() => copyObject(Deployment.schema, { metadata: { name: value } }), TypeError)
    assert.throws(() => copyJson([{ a: value }]), TypeError)
  })
}

test('copyJson() makes undefined items null and keeps bigints', () => {
  assert.deepEqual(copyJson([undefined, 5n, { a: null, b: undefined }]), [null, 5n, { a: null }])
})

test('copyObject() leaves a wrong type for decode() to find', () => {
  const copy = copyObject(Deployment.schema, { spec: { replicas: 'three', template: [] } }) as unknown
  assert.deepEqual(copy, { spec: { replicas: 'three', template: [] } })
})

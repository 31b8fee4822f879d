import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeInto, withPaths } from './merge-openapi.ts'

const gvk = 'x-kubernetes-group-version-kind'
const ref = (name: string) => ({ $ref: `#/definitions/${name}` })

test('withPaths() leaves out other paths, and the definitions that only they used', () => {
  const document = {
    swagger: '2.0',
    paths: { '/apis/a/v1/x': { get: ref('X') }, '/apis/b/v1/y': { get: ref('Y') } },
    definitions: {
      X: { properties: { part: ref('Part') } },
      Part: {},
      Y: { properties: { own: ref('Own') } },
      Own: {},
      Unused: {},
    },
  }
  assert.deepEqual(withPaths(document, '/apis/a/v1/'), {
    swagger: '2.0',
    paths: { '/apis/a/v1/x': { get: ref('X') } },
    definitions: { X: { properties: { part: ref('Part') } }, Part: {}, Unused: {} },
  })
})

const cases = [
  {
    it: 'adds paths and definitions',
    target: { paths: { '/a': {} }, definitions: { A: {} } },
    source: { paths: { '/b': { get: ref('B') } }, definitions: { B: {} } },
    becomes: { paths: { '/a': {}, '/b': { get: ref('B') } }, definitions: { A: {}, B: {} } },
  },
  {
    it: 'leaves a path that is there, and what only the other one used',
    target: { paths: { '/a': { get: 1 } }, definitions: {} },
    source: { paths: { '/a': { get: ref('A') }, '/b': {} }, definitions: { A: {} } },
    becomes: { paths: { '/a': { get: 1 }, '/b': {} }, definitions: {} },
  },
  {
    it: 'names a definition anew that says something else, wherever it is meant',
    target: { paths: {}, definitions: { A: { type: 'string' }, A_v2: { type: 'number' } } },
    source: { paths: { '/b': { get: ref('A') } }, definitions: { A: { type: 'object', items: ref('A') } } },
    becomes: {
      paths: { '/b': { get: ref('A_v3') } },
      definitions: { A: { type: 'string' }, A_v2: { type: 'number' }, A_v3: { type: 'object', items: ref('A_v3') } },
    },
  },
  {
    it: 'uses the name that an equal one got before',
    target: { paths: {}, definitions: { A: { type: 'string' }, A_v2: { type: 'object' } } },
    source: { paths: { '/b': { get: ref('A') } }, definitions: { A: { type: 'object' } } },
    becomes: { paths: { '/b': { get: ref('A_v2') } }, definitions: { A: { type: 'string' }, A_v2: { type: 'object' } } },
  },
  {
    it: 'brings the kinds of equal definitions together, sorted',
    target: { paths: {}, definitions: { A: { [gvk]: [{ group: 'b', version: 'v1', kind: 'A' }] } } },
    source: { paths: { '/b': { get: ref('A') } }, definitions: { A: { [gvk]: [{ group: 'a', version: 'v1', kind: 'A' }] } } },
    becomes: {
      paths: { '/b': { get: ref('A') } },
      definitions: { A: { [gvk]: ['a', 'b'].map((group) => ({ group, version: 'v1', kind: 'A' })) } },
    },
  },
  {
    it: 'names parameters anew too',
    target: { paths: {}, definitions: {}, parameters: { p: { in: 'query' } } },
    source: { paths: { '/b': { parameters: [{ $ref: '#/parameters/p' }] } }, parameters: { p: { in: 'path' } } },
    becomes: {
      paths: { '/b': { parameters: [{ $ref: '#/parameters/p_v2' }] } },
      definitions: {},
      parameters: { p: { in: 'query' }, p_v2: { in: 'path' } },
    },
  },
]

for (const { it, target, source, becomes } of cases) {
  test(`mergeInto() ${it}`, () => {
    const before = structuredClone(source)
    mergeInto(target as never, source)
    assert.deepEqual(target, becomes)
    assert.deepEqual(source, before, 'the source stays as it is')
  })
}

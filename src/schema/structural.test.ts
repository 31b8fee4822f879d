import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from './decode.ts'
import { applySchemaDefaults } from './default.ts'
import type { JsonSchema } from './json-schema.ts'
import { structuralRoot } from './structural.ts'
import type { Schema } from './words.ts'

const json: JsonSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        number: { type: 'integer', default: 1 },
        nothing: { type: 'string', nullable: true },
        inner: { type: 'object', default: {}, properties: { a: { type: 'string', default: 'x' } } },
        labels: { type: 'object', additionalProperties: { type: 'string', default: 'none' } },
        list: { type: 'array', items: { type: 'object', properties: { b: { type: 'boolean', default: true } } } },
        open: {
          type: 'object',
          'x-kubernetes-preserve-unknown-fields': true,
          properties: { known: { type: 'object', properties: {} } },
        },
        anything: { 'x-kubernetes-preserve-unknown-fields': true },
        template: { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { spec: { type: 'object' } } },
      },
    },
  },
}
const schema = structuralRoot(json) as unknown as Schema<any>

function shaped(spec: unknown): unknown {
  const object = decode(schema, { apiVersion: 'a/v1', kind: 'A', metadata: { name: 'a' }, spec })
  applySchemaDefaults(schema, object)
  return object.spec
}

const defaults = { inner: { a: 'x' }, number: 1 }
const table: readonly [name: string, spec: unknown, expected: unknown][] = [
  ['fills in defaults at every depth', {}, defaults],
  ['drops what is unknown', { foo: 1, inner: { b: 1 } }, defaults],
  ['replaces a null by the default, and keeps one that may be', { number: null, nothing: null }, { ...defaults, nothing: null }],
  [
    'fills items and replaces null values',
    { list: [{}], labels: { a: null, b: 'c' } },
    { ...defaults, list: [{ b: true }], labels: { a: 'none', b: 'c' } },
  ],
  [
    'keeps what a schema preserves, and prunes what it knows',
    { open: { x: { y: 1 }, known: { z: 1 } } },
    { ...defaults, open: { x: { y: 1 }, known: {} } },
  ],
  [
    'keeps anything where anything may stand',
    { anything: { x: [null, { y: 1 }] } },
    { ...defaults, anything: { x: [null, { y: 1 }] } },
  ],
  [
    'keeps type and metadata of embedded objects',
    { template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', foo: 1 }, other: 1 } },
    { ...defaults, template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } } },
  ],
  ['leaves values of a wrong type to validation', { number: 'x', list: 'y' }, { ...defaults, number: 'x', list: 'y' }],
]

for (const [name, spec, expected] of table) test(`structuralRoot() ${name}`, () => assert.deepEqual(shaped(spec), expected))

test('structuralRoot() reports unknown fields by their paths', () => {
  const report = { unknown: [] as string[] }
  decode(schema, { metadata: {}, spec: { foo: 1, list: [{ c: 1 }], open: { x: 1 } }, top: 1 }, report)
  assert.deepEqual(report.unknown, ['unknown field "spec.foo"', 'unknown field "spec.list[0].c"', 'unknown field "top"'])
})

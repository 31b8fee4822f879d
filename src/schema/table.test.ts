import assert from 'node:assert/strict'
import { test } from 'node:test'
import { age, defineKind, type Kind, type KubeObject } from './kind.ts'
import { toTable } from './table.ts'
import { object, optional, string } from './words.ts'

const definition = {
  group: 'test',
  version: 'v1',
  kind: 'Sample',
  plural: 'samples',
  scope: 'Namespaced',
  schemaName: 'test.v1.Sample',
  fields: { spec: optional(2, object('test.v1.SampleSpec', { size: optional(1, string()) })) },
} as const
const Plain = defineKind(definition)
const Wide = defineKind({
  ...definition,
  columns: [
    { name: 'Size', value: ({ spec }) => spec?.size },
    age,
    { name: 'Extra', type: 'integer', priority: 1, value: () => 7 },
  ],
})

const now = Date.parse('2026-01-01T01:00:00Z')
const metadata = { name: 'a', uid: '1', resourceVersion: '5', creationTimestamp: '2026-01-01T00:00:00Z' }
const one: KubeObject = { apiVersion: 'test/v1', kind: 'Sample', metadata }

test('toTable() shows name and creation time of kinds without columns', () => {
  const table = toTable(Plain, [one], { now, metadata: { resourceVersion: '9' } })
  assert.equal(table.kind, 'Table')
  assert.equal(table.apiVersion, 'meta.k8s.io/v1')
  assert.deepEqual(table.metadata, { resourceVersion: '9' })
  assert.deepEqual(
    table.columnDefinitions?.map(({ name, type, format, priority }) => [name, type, format, priority]),
    [
      ['Name', 'string', 'name', 0],
      ['Created At', 'date', '', 0],
    ],
  )
  assert.deepEqual(table.rows[0]?.cells, ['a', '2026-01-01T00:00:00Z'])
})

test('toTable() puts the name before the columns of a kind', () => {
  const table = toTable(Wide, [one], { now })
  assert.deepEqual(
    table.columnDefinitions?.map(({ name, type, priority }) => [name, type, priority]),
    [
      ['Name', 'string', 0],
      ['Size', 'string', 0],
      ['Age', 'string', 0],
      ['Extra', 'integer', 1],
    ],
  )
  assert.deepEqual(table.rows[0]?.cells, ['a', '<none>', '60m', 7])
})

test('toTable() carries what was asked for', () => {
  const carried = (includeObject?: 'None' | 'Metadata' | 'Object') =>
    toTable(Plain, [one], { now, ...(includeObject && { includeObject }) }).rows[0]?.object
  const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }
  assert.deepEqual(carried(), partial)
  assert.deepEqual(carried('Metadata'), partial)
  assert.equal(carried('Object'), one)
  assert.equal(carried('None'), null)
})

test('toTable() leaves headers out on demand and rows empty', () => {
  const table = toTable(Plain, [], { now, noHeaders: true, version: 'v1beta1' })
  assert.deepEqual(table, { kind: 'Table', apiVersion: 'meta.k8s.io/v1beta1', metadata: {}, columnDefinitions: null, rows: [] })
})

test('toTable() gives null for what a custom resource does not have', () => {
  const custom = { ...Wide, schema: { ...Wide.schema, json: {} } } as Kind
  assert.equal(toTable(custom, [one], { now }).rows[0]?.cells[1], null)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Role } from '#api/rbac/v1/role.ts'
import { CSINode } from '#api/storage/v1/csi-node.ts'
import { nullLists } from './null-lists.ts'
import { always, list, object, optional, string } from './words.ts'

const nulls = nullLists(CSINode.schema)

const pairs = [
  { object: { spec: { drivers: [] } }, wire: { spec: { drivers: null } } },
  {
    object: { spec: { drivers: [{ name: 'a', topologyKeys: [] }] } },
    wire: { spec: { drivers: [{ name: 'a', topologyKeys: null }] } },
  },
  {
    object: { spec: { drivers: [{ name: 'a', topologyKeys: ['k'] }] } },
    wire: { spec: { drivers: [{ name: 'a', topologyKeys: ['k'] }] } },
  },
  { object: {}, wire: {} },
]
for (const { object, wire } of pairs) {
  test(`nullLists() leads from ${JSON.stringify(object)} to ${JSON.stringify(wire)} and back`, () => {
    assert.deepEqual(nulls?.toWire(object), wire)
    assert.deepEqual(nulls?.fromWire(structuredClone(wire)), object)
  })
}

test('nullLists() leaves the object alone, and answers it where nothing changes', () => {
  const object = Object.freeze({ rules: Object.freeze([]) })
  assert.deepEqual(nullLists(Role.schema)?.toWire(object), { rules: null })
  const full = { rules: [{ verbs: ['get'] }] }
  assert.equal(nullLists(Role.schema)?.toWire(full), full)
})

test('nullLists() has nothing to do where no list says so', () => {
  const schema = object('x', { a: always(1, list(string())), b: optional(2, object('y', { c: optional(1, list(string())) })) })
  assert.equal(nullLists(schema), undefined)
})

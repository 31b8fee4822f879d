import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CSINode } from '#api/storage/v1/csi-node.ts'
import { watchFrame } from './encode.ts'

test('watchFrame() shapes a bookmark as a table, though it holds nothing but a version', () => {
  const { apiVersion, kind } = CSINode
  const object = { apiVersion, kind, metadata: { resourceVersion: '5', creationTimestamp: null } }
  const wanted = { encoding: 'json', as: { kind: 'Table', version: 'v1' } } as const
  const frame = watchFrame('BOOKMARK', { object }, { wanted, kind: CSINode, now: 0, isFirst: false })
  const event = JSON.parse(Buffer.from(frame).toString())
  assert.equal(event.type, 'BOOKMARK')
  assert.equal(event.object.rows[0].object.metadata.resourceVersion, '5')
})

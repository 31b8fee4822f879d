import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { testCluster } from '#testing/cluster.ts'
import { applyObject } from './apply.ts'

const map = (data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'm', namespace: 'default' },
  data,
})

test('applyObject() says what became of the object, removes what the file lost, and leaves the rest alone', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  const apply = (data: Record<string, string>) => applyObject(client, ConfigMap, map(data), { fieldManager: 'nami' })
  assert.equal((await apply({ a: '1', b: '1' })).result, 'created')
  assert.equal((await apply({ a: '1', b: '1' })).result, 'unchanged')
  await client.patch(ConfigMap, map({}).metadata, { type: 'merge', body: { data: { a: '9', theirs: '1' } } })
  const { result, object } = await apply({ a: '2' })
  assert.equal(result, 'configured')
  assert.deepEqual(object.data, { a: '2', theirs: '1' })
})

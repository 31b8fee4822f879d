import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { testCluster } from '#testing/cluster.ts'
import { send } from '#testing/send.ts'
import { garbageCollector } from './garbage-collector.ts'

test('dependents of a custom resource go with it', async () => {
  await using cluster = await testCluster({ controllers: [garbageCollector()] })
  const group = 'example.com'
  const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }]
  const body = {
    metadata: { name: `owners.${group}` },
    spec: { group, scope: 'Namespaced', names: { plural: 'owners', kind: 'Owner' }, versions },
  }
  await send(cluster.server, 'POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body })
  await cluster.settle()
  const path = `/apis/${group}/v1/namespaces/default/owners` as const
  const { object } = await send(cluster.server, `POST ${path}`, { body: { metadata: { name: 'o' } } })
  const owner = { apiVersion: `${group}/v1`, kind: 'Owner', name: 'o', uid: object.metadata.uid }
  await cluster.client.create(ConfigMap, { metadata: { name: 'c', namespace: 'default', ownerReferences: [owner] } })
  await cluster.settle()
  assert.equal((await cluster.list(ConfigMap, 'default')).length, 1)
  await send(cluster.server, `DELETE ${path}/o`)
  await cluster.settle()
  assert.equal((await cluster.list(ConfigMap, 'default')).length, 0)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testCluster } from '#testing/cluster.ts'
import { send } from '#testing/send.ts'

const path = '/api/v1/componentstatuses'
const deprecated = ['v1 ComponentStatus is deprecated in v1.19+']

test('component statuses are made when somebody reads them', async () => {
  await using cluster = await testCluster()
  const { object, warnings } = await send(cluster.server, `GET ${path}`)
  assert.equal(object.kind, 'ComponentStatusList')
  assert.deepEqual(warnings, deprecated)
  assert.deepEqual(
    object.items.map(({ metadata, conditions }: any) => [metadata.name, conditions]),
    ['scheduler', 'controller-manager', 'etcd-0'].map((name) => [name, [{ type: 'Healthy', status: 'True', message: 'ok' }]]),
  )
  const one = await send(cluster.server, `GET ${path}/scheduler`)
  assert.equal(one.object.metadata.name, 'scheduler')
})

test('component statuses are selected by name, and made by nobody else', async () => {
  await using cluster = await testCluster()
  const found = await send(cluster.server, `GET ${path}?fieldSelector=metadata.name%3Detcd-0`)
  assert.deepEqual(
    found.object.items.map(({ metadata }: any) => metadata.name),
    ['etcd-0'],
  )
  const none = await send(cluster.server, `GET ${path}/none`)
  assert.deepEqual([none.status, none.object.message], [500, 'Component not found: none'])
  assert.equal((await send(cluster.server, `POST ${path}`, { body: {} })).status, 405)
})

test('Endpoints tell whoever asks that they are deprecated', async () => {
  await using cluster = await testCluster()
  const { warnings } = await send(cluster.server, 'GET /api/v1/endpoints')
  assert.deepEqual(warnings, ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'])
})

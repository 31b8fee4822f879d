import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { Endpoints } from '#api/core/v1/endpoints.ts'
import { Event } from '#api/core/v1/event.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ReplicationController } from '#api/core/v1/replication-controller.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { hasReason } from '#schema/status-error.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { deployment, node, service } from '#testing/make.ts'
import { runPods } from '#testing/run-pods.ts'
import { controllersOf } from './controllers.ts'

const start = (options: Parameters<typeof testCluster>[0] = {}) =>
  testCluster({ controllers: controllersOf({ rootCa: 'PEM' }), policy: true, ...options })

async function rollThrough(cluster: TestCluster) {
  const { client } = cluster
  await client.create(Node, node('n1'))
  await client.create(Namespace, { metadata: { name: 'team' } })
  await cluster.settle()
  const created = await client.create(Deployment, deployment('web', { namespace: 'team', spec: { replicas: 3 } }))
  await client.create(Service, service('web', { namespace: 'team' }))
  await runPods(cluster)
  const template = { spec: { containers: [{ name: 'main', image: 'example/app:2' }] } }
  await client.patch(Deployment, created, { type: 'strategic', body: { spec: { template } } })
  await runPods(cluster)
  await cluster.advance(30_000)
}

test('all controllers together bring up a Deployment and clear its namespace, each with its own rights', async () => {
  await using cluster = await start()
  await rollThrough(cluster)
  const { status } = await cluster.client.get(Deployment, { name: 'web', namespace: 'team' })
  assert.equal(status.availableReplicas, 3)
  assert.equal(status.updatedReplicas, 3)
  assert.equal((await cluster.list(EndpointSlice, 'team')).length, 1)
  assert.equal((await cluster.list(Endpoints, 'team')).length, 1)
  await cluster.client.delete(Namespace, { name: 'team' })
  await cluster.settle()
  for (let tries = 0; tries < 5; tries++) {
    await runPods(cluster)
    await cluster.advance(60_000)
  }
  await assert.rejects(cluster.client.get(Namespace, { name: 'team' }), (error) => hasReason(error, 'NotFound'))
  for (const kind of [Pod, ReplicaSet, Service, EndpointSlice, Endpoints])
    assert.deepEqual(await cluster.list<any>(kind, 'team'), [])
  assert.deepEqual(cluster.errors, [])
})

test('all controllers together do the same twice, bit for bit', async () => {
  const once = async () => {
    await using cluster = await start({ seed: 7 })
    await rollThrough(cluster)
    return JSON.stringify([
      await cluster.list(Pod),
      await cluster.list(ReplicaSet),
      await cluster.list(Event),
      await cluster.list(EndpointSlice),
    ])
  }
  assert.equal(await once(), await once())
})

test('a ReplicationController keeps its pods', async () => {
  await using cluster = await start()
  await cluster.settle()
  const template = { metadata: { labels: { app: 'old' } }, spec: { containers: [{ name: 'main', image: 'example/app:1' }] } }
  const at = { name: 'old', namespace: 'default' }
  await cluster.client.create(ReplicationController, { metadata: at, spec: { replicas: 2, selector: { app: 'old' }, template } })
  await runPods(cluster)
  assert.equal((await cluster.client.get(ReplicationController, at)).status.availableReplicas, 2)
  await cluster.client.patch(ReplicationController, at, { type: 'merge', body: { spec: { replicas: 1 } } })
  await runPods(cluster)
  assert.equal((await cluster.list(Pod)).length, 1)
  assert.deepEqual(cluster.errors, [])
})

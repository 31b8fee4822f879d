import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { deployment } from '#testing/make.ts'
import { runPods } from '#testing/run-pods.ts'
import { deploymentController } from '../deployment/deployment.ts'
import { replicaSetController } from '../replicaset/replicaset.ts'
import { garbageCollector } from './garbage-collector.ts'

const workloads = [deploymentController, replicaSetController, garbageCollector()]

async function startDeployment() {
  const cluster = await testCluster({ controllers: workloads })
  const created = await cluster.client.create(Deployment, deployment('web', { spec: { replicas: 2 } }))
  await runPods(cluster)
  return { cluster, created }
}

const counts = async (cluster: TestCluster) => [
  (await cluster.list(Deployment)).length,
  (await cluster.list(ReplicaSet)).length,
  (await cluster.list(Pod)).length,
]

test('garbage collector deletes in the background what a deleted owner leaves', async () => {
  const { cluster, created } = await startDeployment()
  await using _ = cluster
  await cluster.client.delete(Deployment, created, { propagationPolicy: 'Background' })
  await runPods(cluster)
  assert.deepEqual(await counts(cluster), [0, 0, 0])
  assert.deepEqual(cluster.errors, [])
})

test('garbage collector deletes in the foreground: the owner goes last', async () => {
  const { cluster, created } = await startDeployment()
  await using _ = cluster
  for (const pod of await cluster.list(Pod)) {
    await cluster.client.patch(Pod, pod, { type: 'merge', body: { metadata: { finalizers: ['example.com/hold'] } } })
  }
  await cluster.client.delete(Deployment, created, { propagationPolicy: 'Foreground' })
  await cluster.settle()
  assert.deepEqual(await counts(cluster), [1, 1, 2])
  for (const pod of await cluster.list(Pod)) {
    assert(pod.metadata.deletionTimestamp)
    await cluster.client.patch(Pod, pod, { type: 'merge', body: { metadata: { finalizers: null } } })
  }
  await runPods(cluster)
  assert.deepEqual(await counts(cluster), [0, 0, 0])
  assert.deepEqual(cluster.errors, [])
})

test('garbage collector leaves orphans behind when that is asked for', async () => {
  const { cluster, created } = await startDeployment()
  await using _ = cluster
  await cluster.client.delete(Deployment, created, { propagationPolicy: 'Orphan' })
  await cluster.advance(1000)
  assert.deepEqual(await counts(cluster), [0, 1, 2])
  assert.equal((await cluster.list(ReplicaSet))[0]?.metadata.ownerReferences, undefined)
})

test('garbage collector collects what names an owner that never was', async () => {
  await using cluster = await testCluster({ controllers: [garbageCollector()] })
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: '5f0c9d5e-7a0c-4f0e-8f3c-000000000000' }
  await cluster.client.create(ConfigMap, { metadata: { name: 'child', namespace: 'default', ownerReferences: [owner] } })
  await cluster.settle()
  assert.deepEqual(await cluster.list(ConfigMap, 'default'), [])
})

test('garbage collector takes an absent owner off an object that has another', async () => {
  await using cluster = await testCluster({ controllers: [garbageCollector()] })
  const parent = await cluster.client.create(ConfigMap, { metadata: { name: 'parent', namespace: 'default' } })
  const reference = (name: string, uid: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name, uid })
  const ownerReferences = [reference('parent', parent.metadata.uid), reference('gone', '5f0c9d5e-7a0c-4f0e-8f3c-000000000000')]
  await cluster.client.create(ConfigMap, { metadata: { name: 'child', namespace: 'default', ownerReferences } })
  await cluster.settle()
  const child = await cluster.client.get(ConfigMap, { name: 'child', namespace: 'default' })
  assert.deepEqual(
    child.metadata.ownerReferences?.map(({ name }) => name),
    ['parent'],
  )
})

const owner = ({ metadata }: ConfigMap) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name: metadata.name,
  uid: metadata.uid,
  blockOwnerDeletion: true,
})

async function makeMap({ client }: TestCluster, name: string, owners: readonly ConfigMap[] = []): Promise<ConfigMap> {
  return client.create(ConfigMap, { metadata: { name, namespace: 'default', ownerReferences: owners.map(owner) } })
}

const maps = async (cluster: TestCluster) => (await cluster.list(ConfigMap)).map(({ metadata }) => metadata.name)

test('garbage collector is not blocked by objects that own each other in a circle', async () => {
  await using cluster = await testCluster({ controllers: [garbageCollector()] })
  const first = await makeMap(cluster, 'a')
  const second = await makeMap(cluster, 'b', [first])
  const third = await makeMap(cluster, 'c', [second])
  const body = { metadata: { ownerReferences: [owner(third)] } }
  await cluster.client.patch(ConfigMap, first, { type: 'merge', body })
  await cluster.settle()
  await cluster.client.delete(ConfigMap, first, { propagationPolicy: 'Foreground' })
  await cluster.advance(90_000)
  assert.deepEqual(await maps(cluster), [])
})

test('garbage collector leaves what has another owner, while one waits for its dependents to go', async () => {
  await using cluster = await testCluster({ controllers: [garbageCollector()] })
  const leaving = await makeMap(cluster, 'leaving')
  const staying = await makeMap(cluster, 'staying')
  await makeMap(cluster, 'both', [leaving, staying])
  await makeMap(cluster, 'one', [leaving])
  await cluster.settle()
  await cluster.client.delete(ConfigMap, leaving, { propagationPolicy: 'Foreground' })
  await cluster.advance(30_000)
  assert.deepEqual((await maps(cluster)).sort(), ['both', 'staying'])
  const { metadata } = await cluster.client.get(ConfigMap, { name: 'both', namespace: 'default' })
  assert.deepEqual(
    metadata.ownerReferences?.map(({ name }) => name),
    ['staying'],
  )
})

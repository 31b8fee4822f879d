import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ControllerRevision } from '#api/apps/v1/controller-revision.ts'
import { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { kinds } from '#api/kinds.ts'
import type { Draft } from '#schema/words.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { statefulSet } from '#testing/make.ts'
import { runPods, setReady } from '#testing/run-pods.ts'
import { eventsOf } from '#testing/transcript.ts'
import { garbageCollector } from '../garbage-collector/garbage-collector.ts'
import { statefulSetController } from './statefulset.ts'

const at = { name: 'db', namespace: 'default' }
const start = () => testCluster({ controllers: [statefulSetController, garbageCollector(kinds)], policy: true })
const create = (cluster: TestCluster, spec: Draft<StatefulSet['spec']> = {}) =>
  cluster.client.create(StatefulSet, statefulSet('db', { spec }))
const change = (cluster: TestCluster, spec: object) =>
  cluster.client.patch(StatefulSet, at, { type: 'strategic', body: { spec } })
const image = (tag: string) => ({ template: { spec: { containers: [{ name: 'main', image: `example/app:${tag}` }] } } })

async function images(cluster: TestCluster): Promise<string> {
  const pods = await cluster.list(Pod)
  return pods.map(({ metadata, spec }) => `${metadata.name}=${spec.containers[0]?.image?.split(':')[1]}`).join(' ')
}

const claims = [
  { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
]

test('StatefulSet controller lives a whole life: made in order, rolled, rolled back, scaled, deleted', async () => {
  await using cluster = await start()
  await create(cluster, { replicas: 2, serviceName: 'db', volumeClaimTemplates: claims as never })
  await cluster.settle()
  assert.equal(await images(cluster), 'db-0=1', 'the second waits for the first')
  await runPods(cluster)
  const [first] = await cluster.list(Pod)
  assert.equal(first?.spec.hostname, 'db-0')
  assert.equal(first?.spec.subdomain, 'db')
  assert.equal(first?.metadata.labels?.['apps.kubernetes.io/pod-index'], '0')
  assert.equal(first?.metadata.labels?.['statefulset.kubernetes.io/pod-name'], 'db-0')
  assert.equal(first?.spec.volumes?.[0]?.persistentVolumeClaim?.claimName, 'data-db-0')
  const before = (await cluster.client.get(StatefulSet, at)).status
  assert.deepEqual(
    [before.replicas, before.readyReplicas, before.availableReplicas, before.currentReplicas, before.updatedReplicas],
    [2, 2, 2, 2, 2],
  )
  await change(cluster, image('2'))
  await cluster.settle()
  assert.equal(await images(cluster), 'db-0=1 db-1=2', 'from the highest ordinal down')
  await runPods(cluster)
  assert.equal(await images(cluster), 'db-0=2 db-1=2')
  const { status } = await cluster.client.get(StatefulSet, at)
  assert.equal(status.currentRevision, status.updateRevision)
  assert.notEqual(status.currentRevision, before.currentRevision)
  await change(cluster, image('1'))
  await runPods(cluster)
  assert.equal((await cluster.client.get(StatefulSet, at)).status.updateRevision, before.currentRevision, 'rolled back to')
  assert.deepEqual((await cluster.list(ControllerRevision)).map(({ revision }) => revision).sort(), [2, 3])
  await change(cluster, { replicas: 1 })
  await runPods(cluster)
  assert.equal(await images(cluster), 'db-0=1')
  assert.equal((await cluster.list(PersistentVolumeClaim)).length, 2, 'claims stay')
  await cluster.client.delete(StatefulSet, at)
  await runPods(cluster)
  assert.deepEqual([(await cluster.list(Pod)).length, (await cluster.list(ControllerRevision)).length], [0, 0])
  assert.deepEqual(await eventsOf(cluster, 'db'), [
    'SuccessfulCreate: create Claim data-db-0 Pod db-0 in StatefulSet db success',
    'SuccessfulCreate: create Pod db-0 in StatefulSet db successful (x3)',
    'SuccessfulCreate: create Claim data-db-1 Pod db-1 in StatefulSet db success',
    'SuccessfulCreate: create Pod db-1 in StatefulSet db successful (x3)',
    'SuccessfulDelete: delete Pod db-1 in StatefulSet db successful (x3)',
    'SuccessfulDelete: delete Pod db-0 in StatefulSet db successful (x2)',
  ])
  assert.deepEqual(cluster.errors, [])
})

test('StatefulSet controller in parallel makes all pods at once, from the start ordinal', async () => {
  await using cluster = await start()
  await create(cluster, { replicas: 3, podManagementPolicy: 'Parallel', ordinals: { start: 5 } })
  await cluster.settle()
  assert.equal(await images(cluster), 'db-5=1 db-6=1 db-7=1')
})

test('StatefulSet controller leaves ordinals below the partition alone, also when they are made anew', async () => {
  await using cluster = await start()
  const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } as const
  await create(cluster, { replicas: 3, updateStrategy })
  await runPods(cluster)
  await change(cluster, image('2'))
  await runPods(cluster)
  assert.equal(await images(cluster), 'db-0=1 db-1=2 db-2=2')
  await cluster.client.delete(Pod, { name: 'db-0', namespace: 'default' }, { gracePeriodSeconds: 0 })
  await runPods(cluster)
  assert.equal(await images(cluster), 'db-0=1 db-1=2 db-2=2')
  const { status } = await cluster.client.get(StatefulSet, at)
  assert.deepEqual([status.currentReplicas, status.updatedReplicas], [1, 2])
})

test('StatefulSet controller replaces pods that have ended, and with OnDelete only those that somebody deletes', async () => {
  await using cluster = await start()
  await create(cluster, { replicas: 2, updateStrategy: { type: 'OnDelete' } })
  await runPods(cluster)
  await change(cluster, image('2'))
  await runPods(cluster)
  assert.equal(await images(cluster), 'db-0=1 db-1=1')
  const pod = await cluster.client.get(Pod, { name: 'db-1', namespace: 'default' })
  await cluster.client.update(Pod, { ...pod, status: { ...pod.status, phase: 'Failed' } }, { subresource: 'status' })
  await runPods(cluster)
  assert.equal(await images(cluster), 'db-0=1 db-1=2')
})

test('StatefulSet controller counts pods as available after minReadySeconds, and waits for it', async () => {
  await using cluster = await start()
  await create(cluster, { replicas: 2, minReadySeconds: 10 })
  await runPods(cluster)
  assert.equal(await images(cluster), 'db-0=1')
  await cluster.advance(10_000)
  assert.equal(await images(cluster), 'db-0=1 db-1=1')
  assert.equal((await cluster.client.get(StatefulSet, at)).status.availableReplicas, 1)
})

test('StatefulSet controller gives claims to pods or the set as the retention policy says', async () => {
  await using cluster = await start()
  const policy = { whenDeleted: 'Delete', whenScaled: 'Delete' }
  await create(cluster, { replicas: 2, volumeClaimTemplates: claims as never, persistentVolumeClaimRetentionPolicy: policy })
  await runPods(cluster)
  const owners = async () =>
    (await cluster.list(PersistentVolumeClaim)).map(
      ({ metadata }) => `${metadata.name}: ${metadata.ownerReferences?.map(({ kind, name }) => `${kind} ${name}`)}`,
    )
  assert.deepEqual(await owners(), ['data-db-0: StatefulSet db', 'data-db-1: StatefulSet db'])
  await change(cluster, { replicas: 1 })
  await runPods(cluster)
  for (const claim of await cluster.list(PersistentVolumeClaim)) {
    if (claim.metadata.deletionTimestamp)
      await cluster.client.update(PersistentVolumeClaim, { ...claim, metadata: { ...claim.metadata, finalizers: [] } })
  }
  await cluster.settle()
  assert.deepEqual(await owners(), ['data-db-0: StatefulSet db'])
  assert.deepEqual(cluster.errors, [])
})

test('StatefulSet controller waits for a broken pod and goes on when it is well', async () => {
  await using cluster = await start()
  await create(cluster, { replicas: 3 })
  await runPods(cluster)
  const pod = await cluster.client.get(Pod, { name: 'db-2', namespace: 'default' })
  await setReady(cluster, pod, false)
  await change(cluster, image('2'))
  await runPods(cluster, { ready: ({ metadata }) => metadata.name !== 'db-2' })
  assert.equal(await images(cluster), 'db-0=1 db-1=1 db-2=1')
  await runPods(cluster)
  assert.equal(await images(cluster), 'db-0=2 db-1=2 db-2=2')
})

test('StatefulSet controller in parallel updates as many pods at once as may be unavailable', async () => {
  await using cluster = await start()
  const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } } as const
  await create(cluster, { replicas: 5, podManagementPolicy: 'Parallel', updateStrategy })
  await runPods(cluster)
  await change(cluster, image('2'))
  await cluster.settle()
  assert.equal(await images(cluster), 'db-0=1 db-1=1 db-2=1 db-3=2 db-4=2')
  await runPods(cluster)
  assert.equal(await images(cluster), 'db-0=2 db-1=2 db-2=2 db-3=2 db-4=2')
})

test('StatefulSet controller keeps as many old revisions as the limit says, and those in use', async () => {
  await using cluster = await start()
  await create(cluster, { replicas: 1, revisionHistoryLimit: 1 })
  await runPods(cluster)
  for (const tag of ['2', '3', '4']) {
    await change(cluster, image(tag))
    await runPods(cluster)
  }
  assert.deepEqual((await cluster.list(ControllerRevision)).map(({ revision }) => revision).sort(), [3, 4])
})

test('StatefulSet controller gives a revision another name where the first is taken, and counts that', async () => {
  await using cluster = await start()
  await create(cluster, { replicas: 1 })
  await runPods(cluster)
  const [taken] = await cluster.list(ControllerRevision)
  await cluster.client.delete(StatefulSet, at)
  await runPods(cluster)
  const metadata = { name: taken?.metadata.name ?? '', namespace: 'default' }
  await cluster.client.create(ControllerRevision, { metadata, data: { spec: {} }, revision: 1 } as never)
  await create(cluster, { replicas: 1 })
  await runPods(cluster)
  const { status } = await cluster.client.get(StatefulSet, at)
  assert.equal(status.collisionCount, 1)
  assert.notEqual(status.currentRevision, taken?.metadata.name)
  assert.equal(status.readyReplicas, 1)
})

test('StatefulSet controller takes up pods and revisions that a set of its name has left behind', async () => {
  await using cluster = await start()
  await create(cluster, { replicas: 2 })
  await runPods(cluster)
  const before = (await cluster.list(Pod)).map(({ metadata }) => metadata.uid)
  await cluster.client.delete(StatefulSet, at, { propagationPolicy: 'Orphan' })
  await runPods(cluster)
  assert.ok((await cluster.list(Pod)).every(({ metadata }) => !metadata.ownerReferences))
  const { metadata } = await create(cluster, { replicas: 2 })
  await runPods(cluster)
  const pods = await cluster.list(Pod)
  assert.deepEqual(
    pods.map(({ metadata }) => metadata.uid),
    before,
  )
  assert.ok(pods.every((pod) => pod.metadata.ownerReferences?.[0]?.uid === metadata.uid))
  assert.equal((await cluster.list(ControllerRevision)).length, 1)
})

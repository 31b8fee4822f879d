import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { Event } from '#api/core/v1/event.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { testCluster } from '#testing/cluster.ts'
import { pod, replicaSet } from '#testing/make.ts'
import { runPods, setReady } from '#testing/run-pods.ts'
import { replicaSetController } from './replicaset.ts'

const at = { name: 'web', namespace: 'default' }
const start = () => testCluster({ controllers: [replicaSetController] })

test('ReplicaSet controller creates the pods that are missing, as children with events', async () => {
  await using cluster = await start()
  await cluster.client.create(ReplicaSet, replicaSet('web', { spec: { replicas: 3 } }))
  await cluster.settle()
  const pods = await cluster.list(Pod)
  assert.equal(pods.length, 3)
  for (const { metadata } of pods) {
    assert.match(metadata.name, /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
    assert.equal(metadata.ownerReferences?.[0]?.controller, true)
    assert.equal(metadata.ownerReferences?.[0]?.blockOwnerDeletion, true)
  }
  const { status, metadata } = await cluster.client.get(ReplicaSet, at)
  assert.equal(status.replicas, 3)
  assert.equal(status.fullyLabeledReplicas, 3)
  assert.equal(status.observedGeneration, metadata.generation)
  const events = await cluster.list(Event)
  assert.deepEqual(
    events.map(({ reason }) => reason),
    Array(3).fill('SuccessfulCreate'),
  )
  assert.match(events[0]?.message ?? '', /^Created pod: web-/)
  assert.equal(events[0]?.source.component, 'replicaset-controller')
  assert.deepEqual(cluster.errors, [])
})

test('ReplicaSet controller replaces a pod that disappears', async () => {
  await using cluster = await start()
  await cluster.client.create(ReplicaSet, replicaSet('web', { spec: { replicas: 2 } }))
  await cluster.settle()
  const [victim, survivor] = await cluster.list(Pod)
  assert(victim && survivor)
  await cluster.client.delete(Pod, victim)
  await cluster.settle()
  const names = (await cluster.list(Pod)).map(({ metadata }) => metadata.name)
  assert.equal(names.length, 2)
  assert(names.includes(survivor.metadata.name), 'the other pod must be left alone')
})

test('ReplicaSet controller scales down, not-ready pods first', async () => {
  await using cluster = await start()
  const rs = await cluster.client.create(ReplicaSet, replicaSet('web', { spec: { replicas: 3 } }))
  await cluster.settle()
  const [first] = await cluster.list(Pod)
  await runPods(cluster, { ready: ({ metadata }) => metadata.name === first?.metadata.name })
  await cluster.client.patch(ReplicaSet, rs, { type: 'merge', body: { spec: { replicas: 1 } } })
  await runPods(cluster)
  assert.deepEqual(
    (await cluster.list(Pod)).map(({ metadata }) => metadata.name),
    [first?.metadata.name],
  )
  assert.equal((await cluster.client.get(ReplicaSet, at)).status.readyReplicas, 1)
})

test('ReplicaSet controller adopts orphans that match and releases pods that match no more', async () => {
  await using cluster = await start()
  await cluster.client.create(Pod, pod('stray', { labels: { app: 'web' } }))
  await cluster.client.create(ReplicaSet, replicaSet('web', { spec: { replicas: 1 } }))
  await cluster.settle()
  const [stray, ...rest] = await cluster.list(Pod)
  assert.equal(rest.length, 0)
  assert.equal(stray?.metadata.ownerReferences?.[0]?.name, 'web')
  await cluster.client.patch(Pod, stray, { type: 'merge', body: { metadata: { labels: { app: 'other' } } } })
  await cluster.settle()
  const released = await cluster.client.get(Pod, { name: 'stray', namespace: 'default' })
  assert.equal(released.metadata.ownerReferences, undefined)
  assert.equal((await cluster.list(Pod)).length, 2)
})

test('ReplicaSet controller counts a pod as available after minReadySeconds', async () => {
  await using cluster = await start()
  await cluster.client.create(ReplicaSet, replicaSet('web', { spec: { replicas: 1, minReadySeconds: 10 } }))
  await runPods(cluster)
  const before = await cluster.client.get(ReplicaSet, at)
  assert.equal(before.status.readyReplicas, 1)
  assert.equal(before.status.availableReplicas, undefined)
  await cluster.advance(10_000)
  assert.equal((await cluster.client.get(ReplicaSet, at)).status.availableReplicas, 1)
})

test('ReplicaSet controller replaces a pod that has failed', async () => {
  await using cluster = await start()
  await cluster.client.create(ReplicaSet, replicaSet('web', { spec: { replicas: 1 } }))
  await cluster.settle()
  const [failed] = await cluster.list(Pod)
  assert(failed)
  const running = await setReady(cluster, failed, true)
  await cluster.client.update(Pod, { ...running, status: { ...running.status, phase: 'Failed' } }, { subresource: 'status' })
  await cluster.settle()
  assert.equal((await cluster.list(Pod)).length, 2)
  assert.equal((await cluster.client.get(ReplicaSet, at)).status.replicas, 1)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { Event } from '#api/core/v1/event.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { deployment, replicaSet } from '#testing/make.ts'
import { runPods } from '#testing/run-pods.ts'
import { replicaSetController } from '../replicaset/replicaset.ts'
import { deploymentController } from './deployment.ts'

const at = { name: 'web', namespace: 'default' }
const start = () => testCluster({ controllers: [deploymentController, replicaSetController] })

const image = (name: string) => ({
  type: 'strategic' as const,
  body: { spec: { template: { spec: { containers: [{ name: 'main', image: name }] } } } },
})

async function conditionsOf(cluster: TestCluster) {
  const { status } = await cluster.client.get(Deployment, at)
  return Object.fromEntries(
    (status.conditions ?? []).map(({ type, status, reason, message }) => [type, { status, reason, message }]),
  )
}

async function imagesOf(cluster: TestCluster) {
  return (await cluster.list(Pod)).map(({ spec }) => spec.containers[0]?.image)
}

async function messages(cluster: TestCluster) {
  return (await cluster.list(Event)).filter(({ reason }) => reason === 'ScalingReplicaSet').map(({ message }) => message)
}

test('Deployment controller makes a ReplicaSet and reports a finished rollout', async () => {
  await using cluster = await start()
  await cluster.client.create(Deployment, deployment('web', { spec: { replicas: 3 } }))
  await runPods(cluster)
  const [rs, ...others] = await cluster.list(ReplicaSet)
  assert(rs)
  assert.equal(others.length, 0)
  const hash = rs.metadata.labels?.['pod-template-hash']
  assert.equal(rs.metadata.name, `web-${hash}`)
  assert.equal(rs.spec.selector?.matchLabels?.['pod-template-hash'], hash)
  assert.equal(rs.metadata.annotations?.['deployment.kubernetes.io/desired-replicas'], '3')
  assert.equal(rs.metadata.annotations?.['deployment.kubernetes.io/max-replicas'], '4')
  const { metadata, status } = await cluster.client.get(Deployment, at)
  assert.equal(metadata.annotations?.['deployment.kubernetes.io/revision'], '1')
  assert.equal(metadata.generation, 1)
  assert.equal(status.observedGeneration, 1)
  assert.deepEqual(
    [status.replicas, status.updatedReplicas, status.readyReplicas, status.availableReplicas, status.unavailableReplicas],
    [3, 3, 3, 3, undefined],
  )
  assert.deepEqual(await conditionsOf(cluster), {
    Available: { status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' },
    Progressing: {
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: `ReplicaSet "${rs.metadata.name}" has successfully progressed.`,
    },
  })
  assert.deepEqual(await messages(cluster), [`Scaled up replica set ${rs.metadata.name} from 0 to 3`])
  assert.deepEqual(cluster.errors, [])
})

test('Deployment controller rolls to a new template within its budget, and back to an earlier revision', async () => {
  await using cluster = await start()
  const created = await cluster.client.create(Deployment, deployment('web', { spec: { replicas: 4 } }))
  await runPods(cluster)
  await cluster.client.patch(Deployment, created, image('example/app:2'))
  await cluster.settle()
  assert.equal((await cluster.list(Pod)).filter((pod) => !pod.metadata.deletionTimestamp).length, 5, 'one more, one less')
  await runPods(cluster)
  assert.deepEqual(await imagesOf(cluster), Array(4).fill('example/app:2'))
  await cluster.client.patch(Deployment, created, image('example/app:1'))
  await runPods(cluster)
  assert.deepEqual(await imagesOf(cluster), Array(4).fill('example/app:1'))
  const sets = await cluster.list(ReplicaSet)
  assert.equal(sets.length, 2)
  const current = sets.find(({ spec }) => spec.replicas === 4)
  assert.equal(current?.metadata.annotations?.['deployment.kubernetes.io/revision'], '3')
  assert.equal(current?.metadata.annotations?.['deployment.kubernetes.io/revision-history'], '1')
  const { metadata } = await cluster.client.get(Deployment, at)
  assert.equal(metadata.annotations?.['deployment.kubernetes.io/revision'], '3')
  assert.deepEqual(cluster.errors, [])
})

test('Deployment controller scales the ReplicaSets of a halted rollout in proportion', async () => {
  await using cluster = await start()
  const spec = { replicas: 10, strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } }
  const created = await cluster.client.create(Deployment, deployment('web', { spec }))
  await runPods(cluster)
  await cluster.client.patch(Deployment, created, image('example/app:broken'))
  await runPods(cluster, { ready: ({ spec }) => spec.containers[0]?.image === 'example/app:1' })
  const sizes = async () => (await cluster.list(ReplicaSet)).map(({ spec }) => spec.replicas).sort()
  assert.deepEqual(await sizes(), [5, 8])
  await cluster.client.patch(Deployment, created, { type: 'merge', body: { spec: { replicas: 15 } } })
  await cluster.settle()
  assert.deepEqual(await sizes(), [11, 7], 'as in the documentation of Deployments')
})

test('Deployment controller with Recreate waits for old pods to go', async () => {
  await using cluster = await start()
  const spec = { replicas: 2, strategy: { type: 'Recreate' as const } }
  const created = await cluster.client.create(Deployment, deployment('web', { spec }))
  await runPods(cluster)
  await cluster.client.patch(Deployment, created, image('example/app:2'))
  await cluster.settle()
  assert(
    !(await imagesOf(cluster)).includes('example/app:2') || (await imagesOf(cluster)).every((name) => name === 'example/app:2'),
  )
  await runPods(cluster)
  assert.deepEqual(await imagesOf(cluster), Array(2).fill('example/app:2'))
})

test('Deployment controller starts no rollout while it is paused', async () => {
  await using cluster = await start()
  const created = await cluster.client.create(Deployment, deployment('web', { spec: { replicas: 1 } }))
  await runPods(cluster)
  await cluster.client.patch(Deployment, created, { type: 'merge', body: { spec: { paused: true } } })
  await cluster.client.patch(Deployment, created, image('example/app:2'))
  await runPods(cluster)
  assert.equal((await cluster.list(ReplicaSet)).length, 1)
  assert.deepEqual((await conditionsOf(cluster)).Progressing, {
    status: 'Unknown',
    reason: 'DeploymentPaused',
    message: 'Deployment is paused',
  })
  await cluster.client.patch(Deployment, created, { type: 'merge', body: { spec: { paused: null } } })
  await runPods(cluster)
  assert.deepEqual(await imagesOf(cluster), ['example/app:2'])
})

test('Deployment controller says when a rollout is late', async () => {
  await using cluster = await start()
  await cluster.client.create(Deployment, deployment('web', { spec: { replicas: 1, progressDeadlineSeconds: 60 } }))
  await runPods(cluster, { ready: () => false })
  assert.equal((await conditionsOf(cluster)).Progressing?.reason, 'ReplicaSetUpdated')
  await cluster.advance(62_000)
  const [rs] = await cluster.list(ReplicaSet)
  assert.deepEqual((await conditionsOf(cluster)).Progressing, {
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
    message: `ReplicaSet "${rs?.metadata.name}" has timed out progressing.`,
  })
})

test('Deployment controller keeps as many old ReplicaSets as the history limit says', async () => {
  await using cluster = await start()
  const created = await cluster.client.create(Deployment, deployment('web', { spec: { replicas: 1, revisionHistoryLimit: 1 } }))
  for (const version of ['2', '3', '4']) {
    await runPods(cluster)
    await cluster.client.patch(Deployment, created, image(`example/app:${version}`))
  }
  await runPods(cluster)
  const images = (await cluster.list(ReplicaSet)).map(({ spec }) => spec.template.spec?.containers[0]?.image)
  assert.deepEqual(images.sort(), ['example/app:3', 'example/app:4'])
})

test('Deployment controller takes another name when its ReplicaSet name is taken', async () => {
  await using cluster = await start()
  const first = await cluster.client.create(Deployment, deployment('web', { spec: { replicas: 1 } }))
  await cluster.settle()
  const [rs] = await cluster.list(ReplicaSet)
  await cluster.client.delete(Deployment, first)
  await cluster.client.delete(ReplicaSet, rs as ReplicaSet)
  const taken = replicaSet(rs?.metadata.name ?? '', { spec: { replicas: 0 } })
  await cluster.client.create(ReplicaSet, taken)
  await cluster.client.create(Deployment, deployment('web', { spec: { replicas: 1 } }))
  await cluster.advance(1000)
  const { status } = await cluster.client.get(Deployment, at)
  assert.equal(status.collisionCount, 1)
  assert.equal((await cluster.list(ReplicaSet)).length, 2)
})

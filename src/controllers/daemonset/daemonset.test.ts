import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ControllerRevision } from '#api/apps/v1/controller-revision.ts'
import { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { kinds } from '#api/kinds.ts'
import type { Draft } from '#schema/words.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { daemonSet, node } from '#testing/make.ts'
import { runPods } from '#testing/run-pods.ts'
import { eventsOf } from '#testing/transcript.ts'
import { garbageCollector } from '../garbage-collector/garbage-collector.ts'
import { daemonSetController } from './daemonset.ts'
import { targetOf } from './node-fit.ts'

const at = { name: 'log', namespace: 'default' }
const image = (tag: string) => ({ template: { spec: { containers: [{ name: 'main', image: `example/app:${tag}` }] } } })

async function start(nodes: number): Promise<TestCluster> {
  const cluster = await testCluster({ controllers: [daemonSetController(), garbageCollector(kinds)], policy: true })
  for (let i = 1; i <= nodes; i++) await addNode(cluster, `n${i}`)
  await cluster.settle()
  return cluster
}

/** Nodes are born tainted as not ready. */
async function addNode(cluster: TestCluster, name: string): Promise<void> {
  await cluster.client.create(Node, node(name))
  await cluster.client.patch(Node, { name }, { type: 'merge', body: { spec: { taints: null } } })
}

const create = (cluster: TestCluster, spec: Draft<DaemonSet['spec']> = {}) =>
  cluster.client.create(DaemonSet, daemonSet('log', { spec }))
const change = (cluster: TestCluster, spec: object) => cluster.client.patch(DaemonSet, at, { type: 'strategic', body: { spec } })

async function places(cluster: TestCluster): Promise<string> {
  const pods = await cluster.list(Pod)
  return pods
    .map((pod) => `${targetOf(pod)}=${pod.spec.containers[0]?.image?.split(':')[1]}`)
    .sort()
    .join(' ')
}

/** Binds pods as the scheduler would, and lets them run. */
async function runBound(cluster: TestCluster, options: Parameters<typeof runPods>[1] = {}): Promise<void> {
  for (let rounds = 0; rounds < 3; rounds++) {
    await cluster.settle()
    for (const pod of await cluster.list(Pod)) {
      if (pod.spec.nodeName) continue
      const body = {
        apiVersion: 'v1',
        kind: 'Binding',
        target: { kind: 'Node', name: targetOf(pod) },
        metadata: { name: pod.metadata.name },
      }
      await cluster.client.post(Pod, pod, { subresource: 'binding', body })
    }
    await runPods(cluster, options)
  }
}

test('DaemonSet controller lives a whole life: made, rolled, rolled back, followed by nodes, deleted', async () => {
  await using cluster = await start(2)
  await create(cluster)
  await cluster.settle()
  const [pod] = await cluster.list(Pod)
  assert.equal(pod?.metadata.labels?.['pod-template-generation'], '1')
  assert.deepEqual(
    pod?.spec.tolerations?.map(({ key }) => key?.replace('node.kubernetes.io/', '')),
    ['not-ready', 'unreachable', 'disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable'],
  )
  await runBound(cluster)
  const { status } = await cluster.client.get(DaemonSet, at)
  assert.deepEqual(
    { ...status },
    {
      currentNumberScheduled: 2,
      desiredNumberScheduled: 2,
      numberAvailable: 2,
      numberMisscheduled: 0,
      numberReady: 2,
      observedGeneration: 1,
      updatedNumberScheduled: 2,
    },
  )
  await addNode(cluster, 'n3')
  await runBound(cluster)
  assert.equal(await places(cluster), 'n1=1 n2=1 n3=1')
  await change(cluster, image('2'))
  await cluster.settle()
  assert.equal((await cluster.list(Pod)).filter(({ metadata }) => metadata.deletionTimestamp).length, 1, 'one at a time')
  await runBound(cluster)
  assert.equal(await places(cluster), 'n1=2 n2=2 n3=2')
  await change(cluster, image('1'))
  await runBound(cluster)
  assert.equal(await places(cluster), 'n1=1 n2=1 n3=1')
  assert.deepEqual((await cluster.list(ControllerRevision)).map(({ revision }) => revision).sort(), [2, 3])
  await change(cluster, { template: { spec: { nodeSelector: { 'kubernetes.io/hostname': 'n2' } } } })
  await runBound(cluster)
  assert.equal(await places(cluster), 'n2=1')
  await cluster.client.delete(DaemonSet, at)
  await runPods(cluster)
  assert.deepEqual([(await cluster.list(Pod)).length, (await cluster.list(ControllerRevision)).length], [0, 0])
  const reasons = new Set((await eventsOf(cluster, 'log')).map((line) => line.replace(/log-\w+.*/, '<pod>')))
  assert.deepEqual(
    [...reasons].filter((line) => !line.includes('combined')),
    ['SuccessfulCreate: Created pod: <pod>', 'SuccessfulDelete: Deleted pod: <pod>'],
  )
  assert.deepEqual(cluster.errors, [])
})

test('DaemonSet controller with surge starts the new pod beside the old one', async () => {
  await using cluster = await start(2)
  await create(cluster, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } })
  await runBound(cluster)
  await change(cluster, image('2'))
  await cluster.settle()
  assert.equal((await places(cluster)).split(' ').length, 3)
  assert.ok((await cluster.list(Pod)).every(({ metadata }) => !metadata.deletionTimestamp))
  await runBound(cluster)
  assert.equal(await places(cluster), 'n1=2 n2=2')
})

test('DaemonSet controller keeps off tainted nodes, but leaves pods that run there unless they must not', async () => {
  await using cluster = await start(2)
  const taint = async (name: string, effect: 'NoSchedule' | 'NoExecute') =>
    cluster.client.patch(Node, { name }, { type: 'merge', body: { spec: { taints: [{ key: 'x', effect }] } } })
  await taint('n1', 'NoSchedule')
  await create(cluster)
  await runBound(cluster)
  assert.equal(await places(cluster), 'n2=1')
  await taint('n2', 'NoSchedule')
  await runBound(cluster)
  assert.equal(await places(cluster), 'n2=1')
  assert.equal((await cluster.client.get(DaemonSet, at)).status.numberMisscheduled, 1)
  await taint('n2', 'NoExecute')
  await runBound(cluster)
  assert.equal(await places(cluster), '')
})

test('DaemonSet controller removes failed pods with growing pauses, and says so', async () => {
  await using cluster = await start(1)
  await create(cluster)
  const made = new Set<string>()
  const failAll = async () => {
    await cluster.settle()
    for (const pod of await cluster.list(Pod)) {
      made.add(pod.metadata.uid)
      if (pod.status.phase !== 'Failed') {
        await cluster.client.update(Pod, { ...pod, status: { ...pod.status, phase: 'Failed' } }, { subresource: 'status' })
      }
    }
    await cluster.settle()
  }
  for (let seconds = 0; seconds < 60; seconds++) {
    await failAll()
    await cluster.advance(1000)
  }
  assert.ok(made.size >= 5 && made.size <= 8, `${made.size} pods in a minute`)
  assert.match(
    (await eventsOf(cluster, 'log')).join('\n'),
    /FailedDaemonPod: Found failed daemon pod default\/log-\w+ on node n1, will try to kill it/,
  )
})

test('DaemonSet controller with OnDelete replaces only what somebody deletes', async () => {
  await using cluster = await start(2)
  await create(cluster, { updateStrategy: { type: 'OnDelete' } })
  await runBound(cluster)
  await change(cluster, image('2'))
  await runBound(cluster)
  assert.equal(await places(cluster), 'n1=1 n2=1')
  const [pod] = (await cluster.list(Pod)).filter((one) => targetOf(one) === 'n1')
  await cluster.client.delete(Pod, pod as Pod)
  await runBound(cluster)
  assert.equal(await places(cluster), 'n1=2 n2=1')
  assert.equal((await cluster.client.get(DaemonSet, at)).status.updatedNumberScheduled, 1)
})

test('DaemonSet controller leaves revisions that others make alone until there is something to do', async () => {
  await using cluster = await start(1)
  await create(cluster)
  await runBound(cluster)
  const [first] = await cluster.list(ControllerRevision)
  assert(first)
  const { labels = {}, ownerReferences } = first.metadata
  const metadata = { name: 'log-other', namespace: 'default', labels, ownerReferences } as never
  await cluster.client.create(ControllerRevision, { metadata, data: first.data, revision: 2 } as never)
  await cluster.settle()
  assert.equal((await cluster.list(ControllerRevision)).length, 2, 'of one template, and yet both are there')
  await cluster.client.delete(ControllerRevision, first)
  await cluster.settle()
  await change(cluster, { template: { spec: { terminationGracePeriodSeconds: 1 } } })
  await runBound(cluster)
  const revisions = await cluster.list(ControllerRevision)
  assert.deepEqual(revisions.map(({ revision }) => Number(revision)).sort(), [2, 3])
  assert.deepEqual(cluster.errors, [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lease } from '#api/coordination/v1/lease.ts'
import { Event } from '#api/core/v1/event.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { formatMicroTime, formatTime } from '#lib/clock.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { node, pod } from '#testing/make.ts'
import { setReady } from '#testing/run-pods.ts'
import { podGarbageCollector } from '../pod-garbage-collector.ts'
import { nodeIpamController, planCidr } from './node-ipam.ts'
import { nodeLifecycleController } from './node-lifecycle.ts'
import { taintEvictionController, tolerates } from './taint-eviction.ts'
import { evictionRates, stateOf } from './zones.ts'

async function start() {
  const cluster = await testCluster({ controllers: [nodeLifecycleController, taintEvictionController] })
  for (const name of ['n1', 'n2']) {
    await cluster.client.create(Node, node(name, { labels: { 'kubernetes.io/os': 'linux' } }))
    await report(cluster, name)
    await cluster.client.create(Lease, { metadata: { namespace: 'kube-node-lease', name }, spec: { holderIdentity: name } })
  }
  await cluster.settle()
  return cluster
}

async function report(cluster: TestCluster, name: string) {
  const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: formatTime(cluster.clock.now()) }]
  await cluster.client.patch(Node, { name }, { type: 'merge', body: { status: { conditions } } }, { subresource: 'status' })
}

async function renew(cluster: TestCluster, name: string) {
  const renewTime = formatMicroTime(cluster.clock.now())
  await cluster.client.patch(Lease, { namespace: 'kube-node-lease', name }, { type: 'merge', body: { spec: { renewTime } } })
}

/** Lets time pass while only these nodes are alive. */
async function pass(cluster: TestCluster, seconds: number, alive: readonly string[]) {
  for (let left = seconds; left > 0; left -= 10) {
    for (const name of alive) await renew(cluster, name)
    await cluster.advance(Math.min(left, 10) * 1000)
  }
}

const ready = async (cluster: TestCluster, name: string) =>
  (await cluster.client.get(Node, { name })).status.conditions?.find(({ type }) => type === 'Ready')
const taints = async (cluster: TestCluster, name: string) =>
  ((await cluster.client.get(Node, { name })).spec.taints ?? []).map(({ key, effect }) => `${key}:${effect}`).sort()

test('node lifecycle controller leaves nodes alone that renew their lease', async () => {
  await using cluster = await start()
  await pass(cluster, 300, ['n1', 'n2'])
  assert.equal((await ready(cluster, 'n1'))?.status, 'True')
  assert.deepEqual(await taints(cluster, 'n1'), [])
  assert.equal((await cluster.client.get(Node, { name: 'n1' })).metadata.labels?.['beta.kubernetes.io/os'], 'linux')
  assert.deepEqual(cluster.errors, [])
})

test('a node that falls silent becomes unknown, is tainted, its pods unready and then evicted; it can come back', async () => {
  await using cluster = await start()
  const created = await cluster.client.create(Pod, pod('a', { spec: { nodeName: 'n1' } }))
  await setReady(cluster, created, true, '10.244.0.2')
  await pass(cluster, 70, ['n2'])
  const condition = await ready(cluster, 'n1')
  assert.equal(condition?.status, 'Unknown')
  assert.equal(condition?.reason, 'NodeStatusUnknown')
  assert.equal(condition?.message, 'Kubelet stopped posting node status.')
  assert.deepEqual(await taints(cluster, 'n1'), [
    'node.kubernetes.io/unreachable:NoExecute',
    'node.kubernetes.io/unreachable:NoSchedule',
  ])
  const at = { name: 'a', namespace: 'default' }
  assert.equal((await cluster.client.get(Pod, at)).status.conditions?.find(({ type }) => type === 'Ready')?.status, 'False')
  assert.equal((await cluster.client.get(Pod, at)).metadata.deletionTimestamp, undefined, 'tolerated for 300 s by default')
  await pass(cluster, 310, ['n2'])
  const evicted = await cluster.client.get(Pod, at)
  assert(evicted.metadata.deletionTimestamp)
  assert.equal(evicted.status.conditions?.find(({ type }) => type === 'DisruptionTarget')?.reason, 'DeletionByTaintManager')
  assert((await cluster.list(Event)).some(({ message }) => message === 'Marking for deletion Pod default/a'))
  await report(cluster, 'n1')
  await pass(cluster, 10, ['n1', 'n2'])
  assert.deepEqual(await taints(cluster, 'n1'), [])
  assert.deepEqual(cluster.errors, [])
})

test('nobody is evicted while all nodes are silent', async () => {
  await using cluster = await start()
  await cluster.client.create(Pod, pod('a', { spec: { nodeName: 'n1' } }))
  await cluster.advance(1_000_000)
  assert.equal((await ready(cluster, 'n1'))?.status, 'Unknown')
  const { metadata } = await cluster.client.get(Pod, { name: 'a', namespace: 'default' })
  assert.equal(metadata.deletionTimestamp, undefined)
})

test('taint eviction controller deletes at once what does not tolerate a NoExecute taint', async () => {
  await using cluster = await testCluster({ controllers: [taintEvictionController] })
  const created = await cluster.client.create(Node, node('n1'))
  await cluster.client.create(Pod, pod('a', { spec: { nodeName: 'n1' } }))
  const tolerations = [{ key: 'maintenance', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 } as const]
  await cluster.client.create(Pod, pod('b', { spec: { nodeName: 'n1', tolerations } }))
  await cluster.client.patch(Node, created, {
    type: 'merge',
    body: { spec: { taints: [{ key: 'maintenance', effect: 'NoExecute' }] } },
  })
  await cluster.settle()
  const leaving = async () =>
    (await cluster.list(Pod)).filter(({ metadata }) => metadata.deletionTimestamp).map(({ metadata }) => metadata.name)
  assert.deepEqual(await leaving(), ['a'])
  await cluster.advance(31_000)
  assert.deepEqual((await leaving()).sort(), ['a', 'b'])
})

test('pod garbage collector removes pods of nodes that are gone, after a while', async () => {
  await using cluster = await testCluster({ controllers: [podGarbageCollector] })
  await cluster.client.create(Pod, pod('lost', { spec: { nodeName: 'never' } }))
  await cluster.advance(30_000)
  assert.equal((await cluster.list(Pod)).length, 1)
  await cluster.advance(60_000)
  assert.equal((await cluster.list(Pod)).length, 0)
  assert.deepEqual(cluster.errors, [])
})

test('node IPAM controller gives each node a range of its own', async () => {
  await using cluster = await testCluster({ controllers: [nodeIpamController()] })
  for (const name of ['n1', 'n2', 'n3']) await cluster.client.create(Node, node(name))
  await cluster.settle()
  const ranges = (await cluster.list(Node)).map(({ spec }) => spec.podCIDR)
  assert.deepEqual(ranges.sort(), ['10.244.0.0/24', '10.244.1.0/24', '10.244.2.0/24'])
})

const ranges = [
  { it: 'takes the first that is free', taken: ['10.0.0.0/24', '10.0.2.0/24'], cidr: '10.0.1.0/24' },
  { it: 'keeps clear of ranges of another size', taken: ['10.0.0.0/23'], cidr: '10.0.2.0/24' },
  { it: 'answers nothing when all are taken', taken: ['10.0.0.0/22'], cidr: undefined },
]
for (const { it, taken, cidr } of ranges) {
  test(`planCidr() ${it}`, () => assert.equal(planCidr({ clusterCidr: '10.0.0.0/22', nodeMaskSize: 24, taken }), cidr))
}

const tolerations = [
  { toleration: { operator: 'Exists' }, taint: { key: 'a', effect: 'NoExecute' }, is: true },
  { toleration: { key: 'a', operator: 'Exists', effect: 'NoSchedule' }, taint: { key: 'a', effect: 'NoExecute' }, is: false },
  { toleration: { key: 'a', value: 'x' }, taint: { key: 'a', value: 'x', effect: 'NoExecute' }, is: true },
  { toleration: { key: 'a', value: 'y' }, taint: { key: 'a', value: 'x', effect: 'NoExecute' }, is: false },
  { toleration: { key: 'a', operator: 'Gt', value: '5' }, taint: { key: 'a', value: '6', effect: 'NoExecute' }, is: true },
] as const
for (const { toleration, taint, is } of tolerations) {
  test(`tolerates() ${JSON.stringify(toleration)} ${JSON.stringify(taint)}`, () => assert.equal(tolerates(toleration, taint), is))
}

function nodes(readyCount: number, failed: number, zone = 'a'): Node[] {
  return Array.from({ length: readyCount + failed }, (_, at) => ({
    metadata: { name: `${zone}${at}`, labels: { 'topology.kubernetes.io/zone': zone } },
    status: { conditions: [{ type: 'Ready', status: at < readyCount ? 'True' : 'Unknown' }] },
  })) as unknown as Node[]
}

const isReady = ({ status }: Node) => status.conditions?.[0]?.status === 'True'

test('stateOf() tells a zone that is down from nodes that are', () => {
  assert.equal(stateOf(nodes(0, 3), isReady), 'FullDisruption')
  assert.equal(stateOf(nodes(2, 3), isReady), 'PartialDisruption')
  assert.equal(stateOf(nodes(1, 2), isReady), 'Normal')
  assert.equal(stateOf(nodes(10, 1), isReady), 'Normal')
})

test('evictionRates() are low in a large zone that fails, and nothing when all zones are down', () => {
  const rate = (all: Node[]) => evictionRates(all, isReady).get(':a')
  assert.equal(rate(nodes(10, 1)), 0.1)
  assert.equal(rate(nodes(2, 4)), 0)
  assert.equal(rate(nodes(20, 40)), 0.01)
  assert.equal(rate(nodes(0, 3)), 0)
  assert.equal(rate([...nodes(3, 0, 'b'), ...nodes(0, 3)]), 0.1)
})

/** The life of a node and of the pods on it: events, conditions and taints at each station, as upstream tells them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lease } from '#api/coordination/v1/lease.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { formatMicroTime, formatTime } from '#lib/clock.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { node, pod } from '#testing/make.ts'
import { setReady } from '#testing/run-pods.ts'
import { eventsOf } from '#testing/transcript.ts'
import { nodeLifecycleController } from './node-lifecycle.ts'
import { taintEvictionController } from './taint-eviction.ts'

const at = (name: string) => ({ name, namespace: 'default' })

/** What is new about an object since the last look. */
function teller(cluster: TestCluster) {
  const told = new Map<string, number>()
  return async (name: string) => {
    const events = await eventsOf(cluster, name)
    const fresh = events.slice(told.get(name) ?? 0)
    told.set(name, events.length)
    return fresh
  }
}

async function look(cluster: TestCluster, name: string) {
  const { status, spec } = await cluster.client.get(Node, { name })
  const conditions = (status.conditions ?? []).map(({ type, status: is, reason = '' }) => `${type}=${is} ${reason}`.trim())
  const taints = (spec.taints ?? []).map(({ key, effect, timeAdded }) => `${key}:${effect}${timeAdded ? ' timed' : ''}`)
  return { conditions, taints: taints.sort() }
}

async function alive(cluster: TestCluster, name: string, ready: 'True' | 'False' = 'True') {
  const now = cluster.clock.now()
  const reason = ready === 'True' ? 'KubeletReady' : 'KubeletNotReady'
  const conditions = [{ type: 'Ready', status: ready, reason, lastHeartbeatTime: formatTime(now) }]
  await cluster.client.patch(Node, { name }, { type: 'strategic', body: { status: { conditions } } }, { subresource: 'status' })
  const body = { spec: { renewTime: formatMicroTime(now) } }
  await cluster.client.patch(Lease, { namespace: 'kube-node-lease', name }, { type: 'merge', body })
}

async function pass(cluster: TestCluster, seconds: number, names: readonly string[]) {
  for (let left = seconds; left > 0; left -= 10) {
    for (const name of names) await alive(cluster, name)
    await cluster.advance(Math.min(left, 10) * 1000)
  }
}

test('the life of a node: registered, silent, back, cordoned, not ready, removed', async () => {
  await using cluster = await testCluster({ controllers: [nodeLifecycleController, taintEvictionController] })
  const { client } = cluster
  const told = teller(cluster)
  for (const name of ['n1', 'n2']) {
    await client.create(Node, node(name))
    await client.create(Lease, { metadata: { namespace: 'kube-node-lease', name }, spec: { holderIdentity: name } })
    await alive(cluster, name)
  }
  for (const name of ['a', 'b']) {
    const tolerations = [
      { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 },
    ]
    const made = await client.create(Pod, pod(name, { spec: { nodeName: 'n1', ...(name === 'a' && { tolerations }) } as never }))
    await setReady(cluster, made, true)
  }
  await cluster.settle()
  assert.deepEqual(await told('n1'), ['RegisteredNode: Node n1 event: Registered Node n1 in Controller'])
  assert.deepEqual(await look(cluster, 'n1'), { conditions: ['Ready=True KubeletReady'], taints: [] })

  await pass(cluster, 60, ['n2'])
  assert.deepEqual(await told('n1'), ['NodeNotReady: Node n1 status is now: NodeNotReady'])
  assert.deepEqual(await look(cluster, 'n1'), {
    conditions: [
      'Ready=Unknown NodeStatusUnknown',
      'MemoryPressure=Unknown NodeStatusNeverUpdated',
      'DiskPressure=Unknown NodeStatusNeverUpdated',
      'PIDPressure=Unknown NodeStatusNeverUpdated',
    ],
    taints: ['node.kubernetes.io/unreachable:NoExecute timed', 'node.kubernetes.io/unreachable:NoSchedule timed'],
  })
  assert.deepEqual([await told('a'), await told('b')], [['NodeNotReady: Node is not ready'], ['NodeNotReady: Node is not ready']])

  await pass(cluster, 60, ['n2'])
  assert.deepEqual(await told('a'), ['TaintManagerEviction: Marking for deletion Pod default/a'])
  const { status, metadata } = await client.get(Pod, at('a'))
  assert.ok(metadata.deletionTimestamp)
  const target = status.conditions?.find(({ type }) => type === 'DisruptionTarget')
  assert.deepEqual(
    [target?.status, target?.reason, target?.message],
    ['True', 'DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint'],
  )

  await pass(cluster, 10, ['n1', 'n2'])
  assert.deepEqual(await told('b'), ['TaintManagerEviction: Cancelling deletion of Pod default/b'])
  assert.deepEqual((await look(cluster, 'n1')).taints, [])

  await client.patch(Node, { name: 'n1' }, { type: 'merge', body: { spec: { unschedulable: true } } })
  await alive(cluster, 'n1', 'False')
  await cluster.settle()
  assert.deepEqual((await look(cluster, 'n1')).taints, [
    'node.kubernetes.io/not-ready:NoExecute timed',
    'node.kubernetes.io/not-ready:NoSchedule timed',
    'node.kubernetes.io/unschedulable:NoSchedule timed',
  ])
  await client.delete(Node, { name: 'n1' })
  await cluster.settle()
  assert.deepEqual(await told('n1'), ['RemovingNode: Node n1 event: Removing Node n1 from Controller'])
  assert.deepEqual(cluster.errors, [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event } from '#api/core/v1/event.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import * as make from '#testing/make.ts'
import { runScheduler } from './scheduler.ts'

async function scheduling(): Promise<{ cluster: TestCluster; stop: () => void }> {
  const cluster = await testCluster()
  const abort = new AbortController()
  const { client, clock, random } = cluster
  const started = runScheduler({ client, clock, random, signal: abort.signal, onError: assert.ifError })
  await cluster.settle()
  await started
  return { cluster, stop: () => abort.abort() }
}

const addNode = async ({ client }: TestCluster, ...args: Parameters<typeof make.node>) => {
  const { status, ...rest } = make.node(...args)
  const node = await client.create(Node, rest)
  const ready = { ...node, spec: { ...node.spec, taints: [] } }
  const { metadata } = await client.update(Node, ready)
  await client.update(Node, { ...ready, metadata, status } as Node, { subresource: 'status' })
}

const read = ({ client }: TestCluster, name: string) => client.get(Pod, { name, namespace: 'default' })

test('scheduler binds a pod and says so in an event', async () => {
  const { cluster, stop } = await scheduling()
  await using _ = cluster
  await addNode(cluster, 'a')
  await cluster.client.create(Pod, make.pod('web'))
  await cluster.settle()
  const pod = await read(cluster, 'web')
  assert.equal(pod.spec.nodeName, 'a')
  assert.equal(pod.status.conditions?.find(({ type }) => type === 'PodScheduled')?.status, 'True')
  const events = await cluster.list(Event, 'default')
  assert.deepEqual(
    events.map(({ reason, message }) => [reason, message]),
    [['Scheduled', 'Successfully assigned default/web to a']],
  )
  stop()
})

test('scheduler explains why a pod stays, and places it when the cause is gone', async () => {
  const { cluster, stop } = await scheduling()
  await using _ = cluster
  await addNode(cluster, 'a', { cpu: '1' })
  await cluster.client.create(
    Pod,
    make.pod('big', { spec: { containers: [{ name: 'm', image: 'a', resources: { requests: { cpu: '2' } } }] } }),
  )
  await cluster.settle()
  const pod = await read(cluster, 'big')
  const condition = pod.status.conditions?.find(({ type }) => type === 'PodScheduled')
  assert.equal(condition?.reason, 'Unschedulable')
  assert.equal(
    condition?.message,
    '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
  )
  await addNode(cluster, 'b', { cpu: '4' })
  await cluster.advance(2_000)
  assert.equal((await read(cluster, 'big')).spec.nodeName, 'b')
  stop()
})

test('scheduler leaves pods of other schedulers alone and never overfills a node', async () => {
  const { cluster, stop } = await scheduling()
  await using _ = cluster
  await addNode(cluster, 'a', { cpu: '1' })
  const asks = [{ name: 'm', image: 'a', resources: { requests: { cpu: '400m' } } }]
  await cluster.client.create(Pod, make.pod('foreign', { spec: { schedulerName: 'mine' } }))
  for (const name of ['p1', 'p2', 'p3']) await cluster.client.create(Pod, make.pod(name, { spec: { containers: asks } }))
  await cluster.settle()
  const pods = await cluster.list(Pod, 'default')
  assert.equal(pods.filter(({ spec }) => spec.nodeName === 'a').length, 2)
  assert.equal((await read(cluster, 'foreign')).spec.nodeName, undefined)
  stop()
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event } from '#api/core/v1/event.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { parseYaml } from '#schema/yaml.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import * as make from '#testing/make.ts'
import { schedulerConfiguration } from './configuration.ts'
import { runScheduler, type SchedulerWatcher } from './scheduler.ts'

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

test('one scheduler serves the pods of two profiles, each by its own rules and under its own name', async () => {
  await using cluster = await testCluster({ admission: [] })
  const { client, clock, random } = cluster
  const { profiles } = schedulerConfiguration(parseYaml(twoProfiles)[0]?.value as never, { random })
  const stop = new AbortController()
  const decided: string[] = []
  const watcher: SchedulerWatcher = {
    started: () => {},
    bound: () => {},
    preempting: () => {},
    decided: ({ profile, result }) => decided.push(`${profile} ${result}`),
  }
  for (const name of ['a', 'b', 'c']) await client.create(Node, make.node(name, { cpu: '8', memory: '16Gi' }))
  void runScheduler({ client, clock, random, signal: stop.signal, profiles, watcher, onError: assert.ifError })
  await cluster.settle()
  const requests = { cpu: '1', memory: '2Gi' }
  for (let i = 0; i < 3; i++) {
    for (const schedulerName of ['packed', 'spread', 'nobody']) {
      const containers = [{ name: 'm', image: 'a', resources: { requests } }]
      await client.create(Pod, make.pod(`${schedulerName}-${i}`, { spec: { schedulerName, containers } }))
    }
    await cluster.settle()
  }
  const pods = await cluster.list(Pod, 'default')
  const nodesOf = (name: string) =>
    new Set(pods.filter(({ spec }) => spec.schedulerName === name).map(({ spec }) => spec.nodeName ?? ''))
  assert.equal(nodesOf('packed').size, 1)
  assert.ok(nodesOf('spread').size === 2 && nodesOf('spread').isDisjointFrom(nodesOf('packed')))
  assert.deepEqual([...nodesOf('nobody')], [''])
  assert.deepEqual(decided.toSorted(), [...Array(3).fill('packed scheduled'), ...Array(3).fill('spread scheduled')])
  const events = await cluster.list(Event, 'default')
  const speakers = new Set(
    events.map(({ involvedObject, source }) => `${involvedObject.name?.split('-')[0]} ${source?.component}`),
  )
  assert.deepEqual([...speakers].sort(), ['packed packed', 'spread spread'])
  stop.abort()
  await cluster.settle()
})

const twoProfiles = `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: packed
  plugins: { score: { disabled: [{ name: '*' }], enabled: [{ name: NodeResourcesFit }] } }
  pluginConfig:
  - name: NodeResourcesFit
    args: { scoringStrategy: { type: MostAllocated, resources: [{ name: cpu, weight: 1 }] } }
- schedulerName: spread
  plugins: { score: { disabled: [{ name: '*' }], enabled: [{ name: NodeResourcesFit }] } }
`

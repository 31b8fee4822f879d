/** Reserve and Permit: who refuses, who is held back, for how long, and what is given back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event } from '#api/core/v1/event.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { testCluster } from '#testing/cluster.ts'
import * as make from '#testing/make.ts'
import { definePlugin, failure, type Plugin, type WaitingPods } from './framework/plugin.ts'
import { makeDefaultProfile } from './profiles.ts'
import { runScheduler } from './scheduler.ts'
// The server loads it on the first patch, which takes real time that `settle` does not wait for.
import '#schema/merge.ts'

async function bed(...plugins: readonly Plugin[]) {
  const cluster = await testCluster({ admission: [] })
  const { client, clock, random } = cluster
  await client.create(Node, make.node('a', { cpu: '4' }))
  const stop = new AbortController()
  const own = plugins.map((plugin) => ({ plugin, weight: 0 }))
  const profiles = [{ name: 'default-scheduler', plugins: [...makeDefaultProfile(), ...own] }]
  void runScheduler({ client, clock, random, signal: stop.signal, profiles, onError: assert.ifError })
  await cluster.settle()
  return {
    ...{ client, cluster, stop: () => stop.abort() },
    async add(name: string, cpu = '3', priority = 0): Promise<Pod> {
      const containers = [{ name: 'm', image: 'a', resources: { requests: { cpu } } }]
      const spec = { containers, tolerations: [{ operator: 'Exists' }], priority, terminationGracePeriodSeconds: 0 }
      const made = await client.create(Pod, make.pod(name, { spec: spec as never }))
      await cluster.settle()
      return made
    },
    find: (name: string) => client.get(Pod, { name, namespace: 'default' }),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await cluster.settle()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

const saying = ({ status }: Pod) => {
  const { reason, message } = status.conditions?.find(({ type }) => type === 'PodScheduled') ?? {}
  return [reason, message]
}

/** Holds back every pod, and lets the test decide. */
function gate(name: string, wait: number): { plugin: Plugin; waiting: () => WaitingPods } {
  let known: WaitingPods | undefined
  const plugin = definePlugin({
    name,
    requeueOn: [{ kind: Node, when: ['labelsChanged'] }],
    permit(_cycle, _node, waiting) {
      known = waiting
      return { wait }
    },
  })
  return { plugin, waiting: () => known as WaitingPods }
}

test('a pod waits until all permit plugins that held it back allow it, and its node is announced and its room taken meanwhile', async () => {
  const [first, second] = [gate('First', 60_000), gate('Second', 60_000)]
  await using world = await bed(first.plugin, second.plugin)
  const { uid } = (await world.add('p')).metadata
  assert.equal((await world.find('p')).status.nominatedNodeName, 'a')
  await world.add('other')
  assert.match(saying(await world.find('other'))[1] ?? '', /^0\/1 nodes are available: 1 Insufficient cpu\./)
  first.waiting().allow(uid, 'First')
  await world.cluster.settle()
  assert.equal((await world.find('p')).spec.nodeName, undefined)
  second.waiting().allow(uid, 'Second')
  await world.cluster.settle()
  assert.equal((await world.find('p')).spec.nodeName, 'a')
  await world.cluster.advance(60_000)
  assert.equal((await world.find('p')).spec.nodeName, 'a')
})

test('a pod that a permit plugin rejects while it waits gives its room back, and waits for what may change the mind of that plugin', async () => {
  const held = gate('Gate', 60_000)
  await using world = await bed(held.plugin)
  const { uid } = (await world.add('p')).metadata
  assert.equal(held.waiting().reject(uid, 'Gate', 'not today'), true)
  await world.cluster.settle()
  assert.deepEqual(saying(await world.find('p')), ['Unschedulable', '0/1 nodes are available: 1 not today.'])
  assert.equal((await world.find('p')).status.nominatedNodeName, undefined)
  assert.equal(held.waiting().reject(uid, 'Gate', 'again'), false)
  await world.client.create(Node, make.node('b', { cpu: '4' }))
  await world.cluster.advance(20_000)
  assert.equal((await world.find('p')).status.nominatedNodeName, undefined, 'a new node is no cure')
  await world.client.patch(Node, { name: 'b' }, { type: 'merge', body: { metadata: { labels: { x: 'y' } } } })
  await world.cluster.advance(20_000)
  assert.notEqual((await world.find('p')).status.nominatedNodeName, undefined)
})

test('a pod that nobody allows is rejected by the plugin whose time is over first', async () => {
  await using world = await bed(gate('Patient', 90_000).plugin, gate('Hasty', 10_000).plugin)
  await world.add('p')
  await world.cluster.advance(9_999)
  assert.equal(saying(await world.find('p'))[1], undefined)
  await world.cluster.advance(1)
  const message = '0/1 nodes are available: 1 rejected due to timeout after waiting 10s at plugin Hasty.'
  assert.deepEqual(saying(await world.find('p')), ['Unschedulable', message])
})

test('a pod that waits for a permit goes when a more important one needs its room, and is not deleted', async () => {
  const held = gate('Gate', 600_000)
  const holdsBack: NonNullable<Plugin['permit']> = ({ pod, ...cycle }, ...rest) =>
    pod.spec.priority ? undefined : held.plugin.permit?.({ pod, ...cycle }, ...rest)
  const plugin = definePlugin({ ...held.plugin, permit: holdsBack })
  await using world = await bed(plugin)
  await world.add('lesser')
  await world.add('important', '3', 10)
  await world.cluster.advance(20_000)
  assert.equal((await world.find('important')).spec.nodeName, 'a')
  const lesser = await world.find('lesser')
  assert.equal(lesser.metadata.deletionTimestamp, undefined)
  const events = await world.cluster.list(Event, 'default')
  assert.deepEqual(
    events.filter(({ reason }) => reason === 'Preempted').map(({ involvedObject }) => involvedObject.name),
    ['lesser'],
  )
})

test('a scheduler that ends while a pod waits for a permit binds nothing and says nothing of it', async () => {
  await using world = await bed(gate('Gate', 60_000).plugin)
  await world.add('p')
  world.stop()
  await world.cluster.advance(120_000)
  assert.equal((await world.find('p')).spec.nodeName, undefined)
  assert.deepEqual(saying(await world.find('p')), [undefined, undefined])
})

const refusing = (point: 'reserve' | 'permit', rejection: ReturnType<NonNullable<Plugin['reserve']>>, log: string[]): Plugin =>
  definePlugin({
    name: 'Refusing',
    requeueOn: [],
    [point]: () => rejection,
    unreserve: () => void log.push('Refusing'),
  })

for (const [point, rejection, said] of [
  ['reserve', { message: 'no' }, ['Unschedulable', '0/1 nodes are available: 1 no.']],
  ['reserve', failure('broken'), ['SchedulerError', 'running Reserve plugin "Refusing": broken']],
  ['permit', { message: 'no' }, ['Unschedulable', '0/1 nodes are available: 1 no.']],
  ['permit', failure('broken'), ['SchedulerError', 'running Permit plugin "Refusing": broken']],
] as const) {
  test(`a pod that is refused at ${point} (${rejection.message}) gives all back, in the opposite order`, async () => {
    const log: string[] = []
    const keeper = definePlugin({
      name: 'Keeper',
      requeueOn: [],
      reserve: () => void log.push('reserved'),
      unreserve: () => void log.push('Keeper'),
    })
    await using world = await bed(keeper, refusing(point, rejection, log))
    await world.add('p')
    assert.deepEqual(saying(await world.find('p')), said)
    assert.deepEqual(log.slice(0, 3), ['reserved', 'Refusing', 'Keeper'])
    world.stop()
  })
}

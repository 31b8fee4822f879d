/** Nodes that appear, vanish, are cordoned, run full or change their labels while a decision is on its way to the server. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Call, Client } from '#client/client.ts'
import { createClient } from '#client/typed-client.ts'
import { testCluster } from '#testing/cluster.ts'
import * as make from '#testing/make.ts'
import { runScheduler } from './scheduler.ts'
// The server loads it on the first patch, which takes real time that `settle` does not wait for.
import '#schema/merge.ts'

const asking = (cpu: string, more: object = {}) =>
  ({
    containers: [{ name: 'm', image: 'a', resources: { requests: { cpu } } }],
    tolerations: [{ operator: 'Exists' }],
    ...more,
  }) as never

/** Once, before the server hears of the first binding. */
type Meanwhile = (client: Client, node: string) => Promise<unknown>

async function bed(nodes: readonly string[], meanwhile?: Meanwhile) {
  const cluster = await testCluster({ admission: [] })
  const { client, clock, random } = cluster
  for (const name of nodes) await client.create(Node, make.node(name, { cpu: '4' }))
  const { transport } = client
  let isDone = meanwhile === undefined
  const request = async (call: Call) => {
    if (call.subresource === 'binding' && !isDone) {
      isDone = true
      await meanwhile?.(client, (call.body as { target: { name: string } }).target.name)
    }
    return transport.request(call)
  }
  const stop = new AbortController()
  const errors: unknown[] = []
  const scheduler = createClient({ ...transport, request })
  void runScheduler({ client: scheduler, clock, random, signal: stop.signal, onError: (error) => errors.push(error) })
  await cluster.settle()
  const bind = async (name: string, spec: never) => {
    await client.create(Pod, make.pod(name, { spec }))
    await cluster.advance(15_000)
    return (await client.get(Pod, { name, namespace: 'default' })).spec.nodeName
  }
  return {
    ...{ client, cluster, bind, errors },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await cluster.settle()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

const nodeOf = async (client: Client, name: string) => (await client.get(Pod, { name, namespace: 'default' })).spec.nodeName

test('scheduler places a waiting pod when a node appears', async () => {
  await using world = await bed([])
  assert.equal(await world.bind('p', asking('1')), undefined)
  await world.client.create(Node, make.node('n1', { cpu: '4' }))
  await world.cluster.advance(15_000)
  assert.equal(await nodeOf(world.client, 'p'), 'n1')
})

test('scheduler counts a pod that was bound to a node which vanished meanwhile, when that node comes back', async () => {
  await using world = await bed(['n1'], (client, name) => client.delete(Node, { name }))
  assert.equal(await world.bind('first', asking('3')), 'n1')
  assert.equal(await world.bind('second', asking('3')), undefined)
  await world.client.create(Node, make.node('n1', { cpu: '4' }))
  await world.cluster.advance(15_000)
  assert.equal(await nodeOf(world.client, 'second'), undefined, 'the first is there already')
  await world.client.create(Node, make.node('n2', { cpu: '4' }))
  await world.cluster.advance(15_000)
  assert.equal(await nodeOf(world.client, 'second'), 'n2')
})

test('scheduler sends nobody more to a node that was cordoned meanwhile', async () => {
  const cordon: Meanwhile = (client, name) =>
    client.patch(Node, { name }, { type: 'merge', body: { spec: { unschedulable: true } } })
  await using world = await bed(['n1'], cordon)
  const tolerations = { tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists' }] }
  assert.equal(await world.bind('first', asking('1', tolerations)), 'n1')
  assert.equal(await world.bind('second', asking('1', tolerations)), undefined)
  await world.client.patch(Node, { name: 'n1' }, { type: 'merge', body: { spec: { unschedulable: null } } })
  await world.cluster.advance(15_000)
  assert.equal(await nodeOf(world.client, 'second'), 'n1')
})

test('scheduler gives away no room that somebody else took meanwhile', async () => {
  const fill: Meanwhile = (client, nodeName) => client.create(Pod, make.pod('theirs', { spec: asking('2', { nodeName }) }))
  await using world = await bed(['n1'], fill)
  assert.equal(await world.bind('first', asking('2')), 'n1')
  assert.equal(await world.bind('second', asking('1')), undefined)
  await world.client.delete(Pod, { name: 'theirs', namespace: 'default' }, { gracePeriodSeconds: 0 })
  await world.cluster.advance(15_000)
  assert.equal(await nodeOf(world.client, 'second'), 'n1')
})

test('scheduler goes by the labels that nodes have now', async () => {
  const label = (client: Client, name: string, disk: string | null) =>
    client.patch(Node, { name }, { type: 'merge', body: { metadata: { labels: { disk } } } })
  await using world = await bed(['n1', 'n2'], async (client) => {
    await label(client, 'n1', null)
    await label(client, 'n2', 'ssd')
  })
  const ssd = { nodeSelector: { disk: 'ssd' } }
  await label(world.client, 'n1', 'ssd')
  await world.cluster.settle()
  assert.equal(await world.bind('first', asking('1', ssd)), 'n1')
  assert.equal(await world.bind('second', asking('1', ssd)), 'n2')
})

test('scheduler forgets a pod that vanished while it was being bound, and the room that it had', async () => {
  const remove: Meanwhile = (client) => client.delete(Pod, { name: 'first', namespace: 'default' }, { gracePeriodSeconds: 0 })
  await using world = await bed(['n1'], remove)
  await world.client.create(Pod, make.pod('first', { spec: asking('4') }))
  await world.cluster.advance(1_000)
  assert.equal(await world.bind('second', asking('4')), 'n1')
  assert.deepEqual(world.errors, [])
})

/** A scheduler that dies after any of its writes, or runs in twos: no pod bound twice, none forgotten, no node beyond its room. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Call } from '#client/client.ts'
import { createClient } from '#client/typed-client.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { dyingClient } from '#testing/dying-client.ts'
import * as make from '#testing/make.ts'
import { runScheduler } from './scheduler.ts'
// The server loads it on the first patch, which takes real time that `settle` does not wait for.
import '#schema/merge.ts'

const asking = (cpu: string, priority = 0) => ({
  containers: [{ name: 'm', image: 'a', resources: { requests: { cpu } } }],
  tolerations: [{ operator: 'Exists' as const }],
  priority,
})

/** Two nodes of four cores, on each a pod that may be evicted, two that fit, one for which one must go, and one that never fits. */
async function filled(): Promise<TestCluster> {
  const cluster = await testCluster({ admission: [] })
  const { client } = cluster
  for (const nodeName of ['a', 'b']) {
    await client.create(Node, make.node(nodeName, { cpu: '4' }))
    const spec = { ...asking('2', -1), nodeName, terminationGracePeriodSeconds: 0 }
    await client.create(Pod, make.pod(`victim-${nodeName}`, { spec: spec as never }))
  }
  for (let i = 0; i < 2; i++) await client.create(Pod, make.pod(`p${i}`, { spec: asking('1') as never }))
  await client.create(Pod, make.pod('important', { spec: asking('3', 100) as never }))
  await client.create(Pod, make.pod('huge', { spec: asking('9', 1_000) as never }))
  return cluster
}

async function check(cluster: TestCluster, what: string): Promise<void> {
  const pods = await cluster.list(Pod)
  const cores = (name: string) =>
    pods
      .filter(({ spec }) => spec.nodeName === name)
      .reduce((sum, { spec }) => sum + Number(spec.containers[0]?.resources?.requests?.cpu ?? 0), 0)
  for (const name of ['a', 'b']) assert.ok(cores(name) <= 4, `${what}: ${cores(name)} cores asked of ${name}`)
  const unbound = pods.filter(({ spec }) => !spec.nodeName).map(({ metadata }) => metadata.name)
  assert.deepEqual(unbound, ['huge'], what)
  assert.equal(pods.filter(({ metadata }) => metadata.name.startsWith('victim')).length, 1, what)
}

test('the scheduler may be killed at any of its writes, before or after the server has seen it', async () => {
  let total = Number.POSITIVE_INFINITY
  for (const when of ['before', 'after'] as const) {
    for (let last = 1; last <= total; last++) {
      await using cluster = await filled()
      const { clock, random } = cluster
      const first = new AbortController()
      const dying = dyingClient(cluster, last, { when, die: () => first.abort(new Error('died')) })
      void runScheduler({ client: dying.client, clock, random, signal: first.signal }).catch(() => {})
      await cluster.advance(30_000)
      first.abort()
      if (dying.writes() < last) total = last
      const second = new AbortController()
      void runScheduler({ client: cluster.client, clock, random, signal: second.signal }).catch(() => {})
      await cluster.advance(400_000)
      await check(cluster, `killed ${when} write ${last}`)
      second.abort()
      await cluster.settle()
    }
  }
  assert.ok(total > 5, `${total} writes`)
})

test('two schedulers at once bind each pod once', async () => {
  await using cluster = await filled()
  const { clock, random } = cluster
  const stop = new AbortController()
  const bound: string[] = []
  const { transport } = cluster.client
  const request = async (call: Call) => {
    const answer = await transport.request(call)
    if (call.subresource === 'binding') bound.push(call.name ?? '')
    return answer
  }
  const client = createClient({ ...transport, request })
  for (let i = 0; i < 2; i++) void runScheduler({ client, clock, random, signal: stop.signal }).catch(() => {})
  await cluster.advance(400_000)
  assert.deepEqual(bound.sort(), ['important', 'p0', 'p1'])
  stop.abort()
  await cluster.settle()
})

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { testCluster } from '#testing/cluster.ts'
import { node, pod } from '#testing/make.ts'
import { send } from '#testing/send.ts'
import { NodeUsage, type Summary, useBetween } from './node-usage.ts'

const summary = (nanos: number, startTime = 's'): Summary => ({
  node: { cpu: { usageCoreNanoSeconds: nanos * 10 }, memory: { workingSetBytes: 4096 } },
  pods: [
    {
      podRef: { name: 'p', namespace: 'default', uid: 'u' },
      containers: [{ name: 'main', startTime, cpu: { usageCoreNanoSeconds: nanos }, memory: { workingSetBytes: 2048 } }],
    },
  ],
})

test('useBetween() is what counters gained per second, and nothing for a container that began anew', () => {
  const use = useBetween({ at: 0, summary: summary(1_000_000) }, { at: 2000, summary: summary(5_000_000) })
  assert.deepEqual([use.windowMs, use.node.cpuNanos], [2000, 20_000_000])
  assert.deepEqual([...(use.pods.get('u') ?? [])], [['main', { cpuNanos: 2_000_000, memoryBytes: 2048 }]])
  const anew = useBetween({ at: 0, summary: summary(9) }, { at: 2000, summary: summary(10, 'later') })
  assert.equal(anew.pods.size, 0)
})

test('NodeUsage looks at a node once for all who ask, and again when what it knows is old', async () => {
  const clock = new VirtualClock()
  let looks = 0
  const usage = new NodeUsage(clock, async () => summary(1000 * ++looks))
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const both = Promise.all([usage.of('n'), usage.of('n')])
  await turn()
  clock.runNext(clock.now() + 1000)
  const [first, second] = await both
  assert.equal(first, second)
  assert.equal(looks, 2)
  await usage.of('n')
  assert.equal(looks, 2)
  clock.advanceTo(clock.now() + 16_000)
  assert.equal((await usage.of('n'))?.windowMs, 16_000)
  assert.equal(looks, 3)
})

test('NodeUsage does not ask a silent node again for everybody, nor too many nodes at once', async () => {
  const clock = new VirtualClock()
  let asked = 0
  let atOnce = 0
  let most = 0
  const usage = new NodeUsage(clock, async () => {
    asked++
    most = Math.max(most, ++atOnce)
    await new Promise((resolve) => setImmediate(resolve))
    atOnce--
    throw new Error('gone')
  })
  const nodes = Array.from({ length: 500 }, (_, index) => `n${index}`)
  const all = async () => (await Promise.all(nodes.map((node) => usage.of(node)))).filter(Boolean)
  assert.deepEqual([await all(), await all(), asked], [[], [], 500])
  assert.ok(most <= 64, `${most} at once`)
  clock.advanceTo(clock.now() + 16_000)
  await all()
  assert.equal(asked, 1000)
})

test('metrics.k8s.io answers for nodes and pods, and is discovered', async () => {
  let nanos = 0
  const agent = createServer((_, response) => response.end(JSON.stringify(summaryOf((nanos += 5_000_000)))))
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve))
  const { port } = agent.address() as { port: number }
  let uid = ''
  const summaryOf = (used: number) => ({
    ...summary(used),
    pods: summary(used).pods?.map((one) => ({ ...one, podRef: { ...one.podRef, uid } })),
  })
  const nodeDialer = { dial: async () => connect(port, '127.0.0.1') }
  try {
    await using cluster = await testCluster({ nodeDialer })
    const { client, server } = cluster
    await client.create(Node, node('n1'))
    const made = await client.create(Pod, pod('p', { labels: { app: 'x' }, spec: { nodeName: 'n1' } }))
    uid = made.metadata.uid
    await client.update(Pod, { ...made, status: { ...made.status, phase: 'Running' } }, { subresource: 'status' })
    const base = '/apis/metrics.k8s.io/v1beta1'
    const answer = send(server, `GET ${base}/namespaces/default/pods?labelSelector=app%3Dx`)
    let done = false
    void answer.finally(() => (done = true))
    while (!done) await cluster.advance(100)
    const { object } = await answer
    assert.equal(object.kind, 'PodMetricsList')
    const [item] = object.items
    assert.deepEqual([item.metadata.name, item.metadata.labels, item.containers[0].usage.memory], ['p', { app: 'x' }, '2Ki'])
    assert.match(item.containers[0].usage.cpu, /^\d+n$|m$/)
    const one = await send(server, `GET ${base}/nodes/n1`)
    assert.deepEqual([one.object.kind, one.object.usage.memory], ['NodeMetrics', '4Ki'])
    const none = await send(server, `GET ${base}/namespaces/default/pods/q`)
    assert.equal(none.object.message, 'podmetrics.metrics.k8s.io "default/q" not found')
    assert.equal((await send(server, `DELETE ${base}/nodes/n1`)).status, 405)
    assert.equal((await send(server, `GET ${base}/namespaces/default/pods/p/log`)).status, 404)
    assert.deepEqual((await send(server, `GET ${base}/pods?labelSelector=app%3Dy`)).object.items, [])
  } finally {
    agent.close()
  }
})

/** Simulated nodes on a test cluster: what the API sees of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lease } from '#api/coordination/v1/lease.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { runScheduler } from '#scheduler/scheduler.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'
// The server loads it on the first patch, which takes real time that `settle` does not wait for.
import '#schema/merge.ts'
import type { NodeShape } from './shapes.ts'
import { type SimulatedNodes, startSimulatedNodes } from './simulated-nodes.ts'

interface Run extends AsyncDisposable {
  readonly cluster: TestCluster
  readonly nodes: SimulatedNodes
  readonly errors: unknown[]
  pod(name: string): Promise<Pod | undefined>
}

async function simulate(shapes: readonly NodeShape[], on?: TestCluster, takesOver = false): Promise<Run> {
  const cluster = on ?? (await testCluster())
  const { client, clock, random } = cluster
  const stop = new AbortController()
  const errors: unknown[] = []
  const starting = startSimulatedNodes({
    ...{ client, clock, random, shapes, takesOver, signal: stop.signal },
    onError: (error) => errors.push(error),
  })
  await cluster.settle()
  const nodes = await starting
  return {
    ...{ cluster, nodes, errors },
    pod: async (name) => (await cluster.list(Pod)).find(({ metadata }) => metadata.name === name),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await cluster.settle()
      if (!on) await cluster[Symbol.asyncDispose]()
    },
  }
}

const onNode = (name: string, spec: object = {}) => pod(name, { spec: { nodeName: 'simulated-0', ...spec } as never })
const condition = (found: Pod | undefined, wanted: string) =>
  found?.status.conditions?.find(({ type }) => type === wanted)?.status

test('startSimulatedNodes() registers ready nodes of the shape that was asked for', async () => {
  await using run = await simulate([
    { count: 3, zones: ['a', 'b'], region: 'r', cpu: '8', resources: { 'nvidia.com/gpu': '2' }, reserved: { cpu: '500m' } },
    { name: 'tainted', taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }], labels: { tier: 'gold' } },
  ])
  const nodes = await run.cluster.list(Node)
  assert.deepEqual(
    nodes.map(({ metadata }) => metadata.name),
    ['simulated-0', 'simulated-1', 'simulated-2', 'tainted-0'],
  )
  assert.deepEqual(
    nodes.map(({ metadata }) => metadata.labels?.['topology.kubernetes.io/zone']),
    ['a', 'b', 'a', undefined],
  )
  const [first] = nodes
  assert.deepEqual([first?.status.capacity?.cpu, first?.status.allocatable?.cpu], ['8', '7500m'])
  assert.equal(first?.status.allocatable?.['nvidia.com/gpu'], '2')
  assert.equal(new Set(nodes.map(({ spec }) => spec.podCIDR)).size, 4)
  assert.ok(nodes.every(({ status }) => status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')))
  assert.deepEqual(nodes[3]?.spec.taints?.[0], { key: 'gpu', value: 'yes', effect: 'NoSchedule' })
  assert.deepEqual(run.errors, [])
})

test('startSimulatedNodes() renews every lease within ten seconds, and the status within five minutes', async () => {
  await using run = await simulate([{ count: 5 }])
  const { cluster } = run
  const times = async () => (await cluster.list(Lease)).map(({ spec }) => spec.renewTime ?? '')
  await cluster.advance(10_500)
  const before = await times()
  await cluster.advance(10_500)
  const after = await times()
  assert.equal(after.length, 5)
  assert.ok(after.every((time, i) => time > (before[i] as string)))
  const [node] = await cluster.list(Node)
  await cluster.advance(301_000)
  const [later] = await cluster.list(Node)
  assert.ok((later?.status.conditions?.[3]?.lastHeartbeatTime ?? '') > (node?.status.conditions?.[3]?.lastHeartbeatTime ?? ''))
  assert.equal(later?.status.conditions?.[3]?.lastTransitionTime, node?.status.conditions?.[3]?.lastTransitionTime)
  assert.deepEqual(run.errors, [])
})

test('startSimulatedNodes() runs scheduled pods and gives them addresses', async () => {
  await using run = await simulate([{ count: 2 }])
  const { cluster } = run
  const { client, clock, random } = cluster
  const stop = new AbortController()
  void runScheduler({ client, clock, random, signal: stop.signal })
  for (let i = 0; i < 4; i++) await client.create(Pod, pod(`p${i}`, { spec: { tolerations: [{ operator: 'Exists' }] } as never }))
  await cluster.advance(1_000)
  const pods = await cluster.list(Pod)
  assert.ok(pods.every((one) => one.status.phase === 'Running' && condition(one, 'Ready') === 'True'))
  assert.equal(new Set(pods.map(({ status }) => status.podIP)).size, 4)
  assert.equal(pods[0]?.status.containerStatuses?.[0]?.state.running !== undefined, true)
  assert.equal(run.nodes.running, 4)
  stop.abort()
})

test('startSimulatedNodes() takes its time to start and to stop, within the grace period', async () => {
  const span = (seconds: number) => ({ least: seconds * 1000, most: seconds * 1000 })
  await using run = await simulate([{ behaviour: { start: span(5), stop: span(60) } }])
  const { cluster } = run
  await cluster.client.create(Pod, onNode('p'))
  await cluster.settle()
  assert.equal((await run.pod('p'))?.status.containerStatuses?.[0]?.state.waiting?.reason, 'ContainerCreating')
  await cluster.advance(5_100)
  const started = await run.pod('p')
  assert.equal(started?.status.phase, 'Running')
  assert.deepEqual(Object.keys(started?.status.containerStatuses?.[0]?.state ?? {}), ['running'])
  await cluster.client.delete(Pod, { name: 'p', namespace: 'default' }, { gracePeriodSeconds: 20 })
  await cluster.advance(19_000)
  assert.ok(await run.pod('p'))
  await cluster.advance(2_000)
  assert.equal(await run.pod('p'), undefined)
  assert.equal(run.nodes.running, 0)
})

test('startSimulatedNodes() lets containers end, and pods of jobs succeed', async () => {
  await using run = await simulate([{}])
  const { cluster } = run
  await cluster.client.create(Pod, onNode('job', { restartPolicy: 'Never' }))
  const fails = onNode('fails', { restartPolicy: 'Never' })
  const annotations = { 'simulate.nami/run': '3s', 'simulate.nami/exit-code': '7' }
  await cluster.client.create(Pod, { ...fails, metadata: { ...fails.metadata, annotations } })
  await cluster.client.create(Pod, onNode('late', { restartPolicy: 'Never', activeDeadlineSeconds: 1 }))
  await cluster.advance(5_000)
  assert.equal((await run.pod('job'))?.status.phase, 'Succeeded')
  const failed = await run.pod('fails')
  assert.equal(failed?.status.phase, 'Failed')
  assert.equal(failed?.status.containerStatuses?.[0]?.state.terminated?.exitCode, 7)
  assert.equal(condition(failed, 'Ready'), 'False')
  assert.deepEqual(run.errors, [])
})

test('startSimulatedNodes() lets failing containers crash, back off, and run again', async () => {
  await using run = await simulate([{ behaviour: { podFailures: { share: 1, exitCode: 3 } } }])
  const { cluster } = run
  await cluster.client.create(Pod, onNode('p'))
  await cluster.advance(500)
  const [status] = (await run.pod('p'))?.status.containerStatuses ?? []
  assert.equal(status?.state.waiting?.reason, 'CrashLoopBackOff')
  assert.match(status?.state.waiting?.message ?? '', /^back-off 10s restarting failed container=main pod=p_default\(/)
  assert.equal(status?.lastState.terminated?.exitCode, 3)
  await cluster.advance(40_000)
  assert.equal((await run.pod('p'))?.status.containerStatuses?.[0]?.restartCount, 2)
})

test('startSimulatedNodes() takes no pod that does not fit', async () => {
  await using run = await simulate([{ cpu: '1' }])
  const asking = (cpu: string) => ({ containers: [{ name: 'main', image: 'i', resources: { requests: { cpu } } }] })
  await run.cluster.client.create(Pod, onNode('fits', asking('600m')))
  await run.cluster.settle()
  await run.cluster.client.create(Pod, onNode('does-not', asking('500m')))
  await run.cluster.settle()
  assert.equal((await run.pod('fits'))?.status.phase, 'Running')
  const refused = await run.pod('does-not')
  assert.deepEqual([refused?.status.phase, refused?.status.reason], ['Failed', 'OutOfcpu'])
  const figures = 'requested: 500, used: 600, capacity: 1000'
  assert.equal(refused?.status.message, `Pod was rejected: Node didn't have enough resource: cpu, ${figures}`)
  await run.cluster.client.delete(Pod, { name: 'fits', namespace: 'default' })
  await run.cluster.settle()
  await run.cluster.client.create(Pod, onNode('later', asking('900m')))
  await run.cluster.settle()
  assert.equal((await run.pod('later'))?.status.phase, 'Running')
})

test('SimulatedNodes.set() adds, changes and removes nodes while others run', async () => {
  await using run = await simulate([{ count: 2 }])
  const { cluster, nodes } = run
  await cluster.client.create(Pod, onNode('p'))
  await cluster.settle()
  const setting = nodes.set([
    { count: 1, cpu: '16' },
    { name: 'more', count: 2 },
  ])
  await cluster.settle()
  await setting
  assert.deepEqual(nodes.names, ['simulated-0', 'more-0', 'more-1'])
  const all = await cluster.list(Node)
  assert.deepEqual(
    all.map(({ metadata, status }) => `${metadata.name} ${status.allocatable?.cpu}`),
    ['more-0 4', 'more-1 4', 'simulated-0 16'],
  )
  assert.deepEqual(
    (await cluster.list(Lease)).map(({ metadata }) => metadata.name),
    ['more-0', 'more-1', 'simulated-0'],
  )
  assert.equal((await run.pod('p'))?.status.phase, 'Running')
  assert.deepEqual(run.errors, [])
})

const rich: NodeShape = {
  ...{ zones: ['a'], region: 'r', labels: { tier: 'gold' }, annotations: { note: 'x' } },
  resources: { 'nvidia.com/gpu': '2' },
  taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }],
}
const poor: NodeShape = { zones: ['b'], labels: { other: 'y' }, taints: [{ key: 'gpu', value: 'no', effect: 'NoSchedule' }] }

async function shown({ cluster }: Run) {
  const [node] = await cluster.list(Node)
  const { labels = {}, annotations = {} } = node?.metadata ?? {}
  const kept = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region', 'tier', 'other', 'mine']
  return {
    labels: kept.flatMap((key) => (labels[key] === undefined ? [] : [`${key.split('/').pop()}=${labels[key]}`])),
    notes: Object.keys(annotations).filter((key) => !key.includes('/')),
    gpus: [node?.status.capacity?.['nvidia.com/gpu'], node?.status.allocatable?.['nvidia.com/gpu']],
    // Every new node is tainted until it is ready.
    taints: (node?.spec.taints ?? []).flatMap(({ key, value }) => (key.includes('/') ? [] : [`${key}=${value ?? ''}`])),
  }
}

test('SimulatedNodes.set() takes away what an earlier shape has put on a node, and nothing else, also after a restart', async () => {
  await using cluster = await testCluster()
  const own = { labels: ['mine=z'], notes: ['remark'], taints: ['maintenance='] }
  {
    await using run = await simulate([rich], cluster)
    const at = { name: 'simulated-0' }
    const { taints = [] } = (await cluster.client.get(Node, at)).spec
    const spec = { taints: [...taints, { key: 'maintenance', effect: 'NoSchedule' }] }
    const body = { metadata: { labels: { mine: 'z' }, annotations: { remark: 'w' } }, spec }
    await cluster.client.patch(Node, at, { type: 'merge', body })
    assert.deepEqual(await shown(run), {
      labels: ['zone=a', 'region=r', 'tier=gold', ...own.labels],
      notes: ['note', 'remark'],
      gpus: ['2', '2'],
      taints: ['gpu=yes', 'maintenance='],
    })
    const setting = run.nodes.set([poor])
    await cluster.settle()
    await setting
    const taints2 = ['maintenance=', 'gpu=no']
    assert.deepEqual(await shown(run), {
      ...{ labels: ['zone=b', 'other=y', ...own.labels], notes: own.notes },
      ...{ gpus: [undefined, undefined], taints: taints2 },
    })
    assert.deepEqual(run.errors, [])
  }
  await using later = await simulate([{}], cluster, true)
  assert.deepEqual(await shown(later), { ...own, gpus: [undefined, undefined] })
  assert.deepEqual(later.errors, [])
})

test('SimulatedNodes.set() keeps a taint that somebody else adds at the same moment', async () => {
  await using run = await simulate([rich])
  const { cluster } = run
  const setting = run.nodes.set([{}])
  const spec = { taints: [...(rich.taints ?? []), { key: 'late', effect: 'NoSchedule' }] }
  await cluster.client.patch(Node, { name: 'simulated-0' }, { type: 'merge', body: { spec } })
  await cluster.settle()
  await setting
  assert.deepEqual((await shown(run)).taints, ['late='])
  assert.deepEqual(run.errors, [])
})

test('startSimulatedNodes() takes over the nodes and pods of an earlier run', async () => {
  await using cluster = await testCluster()
  let address: string | undefined
  {
    await using first = await simulate([{ count: 3 }], cluster)
    await cluster.client.create(Pod, onNode('p'))
    await cluster.settle()
    address = (await first.pod('p'))?.status.podIP
  }
  await cluster.advance(5_000)
  await using second = await simulate([{ count: 2 }], cluster, true)
  await cluster.client.create(Pod, onNode('q'))
  await cluster.settle()
  const [p, q] = [await second.pod('p'), await second.pod('q')]
  assert.equal(p?.status.podIP, address)
  assert.equal(q?.status.phase, 'Running')
  assert.notEqual(q?.status.podIP, address)
  assert.equal(second.nodes.running, 2)
  assert.deepEqual(
    (await cluster.list(Node)).map(({ metadata }) => metadata.name),
    ['simulated-0', 'simulated-1'],
  )
  assert.deepEqual(second.errors, [])
})

test('startSimulatedNodes() leaves real nodes, and pods on them, alone', async () => {
  await using cluster = await testCluster()
  await cluster.client.create(Node, { metadata: { name: 'simulated-0', labels: {} } })
  await using run = await simulate([{ count: 2 }], cluster)
  await cluster.client.create(Pod, onNode('p'))
  await cluster.advance(20_000)
  assert.deepEqual(run.nodes.names, ['simulated-1'])
  assert.match(String(run.errors[0]), /node simulated-0 exists and is not simulated/)
  assert.notEqual((await run.pod('p'))?.status.phase, 'Running')
  assert.equal((await cluster.list(Lease)).length, 1)
})

test('a simulated node that fails is silent for a while and then goes on', async () => {
  const lasting = { least: 60_000, most: 60_000 }
  await using run = await simulate([{ behaviour: { nodeFailures: { every: 1, lasting } } }])
  const { cluster } = run
  await cluster.advance(1_000)
  const renewed = async () => (await cluster.list(Lease))[0]?.spec.renewTime
  const before = await renewed()
  await cluster.client.create(Pod, onNode('p'))
  await cluster.advance(30_000)
  assert.equal(await renewed(), before)
  assert.notEqual((await run.pod('p'))?.status.phase, 'Running')
  await cluster.advance(31_000)
  assert.equal((await run.pod('p'))?.status.phase, 'Running')
  assert.notEqual(await renewed(), before)
})

test('a simulated node says again that its pods are ready when somebody else has denied it', async () => {
  await using run = await simulate([{ count: 1 }])
  const { client } = run.cluster
  await client.create(Pod, onNode('web'))
  await run.cluster.advance(2_000)
  const at = { name: 'web', namespace: 'default' }
  const conditions = [{ type: 'Ready', status: 'False' }]
  await client.patch(Pod, at, { type: 'strategic', body: { status: { conditions } } }, { subresource: 'status' })
  await run.cluster.advance(2_000)
  assert.equal(condition(await client.get(Pod, at), 'Ready'), 'True')
})

test('a node that somebody deletes stays away', async () => {
  await using run = await simulate([{ count: 2 }])
  const { cluster } = run
  await cluster.client.delete(Node, { name: 'simulated-0' })
  await cluster.client.delete(Lease, { name: 'simulated-0', namespace: 'kube-node-lease' })
  await cluster.advance(30_000)
  assert.deepEqual(run.nodes.names, ['simulated-1'])
  assert.equal((await cluster.list(Node)).length, 1)
})

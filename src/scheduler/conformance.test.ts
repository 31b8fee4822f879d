/** The conformance tests of sig-scheduling by their names, without a kubelet: pods that are deleted go at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LimitRange } from '#api/core/v1/limit-range.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { PriorityClass } from '#api/scheduling/v1/priority-class.ts'
import { testCluster } from '#testing/cluster.ts'
import * as make from '#testing/make.ts'
import { runScheduler } from './scheduler.ts'
// The server loads it on the first patch, which takes real time that `settle` does not wait for.
import '#schema/merge.ts'

const classes = { 'system-cluster-critical': 2_000_000_000, high: 1_000, medium: 100, low: 1 }
const gpu = 'example.com/fakecpu'

async function bed(nodes: readonly string[]) {
  const cluster = await testCluster()
  const { client, clock, random } = cluster
  for (const name of nodes) {
    const { metadata } = await client.create(Node, make.node(name, { cpu: '10' }))
    await client.patch(Node, metadata, { type: 'merge', body: { spec: { taints: null } } })
    const extended = { capacity: { [gpu]: '10' }, allocatable: { [gpu]: '10' } }
    await client.patch(Node, metadata, { type: 'merge', body: { status: extended } }, { subresource: 'status' })
  }
  for (const [name, value] of Object.entries(classes)) {
    await client.create(PriorityClass, { metadata: { name }, value }).catch(() => undefined)
  }
  const stop = new AbortController()
  const started = runScheduler({ client, clock, random, signal: stop.signal, onError: assert.ifError })
  await cluster.settle()
  await started
  return {
    client,
    /** Undefined: it is gone. */
    async find(name: string, namespace = 'default'): Promise<Pod | undefined> {
      return client.get(Pod, { name, namespace }).catch(() => undefined)
    },
    async run(name: string, spec: object, metadata: { namespace?: string; finalizers?: string[] } = {}): Promise<Pod> {
      const { metadata: own, spec: usual } = make.pod(name, metadata)
      const draft = { metadata: { ...own, ...metadata }, spec: { ...usual, terminationGracePeriodSeconds: 0, ...spec } }
      const made = await client.create(Pod, draft as never)
      await cluster.advance(15_000)
      return client.get(Pod, made.metadata)
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await cluster.settle()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

const asking = (resource: string, amount: string, more: object = {}) => {
  const requests = { [resource]: amount }
  return { containers: [{ name: 'main', image: 'a', resources: { requests, limits: requests } }], ...more }
}
const saying = ({ status }: Pod) => status.conditions?.find(({ type }) => type === 'PodScheduled')?.message ?? ''

test('SchedulerPredicates validates resource limits of pods that are allowed to run', async () => {
  await using world = await bed(['a', 'b'])
  const filling = [await world.run('filler-1', asking('cpu', '7')), await world.run('filler-2', asking('cpu', '7'))]
  assert.deepEqual(filling.map(({ spec }) => spec.nodeName).sort(), ['a', 'b'])
  const more = await world.run('additional', asking('cpu', '5'))
  assert.equal(more.spec.nodeName, undefined)
  assert.match(saying(more), /^0\/2 nodes are available: 2 Insufficient cpu\./)
})

test('SchedulerPredicates validates that NodeSelector is respected if matching', async () => {
  await using world = await bed(['a', 'b'])
  await world.client.patch(Node, { name: 'b' }, { type: 'merge', body: { metadata: { labels: { 'example.com/e2e': '42' } } } })
  assert.equal((await world.run('with-labels', { nodeSelector: { 'example.com/e2e': '42' } })).spec.nodeName, 'b')
})

test('SchedulerPredicates validates that NodeSelector is respected if not matching', async () => {
  await using world = await bed(['a', 'b'])
  const restricted = await world.run('restricted', { nodeSelector: { label: 'nonempty' } })
  assert.equal(restricted.spec.nodeName, undefined)
  assert.match(saying(restricted), /^0\/2 nodes are available: 2 node\(s\) didn't match Pod's node affinity\/selector\./)
})

test('SchedulerPredicates validates that there exists conflict between pods with same hostPort and protocol but one using 0.0.0.0 hostIP', async () => {
  await using world = await bed(['a', 'b'])
  const on = (hostIP: string) => {
    const ports = [{ containerPort: 80, hostPort: 54_322, protocol: 'TCP', ...(hostIP && { hostIP }) }]
    return { containers: [{ name: 'main', image: 'a', ports }], nodeSelector: { 'kubernetes.io/hostname': 'a' } }
  }
  assert.equal((await world.run('pod4', on(''))).spec.nodeName, 'a')
  assert.equal((await world.run('pod5', on('10.0.0.1'))).spec.nodeName, undefined)
})

test('SchedulerPreemption validates basic preemption works', async () => {
  await using world = await bed(['a', 'b'])
  await world.run('low', asking(gpu, '6', { priorityClassName: 'low' }))
  await world.run('medium', asking(gpu, '6', { priorityClassName: 'medium' }))
  const preemptor = await world.run('preemptor', asking(gpu, '6', { priorityClassName: 'high' }))
  assert.match(preemptor.spec.nodeName ?? '', /^[ab]$/)
  assert.equal(await world.find('low'), undefined)
  assert.ok((await world.find('medium'))?.spec.nodeName)
})

test('SchedulerPreemption validates lower priority pod preemption by critical pod', async () => {
  await using world = await bed(['a'])
  await world.run('low', asking(gpu, '6', { priorityClassName: 'low' }))
  const critical = await world.run('critical', asking(gpu, '6', { priorityClassName: 'system-cluster-critical' }), {
    namespace: 'kube-system',
  })
  assert.equal(critical.spec.nodeName, 'a')
  assert.equal(await world.find('low'), undefined)
})

test('SchedulerPreemption validates pod disruption condition is added to the preempted pod', async () => {
  await using world = await bed(['a'])
  await world.run('victim', asking(gpu, '6', { priorityClassName: 'low' }), { finalizers: ['example.com/test-finalizer'] })
  await world.run('preemptor', asking(gpu, '6', { priorityClassName: 'high' }))
  const { metadata, status } = (await world.find('victim')) as Pod
  assert.ok(metadata.deletionTimestamp)
  const condition = status.conditions?.find(({ type }) => type === 'DisruptionTarget')
  assert.deepEqual([condition?.status, condition?.reason], ['True', 'PreemptionByScheduler'])
  assert.equal(condition?.message, 'default-scheduler: preempting to accommodate a higher priority pod')
})

test('SchedulerPreemption PreemptionExecutionPath runs ReplicaSets to verify preemption running path', async () => {
  await using world = await bed(['a'])
  const of = (amount: string, priorityClassName: string) => asking(gpu, amount, { priorityClassName })
  for (let i = 0; i < 5; i++) await world.run(`low-${i}`, of('1', 'low'))
  for (let i = 0; i < 4; i++) await world.run(`medium-${i}`, of('1', 'medium'))
  assert.equal((await world.run('high', of('3', 'high'))).spec.nodeName, 'a')
  const left = async (prefix: string, count: number) => {
    const found = await Promise.all(Array.from({ length: count }, (_, i) => world.find(`${prefix}-${i}`)))
    return found.filter((pod) => pod !== undefined).length
  }
  assert.deepEqual([await left('low', 5), await left('medium', 4)], [3, 4])
})

const amounts = (cpu: string, memory: string, storage: string) => ({ cpu, memory, 'ephemeral-storage': storage })

const limits = (min: object) => ({
  limits: [
    {
      ...{ type: 'Container', min, max: amounts('500m', '500Mi', '500Gi') },
      ...{ default: amounts('500m', '500Mi', '500Gi'), defaultRequest: amounts('100m', '200Mi', '200Gi') },
    },
  ],
})

test('LimitRange should create a LimitRange with defaults and ensure pod has those defaults applied', async () => {
  await using world = await bed([])
  const { client } = world
  const create = async (name: string, resources: object) => {
    const { spec } = await client.create(
      Pod,
      make.pod(name, { spec: { containers: [{ name: 'pause', image: 'a', resources }] } }),
    )
    return spec.containers[0]?.resources
  }
  const metadata = { name: 'limit-range', namespace: 'default' }
  const made = await client.create(LimitRange, { metadata, spec: limits(amounts('50m', '100Mi', '100Gi')) } as never)
  assert.deepEqual((await client.get(LimitRange, metadata)).spec, made.spec)
  assert.deepEqual(await create('pod-no-resources', {}), {
    limits: amounts('500m', '500Mi', '500Gi'),
    requests: amounts('100m', '200Mi', '200Gi'),
  })
  const partial = {
    limits: { cpu: '300m', 'ephemeral-storage': '500Gi' },
    requests: { memory: '150Mi', 'ephemeral-storage': '150Gi' },
  }
  assert.deepEqual(await create('pod-partial-resources', partial), {
    limits: amounts('300m', '500Mi', '500Gi'),
    requests: amounts('300m', '150Mi', '150Gi'),
  })
  const [small, large] = [amounts('10m', '50Mi', '50Gi'), amounts('600m', '600Mi', '600Gi')]
  await assert.rejects(create('pod-too-small', { requests: small }), /minimum cpu usage per Container is 50m, but request is 10m/)
  await assert.rejects(create('pod-too-large', { limits: large }), /maximum cpu usage per Container is 500m, but limit is 600m/)
  await client.update(LimitRange, { ...made, spec: limits(amounts('9m', '49Mi', '49Gi')) } as never)
  assert.ok(await create('pod-small', { requests: small, limits: small }))
  await assert.rejects(create('pod-too-large', { limits: large }), /maximum cpu usage/)
  await client.delete(LimitRange, metadata)
  assert.equal(await client.get(LimitRange, metadata).catch(() => undefined), undefined)
  assert.deepEqual(await create('pod-large', { requests: large, limits: large }), { limits: large, requests: large })
})

test('LimitRange should list, patch and delete a LimitRange by collection', async () => {
  await using world = await bed([])
  const { client } = world
  await client.create(Namespace, { metadata: { name: 'other' } })
  const labelSelector = 'e2e-limitrange=mine'
  const names = async (namespace?: string) =>
    (await client.list(LimitRange, { labelSelector, namespace })).items.map(
      ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
    )
  for (const namespace of ['default', 'other']) {
    const metadata = { name: 'limits', namespace, labels: { 'e2e-limitrange': 'mine' } }
    await client.create(LimitRange, { metadata, spec: limits(amounts('50m', '100Mi', '100Gi')) } as never)
  }
  await client.create(LimitRange, { metadata: { name: 'bare', namespace: 'default' }, spec: limits({}) } as never)
  assert.deepEqual(await names(), ['default/limits', 'other/limits'])
  assert.deepEqual(await names('other'), ['other/limits'])
  const body = {
    metadata: { labels: { patched: 'yes' } },
    spec: { limits: [{ type: 'Container', min: { cpu: '9m', memory: '9Mi' } }] },
  }
  const patched = await client.patch(LimitRange, { name: 'limits', namespace: 'default' }, { type: 'strategic', body })
  assert.deepEqual(patched.metadata.labels, { 'e2e-limitrange': 'mine', patched: 'yes' })
  assert.deepEqual(patched.spec.limits[0]?.min, { cpu: '9m', memory: '9Mi' })
  await client.delete(LimitRange, { name: 'limits', namespace: 'default' })
  assert.deepEqual(await names(), ['other/limits'])
  await client.deleteCollection(LimitRange, { labelSelector, namespace: 'other' })
  assert.deepEqual(await names(), [])
  assert.deepEqual(
    (await client.list(LimitRange)).items.map(({ metadata }) => metadata.name),
    ['bare'],
  )
})

test('SchedulerPreemption PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods', async () => {
  await using world = await bed([])
  const { client } = world
  const labels = { e2e: 'priorities' }
  for (const [name, value] of [
    ['p1', 1],
    ['p2', 2],
  ] as const) {
    await client.create(PriorityClass, { metadata: { name, labels }, value })
  }
  const list = async () => (await client.list(PriorityClass, { labelSelector: 'e2e=priorities' })).items
  assert.deepEqual(
    (await list()).map(({ metadata, value }) => [metadata.name, value]),
    [
      ['p1', 1],
      ['p2', 2],
    ],
  )
  for (const { metadata, value } of await list()) {
    const found = await client.get(PriorityClass, metadata)
    const forbidden = /is invalid: value: Forbidden: may not be changed in an update\.$/
    await assert.rejects(client.update(PriorityClass, { ...found, value: value * 10 }), forbidden)
    await assert.rejects(client.patch(PriorityClass, metadata, { type: 'merge', body: { value: value * 10 } }), forbidden)
    const described = await client.update(PriorityClass, { ...found, description: 'updated description' })
    assert.equal(described.description, 'updated description')
    const annotated = await client.patch(PriorityClass, metadata, {
      type: 'strategic',
      body: { metadata: { annotations: { 'patched-annotation': 'yes' } } },
    })
    assert.deepEqual([annotated.value, annotated.metadata.annotations], [value, { 'patched-annotation': 'yes' }])
  }
  await client.delete(PriorityClass, { name: 'p1' })
  assert.deepEqual(
    (await list()).map(({ metadata }) => metadata.name),
    ['p2'],
  )
  await client.deleteCollection(PriorityClass, { labelSelector: 'e2e=priorities' })
  assert.deepEqual(await list(), [])
  assert.equal((await client.get(PriorityClass, { name: 'high' })).value, 1_000)
})

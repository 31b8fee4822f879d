/** Pods that wait for devices to be prepared: bound when the driver says so, scheduled anew when it fails. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event } from '#api/core/v1/event.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { type Call, TransportError } from '#client/client.ts'
import { createClient } from '#client/typed-client.ts'
import { sleep } from '#lib/clock.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import * as make from '#testing/make.ts'
import { runScheduler } from './scheduler.ts'

const driver = 'fabric.example.com'
const at = { name: 'c', namespace: 'default' }

async function waiting() {
  const cluster = await testCluster({ admission: [] })
  const { client, clock, random } = cluster
  await client.create(Node, make.node('n1'))
  await client.create(DeviceClass, { metadata: { name: 'gpu' } })
  const devices = [{ name: 'a', bindingConditions: ['Attached'], bindingFailureConditions: ['Failed'] }]
  const pool = { name: 'p', generation: 1, resourceSliceCount: 1 }
  await client.create(ResourceSlice, { metadata: { name: 's' }, spec: { driver, nodeName: 'n1', pool, devices } } as never)
  const requests = [{ name: 'r', exactly: { deviceClassName: 'gpu' } }]
  await client.create(ResourceClaim, { metadata: at, spec: { devices: { requests } } } as never)
  const stop = new AbortController()
  const started = runScheduler({ client, clock, random, signal: stop.signal, onError: assert.ifError })
  await cluster.settle()
  await started
  const spec = { tolerations: [{ operator: 'Exists' }], resourceClaims: [{ name: 'd', resourceClaimName: 'c' }] }
  await client.create(Pod, make.pod('p', { spec: spec as never }))
  await cluster.settle()
  return Object.assign(cluster, { stop: () => stop.abort() })
}

/** A node with two devices, which stand for a resource. */
async function extended() {
  const cluster = await testCluster({ admission: [] })
  const { client, clock, random } = cluster
  await client.create(Node, make.node('n1'))
  await client.create(DeviceClass, { metadata: { name: 'gpu' }, spec: { extendedResourceName: 'example.com/gpu' } })
  const pool = { name: 'p', generation: 1, resourceSliceCount: 1 }
  const devices = [{ name: 'a' }, { name: 'b' }]
  await client.create(ResourceSlice, { metadata: { name: 's' }, spec: { driver, nodeName: 'n1', pool, devices } } as never)
  const stop = new AbortController()
  await runScheduler({ client, clock, random, signal: stop.signal, onError: assert.ifError })
  const ask = async (name: string, amount: string) => {
    const containers = [{ name: 'main', image: 'x', resources: { limits: { 'example.com/gpu': amount } } }]
    await client.create(Pod, make.pod(name, { spec: { tolerations: [{ operator: 'Exists' }], containers } as never }))
    await cluster.settle()
    return client.get(Pod, { name, namespace: 'default' })
  }
  return Object.assign(cluster, { ask, stop: () => stop.abort() })
}

test('scheduler makes a claim for extended resources that are devices, and takes no device twice', async () => {
  await using cluster = await extended()
  const pods = [await cluster.ask('first', '1'), await cluster.ask('second', '1'), await cluster.ask('third', '1')]
  assert.deepEqual(
    pods.map(({ spec }) => spec.nodeName),
    ['n1', 'n1', undefined],
  )
  const { items } = await cluster.client.list(ResourceClaim)
  const used = items.flatMap(({ status }) => status?.allocation?.devices?.results?.map(({ device }) => device) ?? [])
  assert.deepEqual(used.sort(), ['a', 'b'])
  const { resourceClaimName, requestMappings } = pods[0]?.status.extendedResourceClaimStatus ?? {}
  assert.match(resourceClaimName ?? '', /^first-extended-resources-/)
  assert.deepEqual(requestMappings, [
    { containerName: 'main', resourceName: 'example.com/gpu', requestName: 'container-0-request-0' },
  ])
  const claim = items.find(({ metadata }) => metadata.name === resourceClaimName)
  assert.equal(claim?.metadata.annotations?.['resource.kubernetes.io/extended-resource-claim'], 'true')
  assert.deepEqual(
    claim?.status?.reservedFor?.map(({ name }) => name),
    ['first'],
  )
  assert.match(pods[2]?.status.conditions?.[0]?.message ?? '', /1 cannot allocate all claims/)
  cluster.stop()
  await cluster.settle()
})

test('scheduler deletes a claim that an earlier try has left, and makes another', async () => {
  await using cluster = await extended()
  const { client } = cluster
  const spec = { tolerations: [{ operator: 'Exists' }], schedulingGates: [{ name: 'wait' }] }
  const containers = [{ name: 'main', image: 'x', resources: { limits: { 'example.com/gpu': '1' } } }]
  const pod = await client.create(Pod, make.pod('late', { spec: { ...spec, containers } as never }))
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'late', uid: pod.metadata.uid, controller: true }
  const metadata = {
    ...{ name: 'left', namespace: 'default', ownerReferences: [owner] },
    annotations: { 'resource.kubernetes.io/extended-resource-claim': 'true' },
  }
  const requests = [{ name: 'r', exactly: { deviceClassName: 'gpu' } }]
  await client.create(ResourceClaim, { metadata, spec: { devices: { requests } } } as never)
  await client.patch(Pod, pod.metadata, { type: 'merge', body: { spec: { schedulingGates: [] } } })
  await cluster.settle()
  await cluster.advance(5_000)
  const { items } = await client.list(ResourceClaim)
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name.replace(/-\w+$/, '')),
    ['late-extended-resources'],
  )
  assert.equal((await client.get(Pod, pod.metadata)).spec.nodeName, 'n1')
  cluster.stop()
  await cluster.settle()
})

const read = ({ client }: TestCluster) => client.get(Pod, { name: 'p', namespace: 'default' })

/** As the driver says it. */
async function say({ client }: TestCluster, type: string): Promise<void> {
  const condition = { type, status: 'True', reason: 'Because', message: 'so it is', lastTransitionTime: '2026-01-01T00:00:00Z' }
  const devices = [{ driver, pool: 'p', device: 'a', conditions: [condition] }]
  await client.patch(ResourceClaim, at, { type: 'merge', body: { status: { devices } } }, { subresource: 'status' })
}

test('scheduler binds a pod when its devices are ready, and says before where it goes', async () => {
  await using cluster = await waiting()
  const { spec, status } = await read(cluster)
  assert.deepEqual([spec.nodeName, status.nominatedNodeName], [undefined, 'n1'])
  const { allocation } = (await cluster.client.get(ResourceClaim, at)).status ?? {}
  assert.ok(allocation?.allocationTimestamp)
  await say(cluster, 'Attached')
  await cluster.advance(6_000)
  const bound = await read(cluster)
  assert.deepEqual([bound.spec.nodeName, bound.status.nominatedNodeName], ['n1', undefined])
  cluster.stop()
  await cluster.settle()
})

const scheduled = ({ status }: Pod) => status.conditions?.find(({ type }) => type === 'PodScheduled')
const claimNow = async ({ client }: TestCluster) => (await client.get(ResourceClaim, at)).status
const reasons = async (cluster: TestCluster) => (await cluster.list(Event)).map(({ reason, message }) => `${reason}: ${message}`)

test('scheduler gives devices back that could not be prepared, and takes others', async () => {
  await using cluster = await waiting()
  assert.deepEqual(await reasons(cluster), ['BindingConditionsPending: waiting for binding conditions for device on node n1'])
  await say(cluster, 'Failed')
  await cluster.advance(5_000)
  const failed = await read(cluster)
  assert.deepEqual([failed.spec.nodeName, failed.status.nominatedNodeName], [undefined, undefined])
  const { reason, message } = scheduled(failed) ?? {}
  assert.deepEqual([reason, message], ['SchedulerError', 'claim c binding failed: reason=Because, message="so it is"'])
  assert.deepEqual((await claimNow(cluster))?.reservedFor ?? [], [])
  await addDevice(cluster, 'b')
  await cluster.advance(20_000)
  assert.equal((await read(cluster)).spec.nodeName, 'n1')
  assert.deepEqual(
    (await claimNow(cluster))?.allocation?.devices?.results?.map(({ device }) => device),
    ['b'],
  )
  assert.ok((await reasons(cluster)).some((text) => text.includes('deallocation of ResourceClaim completed')))
  cluster.stop()
  await cluster.settle()
})

test('scheduler waits for devices as long as it should, also where it has waited in an earlier life', async () => {
  await using cluster = await waiting()
  await cluster.advance(300_000)
  cluster.stop()
  await cluster.settle()
  const stop = new AbortController()
  const { client, clock, random } = cluster
  await runScheduler({ client, clock, random, signal: stop.signal, onError: assert.ifError })
  await cluster.advance(290_000)
  assert.equal(scheduled(await read(cluster)), undefined)
  await addDevice(cluster, 'b')
  await cluster.advance(20_000)
  assert.match((await reasons(cluster)).join(), /FailedScheduling: claim c binding timeout/)
  await cluster.advance(20_000)
  assert.equal((await read(cluster)).spec.nodeName, 'n1')
  stop.abort()
  await cluster.settle()
})

/** A device that need not be prepared, in a pool of its own. */
async function addDevice({ client }: TestCluster, name: string): Promise<void> {
  const pool = { name, generation: 1, resourceSliceCount: 1 }
  const spec = { driver, nodeName: 'n1', pool, devices: [{ name }] }
  await client.create(ResourceSlice, { metadata: { name: `more-${name}` }, spec } as never)
}

/** The first binding fails, before or after the server has seen it. Slow calls take five seconds. */
async function unbound(cluster: TestCluster, when: 'before' | 'after', isSlow = (_: Call) => false): Promise<() => void> {
  const { clock, random, client } = cluster
  const stop = new AbortController()
  let isFailed = false
  const request = async (call: Call) => {
    if (isSlow(call)) await sleep(clock, 5_000)
    if (call.subresource !== 'binding' || isFailed) return client.transport.request(call)
    isFailed = true
    if (when === 'after') await client.transport.request(call)
    throw new TransportError('the connection broke')
  }
  await runScheduler({ client: createClient({ ...client.transport, request }), clock, random, signal: stop.signal })
  return () => stop.abort()
}

test('scheduler takes reservations back of a pod that could not be bound, but not of one that was', async () => {
  for (const when of ['before', 'after'] as const) {
    await using cluster = await waiting()
    cluster.stop()
    await cluster.settle()
    await say(cluster, 'Attached')
    const stop = await unbound(cluster, when)
    await cluster.settle()
    const users = async () => (await claimNow(cluster))?.reservedFor?.map(({ name }) => name) ?? []
    assert.deepEqual(await users(), when === 'before' ? [] : ['p'])
    assert.ok((await claimNow(cluster))?.allocation)
    await cluster.advance(20_000)
    assert.deepEqual([(await read(cluster)).spec.nodeName, await users()], ['n1', ['p']])
    stop()
    await cluster.settle()
  }
})

test('scheduler tries a pod again only when its reservations are taken back, however long that takes', async () => {
  await using cluster = await waiting()
  cluster.stop()
  await cluster.settle()
  await say(cluster, 'Attached')
  const stop = await unbound(cluster, 'before', (call) => call.verb === 'patch' && call.resource.plural === 'resourceclaims')
  await cluster.advance(4_000)
  assert.deepEqual(
    (await claimNow(cluster))?.reservedFor?.map(({ name }) => name),
    ['p'],
  )
  assert.equal((await read(cluster)).spec.nodeName, undefined)
  await cluster.advance(30_000)
  assert.deepEqual(
    (await claimNow(cluster))?.reservedFor?.map(({ name }) => name),
    ['p'],
  )
  assert.equal((await read(cluster)).spec.nodeName, 'n1')
  stop()
  await cluster.settle()
})

test('scheduler deletes the claim that it made for a pod that could not be bound', async () => {
  await using cluster = await extended()
  cluster.stop()
  await cluster.settle()
  const stop = await unbound(cluster, 'before')
  await cluster.ask('late', '1')
  assert.deepEqual(await cluster.list(ResourceClaim), [])
  await cluster.advance(5_000)
  assert.equal((await cluster.list(ResourceClaim)).length, 1)
  assert.equal((await cluster.client.get(Pod, { name: 'late', namespace: 'default' })).spec.nodeName, 'n1')
  stop()
  await cluster.settle()
})

test('pods that share a claim wait for the one that allocates it, and fail for nothing', async () => {
  await using cluster = await extended()
  const requests = [{ name: 'r', exactly: { deviceClassName: 'gpu' } }]
  await cluster.client.create(ResourceClaim, { metadata: at, spec: { devices: { requests } } } as never)
  const spec = { tolerations: [{ operator: 'Exists' }], resourceClaims: [{ name: 'd', resourceClaimName: 'c' }] }
  for (const name of ['one', 'two', 'three']) await cluster.client.create(Pod, make.pod(name, { spec: spec as never }))
  await cluster.advance(5_000)
  assert.deepEqual(
    (await cluster.list(Pod)).map((pod) => pod.spec.nodeName),
    ['n1', 'n1', 'n1'],
  )
  assert.equal((await claimNow(cluster))?.reservedFor?.length, 3)
  assert.ok((await reasons(cluster)).every((text) => !text.includes('meantime')))
  cluster.stop()
  await cluster.settle()
})

test('scheduler does not try a pod before its claims exist', async () => {
  await using cluster = await waiting()
  const spec = { tolerations: [{ operator: 'Exists' }], resourceClaims: [{ name: 'd', resourceClaimName: 'late' }] }
  await cluster.client.create(Pod, make.pod('early', { spec: spec as never }))
  await cluster.settle()
  const early = () => cluster.client.get(Pod, { name: 'early', namespace: 'default' })
  assert.deepEqual((await early()).status.conditions ?? [], [])
  const requests = [{ name: 'r', exactly: { deviceClassName: 'gpu' } }]
  const metadata = { name: 'late', namespace: 'default' }
  await cluster.client.create(ResourceClaim, { metadata, spec: { devices: { requests } } } as never)
  await cluster.settle()
  // Tried now: the only device is taken.
  assert.match((await early()).status.conditions?.[0]?.message ?? '', /cannot allocate all claims/)
  cluster.stop()
  await cluster.settle()
})

test('scheduler does not delete a pod that is preempted while it waits for its devices, and tries it again', async () => {
  await using cluster = await waiting()
  const { client } = cluster
  const { uid } = (await read(cluster)).metadata
  const containers = [{ name: 'main', image: 'x', resources: { requests: { cpu: '4' } } }]
  const spec = { tolerations: [{ operator: 'Exists' }], priority: 100, containers }
  await client.create(Pod, make.pod('important', { spec: spec as never }))
  await client.patch(
    Node,
    { name: 'n1' },
    { type: 'merge', body: { status: { allocatable: { pods: '1' } } } },
    { subresource: 'status' },
  )
  await cluster.advance(20_000)
  const { nodeName } = (await client.get(Pod, { name: 'important', namespace: 'default' })).spec
  assert.equal(nodeName, 'n1')
  const left = await read(cluster)
  assert.deepEqual([left.metadata.uid, left.spec.nodeName, left.metadata.deletionTimestamp], [uid, undefined, undefined])
  await client.patch(
    Node,
    { name: 'n1' },
    { type: 'merge', body: { status: { allocatable: { pods: '9' } } } },
    { subresource: 'status' },
  )
  await cluster.advance(20_000)
  await say(cluster, 'Attached')
  await cluster.advance(20_000)
  assert.equal((await read(cluster)).spec.nodeName, 'n1')
  cluster.stop()
  await cluster.settle()
})

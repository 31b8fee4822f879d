import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Pod } from '#api/core/v1/pod.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { systemClock } from '#lib/clock.ts'
import { testCluster } from '#testing/cluster.ts'
import { startDraDriver } from '#testing/dra-driver.ts'
import { pod } from '#testing/make.ts'
import { watchPlugins } from '../csi/plugin-registry.ts'
import { NodeClaims } from './node-claims.ts'

const driver = 'gpu.example.com'
const namespace = 'default'

/** Real time, since sockets keep it. */
async function bed() {
  const root = await mkdtemp(join(tmpdir(), 'dra-'))
  const cluster = await testCluster()
  const { client } = cluster
  const errors: unknown[] = []
  let stop = new AbortController()
  const start = () => {
    stop = new AbortController()
    const { signal } = stop
    const onError = (error: unknown) => errors.push(error)
    const means = { client, signal, clock: systemClock, nodeName: 'n1', rootDirectory: root, onDriver: () => {}, onError }
    const claims = new NodeClaims(means)
    const directory = join(root, 'plugins_registry')
    void watchPlugins({ directory, handlers: { DRAPlugin: claims.plugins }, clock: systemClock, signal, onError })
    return claims
  }
  const result = {
    ...{ root, client, errors, claims: start() },
    restart() {
      stop.abort()
      result.claims = start()
    },
    /** Allocated, and reserved for these pods. */
    async claim(name: string, pods: readonly Pod[], over: object = {}): Promise<ResourceClaim> {
      const spec = { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] } }
      const made = await client.create(ResourceClaim, { metadata: { name, namespace, ...over }, spec } as never)
      const reservedFor = pods.map(({ metadata }) => ({ resource: 'pods', name: metadata.name, uid: metadata.uid }))
      const allocation = { devices: { results: [{ request: 'gpu', driver, pool: 'pool', device: 'gpu' }] } }
      return client.update(ResourceClaim, { ...made, status: { allocation, reservedFor } } as never, { subresource: 'status' })
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await cluster[Symbol.asyncDispose]()
      await rm(root, { recursive: true, force: true })
    },
  }
  return result
}

const using = (name: string, claim: string) => {
  const containers = [{ name: 'main', image: 'a', resources: { claims: [{ name: 'gpu' }] } }]
  return pod(name, { spec: { containers, resourceClaims: [{ name: 'gpu', resourceClaimName: claim }] } as never })
}

const main = ({ spec }: Pod) => spec.containers[0] as Pod['spec']['containers'][number]

async function registered(registrations: readonly unknown[]): Promise<void> {
  while (registrations.length === 0) await new Promise((resolve) => systemClock.after(5, () => resolve(undefined)))
}

test('NodeClaims prepares a claim once for all its pods, and gives it back after the last', async () => {
  await using node = await bed()
  await using gpu = await startDraDriver({ name: driver, root: node.root })
  await registered(gpu.registrations)
  assert.deepEqual(gpu.registrations, [{ registered: true, error: '' }])
  const pods = [await node.client.create(Pod, using('a', 'shared')), await node.client.create(Pod, using('b', 'shared'))]
  await node.claim('shared', pods)
  for (const one of pods) await node.claims.prepare(one)
  for (const one of pods) assert.deepEqual(await node.claims.devicesOf(one, main(one)), [`${driver}/device=shared-gpu`])
  assert.deepEqual(gpu.calls, ['prepare shared'])
  const [first, second] = pods as [Pod, Pod]
  await node.claims.release(first.metadata.uid)
  assert.deepEqual(gpu.calls, ['prepare shared'])
  await node.claims.release(second.metadata.uid)
  await node.claims.release(second.metadata.uid)
  assert.deepEqual(gpu.calls, ['prepare shared', 'unprepare shared'])
  assert.deepEqual(node.errors, [])
})

test('NodeClaims gives back what an earlier agent prepared, also of pods that nobody knows any more', async () => {
  await using node = await bed()
  await using gpu = await startDraDriver({ name: driver, root: node.root })
  await registered(gpu.registrations)
  const [kept, lost] = [await node.client.create(Pod, using('a', 'one')), await node.client.create(Pod, using('b', 'two'))]
  await node.claim('one', [kept])
  await node.claim('two', [lost])
  for (const one of [kept, lost]) await node.claims.prepare(one)
  gpu.registrations.length = 0
  node.restart()
  await registered(gpu.registrations)
  assert.deepEqual(await node.claims.devicesOf(kept, main(kept)), [`${driver}/device=one-gpu`])
  await node.claims.sweep(new Set([kept.metadata.uid]))
  await node.claims.prepare(kept)
  assert.deepEqual(gpu.calls, ['prepare one', 'prepare two', 'unprepare two', 'prepare one'])
  await node.claims.release(kept.metadata.uid)
  assert.deepEqual(gpu.calls.at(-1), 'unprepare one')
})

test('NodeClaims hands containers the devices of their own requests for extended resources', async () => {
  await using node = await bed()
  const requests = { extended: ['container-0-request-0', 'container-1-request-0'] }
  await using gpu = await startDraDriver({ name: driver, root: node.root, versions: ['v1beta1.DRAPlugin'], requests })
  await registered(gpu.registrations)
  const resources = { requests: { 'example.com/gpu': '1' }, limits: { 'example.com/gpu': '1' } }
  const containers = [...['x', 'y'].map((name) => ({ name, image: 'a', resources })), { name: 'z', image: 'a' }]
  const made = await node.client.create(Pod, pod('p', { spec: { containers } as never }))
  await node.claim('extended', [made])
  const requestMappings = ['x', 'y'].map((containerName, i) => {
    return { containerName, resourceName: 'example.com/gpu', requestName: `container-${i}-request-0` }
  })
  const status = { ...made.status, extendedResourceClaimStatus: { resourceClaimName: 'extended', requestMappings } }
  const one = { ...made, status } as Pod
  await node.claims.prepare(one)
  const devices = await Promise.all(one.spec.containers.map((container) => node.claims.devicesOf(one, container)))
  const idOf = (i: number) => `${driver}/device=extended-container-${i}-request-0`
  assert.deepEqual(devices, [[idOf(0)], [idOf(1)], []])
  await node.claims.release(one.metadata.uid)
  assert.deepEqual(gpu.calls, ['prepare extended', 'unprepare extended'])
})

test('NodeClaims says why a claim cannot be prepared, and holds on to what may have been', async () => {
  await using node = await bed()
  const made = await node.client.create(Pod, using('a', 'c'))
  await assert.rejects(node.claims.prepare(made), /^Error: fetch ResourceClaim c: resourceclaims.resource.k8s.io "c" not found$/)
  const claim = await node.claim('c', [])
  const { uid } = claim.metadata
  await assert.rejects(node.claims.prepare(made), {
    message: `pod a (${made.metadata.uid}) is not allowed to use ResourceClaim c (${uid})`,
  })
  await node.client.delete(ResourceClaim, claim)
  await node.claim('c', [made])
  await assert.rejects(node.claims.prepare(made), { message: `DRA driver ${driver} is not registered` })
  await node.claims.release(made.metadata.uid)
  await using gpu = await startDraDriver({ name: driver, root: node.root })
  await registered(gpu.registrations)
  gpu.problems.set('c', 'on fire')
  const failed = { message: 'NodePrepareResources failed for ResourceClaim c: on fire' }
  await assert.rejects(node.claims.prepare(made), failed)
  await assert.rejects(node.claims.release(made.metadata.uid), {
    message: 'NodeUnprepareResources failed for ResourceClaim c: on fire',
  })
  gpu.problems.clear()
  await node.claims.release(made.metadata.uid)
  assert.deepEqual(gpu.calls, ['prepare c', 'unprepare c', 'unprepare c'])
  const generated = { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }] }
  const early = { ...made, spec: { ...made.spec, ...generated } } as Pod
  await assert.rejects(node.claims.prepare(early), { message: 'pod claim gpu: ResourceClaim not created yet' })
})

test('NodeClaims refuses a plugin that speaks nothing it knows', async () => {
  await using node = await bed()
  await using gpu = await startDraDriver({ name: driver, root: node.root, versions: ['v7.DRAPlugin'] })
  await registered(gpu.registrations)
  const [said] = gpu.registrations
  assert.equal(said?.registered, false)
  assert.match(said?.error ?? '', /none of services supported by the plugin \(\["v7.DRAPlugin"\]\) are supported by the kubelet/)
})

test('NodeClaims begin() takes away what drivers of an earlier agent offered on this node', async () => {
  await using node = await bed()
  const slice = (name: string, nodeName: string) => {
    const spec = { driver, nodeName, pool: { name: nodeName, generation: 1, resourceSliceCount: 1 }, devices: [{ name: 'd' }] }
    return { metadata: { name }, spec } as never
  }
  await node.client.create(ResourceSlice, slice('mine', 'n1'))
  await node.client.create(ResourceSlice, slice('theirs', 'n2'))
  await node.claims.begin()
  const { items } = await node.client.list(ResourceSlice)
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ['theirs'],
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { kinds } from '#api/kinds.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { DeviceTaintRule } from '#api/resource/v1beta2/device-taint-rule.ts'
import { formatTime } from '#lib/clock.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { type Interrupted, interrupted, withLeaders } from '#testing/interrupted.ts'
import { node, pod } from '#testing/make.ts'
import { eventsOf } from '#testing/transcript.ts'
import { deviceTaintEvictionControllers } from './device-taint-eviction.ts'

const namespace = 'default'
const driver = 'gpu.example.com'
const devices = { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] }

async function start(options: { rules?: boolean; tolerations?: object[] } = {}): Promise<TestCluster> {
  const all = options.rules ? [...kinds, DeviceTaintRule] : kinds
  const cluster = await testCluster({
    controllers: deviceTaintEvictionControllers(all),
    policy: true,
    ...(options.rules && { kinds: [DeviceTaintRule] }),
  })
  await prepare(cluster, options.tolerations)
  return cluster
}

/** A pod that has a device, by a claim. */
async function prepare(cluster: TestCluster, given?: object[]): Promise<void> {
  const { client } = cluster
  await client.create(Node, node('n1'))
  await client.create(ResourceSlice, slice([]))
  const claim = await client.create(ResourceClaim, { metadata: { name: 'c', namespace }, spec: { devices } } as never)
  const resourceClaims = [{ name: 'gpu', resourceClaimName: 'c' }]
  const { uid } = (await client.create(Pod, pod('p', { spec: { nodeName: 'n1', resourceClaims } as never }))).metadata
  const tolerations = given && { tolerations: given }
  const results = [{ request: 'gpu', driver, pool: 'a', device: 'd0', ...tolerations }]
  const status = { allocation: { devices: { results } }, reservedFor: [{ resource: 'pods', name: 'p', uid }] }
  await client.update(ResourceClaim, { ...claim, status } as never, { subresource: 'status' })
  await cluster.settle()
}

function slice(taints: object[]) {
  const pool = { name: 'a', generation: 1, resourceSliceCount: 1 }
  const found = [{ name: 'd0', ...(taints.length > 0 && { taints }) }]
  return { metadata: { name: 's' }, spec: { driver, pool, nodeName: 'n1', devices: found } } as never
}

async function taint(cluster: TestCluster, ...effects: string[]): Promise<void> {
  const known = await cluster.client.get(ResourceSlice, { name: 's' })
  const timeAdded = formatTime(cluster.clock.now())
  const taints = effects.map((effect) => ({ key: 'example.com/sick', value: 'yes', effect, timeAdded }))
  const { spec } = slice(taints) as { spec: object }
  await cluster.client.update(ResourceSlice, { ...known, spec } as never)
  await cluster.settle()
}

async function fate(cluster: TestCluster): Promise<string> {
  const [found] = await cluster.list(Pod)
  const target = found?.status.conditions?.find(({ type }) => type === 'DisruptionTarget')
  if (!found || found.metadata.deletionTimestamp) return `leaves: ${target?.reason ?? ''}`
  return 'stays'
}

test('device-taint-eviction drives pods off a device that must not be used, and says why', async () => {
  await using cluster = await start()
  await taint(cluster, 'NoSchedule', 'None')
  assert.equal(await fate(cluster), 'stays')
  await taint(cluster, 'NoExecute')
  assert.equal(await fate(cluster), 'leaves: DeletionByDeviceTaintManager')
  assert.deepEqual(await eventsOf(cluster, 'p'), ['DeviceTaintManagerEviction: Marking for deletion'])
  assert.deepEqual(cluster.errors, [])
})

test('device-taint-eviction heeds tolerations, and calls off what is not necessary any more', async () => {
  const tolerations = [{ operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 }]
  await using cluster = await start({ tolerations })
  await taint(cluster, 'NoExecute')
  await cluster.advance(30_000)
  assert.equal(await fate(cluster), 'stays')
  await taint(cluster)
  await cluster.advance(60_000)
  assert.equal(await fate(cluster), 'stays')
  assert.deepEqual(await eventsOf(cluster, 'p'), ['DeviceTaintManagerEviction: Cancelling deletion'])
  await taint(cluster, 'NoExecute')
  await cluster.advance(61_000)
  assert.equal(await fate(cluster), 'leaves: DeletionByDeviceTaintManager')
})

test('device-taint-eviction lets pods be that tolerate the taint for ever', async () => {
  await using cluster = await start({
    tolerations: [{ key: 'example.com/sick', operator: 'Equal', value: 'yes', effect: 'NoExecute' }],
  })
  await taint(cluster, 'NoExecute')
  await cluster.advance(3_600_000)
  assert.equal(await fate(cluster), 'stays')
})

test('device-taint-eviction tells in a DeviceTaintRule what it does, and what it would do', async () => {
  await using cluster = await start({ rules: true })
  const { client } = cluster
  const rule = (effect: string, device = 'd0') =>
    ({ metadata: { name: effect.toLowerCase() }, spec: { deviceSelector: { device }, taint: { key: 'x', effect } } }) as never
  const told = async (name: string) => {
    const [condition] = (await client.get(DeviceTaintRule, { name })).status.conditions ?? []
    return `${condition?.status} ${condition?.reason}: ${condition?.message}`
  }
  await client.create(DeviceTaintRule, rule('None'))
  await cluster.settle()
  const advice = 'This information will not be updated again. Recreate the DeviceTaintRule to trigger an update.'
  const found = '1 published device selected. 1 allocated device selected. 1 pod would be evicted in 1 namespace'
  assert.equal(await told('none'), `False NoEffect: ${found} if the effect was NoExecute. ${advice}`)
  await client.create(DeviceTaintRule, rule('NoSchedule'))
  await cluster.settle()
  assert.equal(await told('noschedule'), 'False OtherEffect: Eviction only happens for the NoExecute effect.')
  assert.equal(await fate(cluster), 'stays')
  await client.create(DeviceTaintRule, rule('NoExecute'))
  await cluster.settle()
  assert.equal(await fate(cluster), 'leaves: DeletionByDeviceTaintManager')
  await cluster.advance(21_000)
  assert.equal(await told('noexecute'), 'False Completed: 1 pod evicted since starting the controller.')
  assert.deepEqual(cluster.errors, [])
})

test('device-taint-eviction reaches the same end when it dies after any of its writes, or leads twice', async () => {
  const scenario: Interrupted = {
    controllers: () => deviceTaintEvictionControllers(kinds),
    async scenario(cluster) {
      await prepare(cluster)
      await taint(cluster, 'NoExecute')
      await cluster.advance(60_000)
    },
    outcome: fate,
  }
  assert.ok((await interrupted(scenario)) > 1)
  assert.equal(await withLeaders(scenario, 2), 'leaves: DeletionByDeviceTaintManager')
})

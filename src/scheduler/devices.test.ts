/** Pods that wait for devices to be prepared: bound when the driver says so, scheduled anew when it fails. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
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

test('scheduler gives devices back that could not be prepared', async () => {
  await using cluster = await waiting()
  await say(cluster, 'Failed')
  await cluster.advance(5_000)
  const { spec, status } = await read(cluster)
  assert.equal(spec.nodeName, undefined)
  assert.match(
    status.conditions?.find(({ type }) => type === 'PodScheduled')?.message ?? '',
    /^claim c binding failed: reason=Because, message="so it is"$/,
  )
  cluster.stop()
  await cluster.settle()
})

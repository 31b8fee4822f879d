/** A scheduler that dies after any of its writes for claims: no device given twice, no claim left over, every pod bound where its devices are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { dyingClient } from '#testing/dying-client.ts'
import * as make from '#testing/make.ts'
import { runScheduler } from './scheduler.ts'
// The server loads it on the first patch, which takes real time that `settle` does not wait for.
import '#schema/merge.ts'

const tolerations = [{ operator: 'Exists' as const }]

/** Two nodes of two devices each; two pods share a claim, and two ask for a device as an extended resource. */
async function waiting(): Promise<TestCluster> {
  const cluster = await testCluster({ admission: [] })
  const { client } = cluster
  await client.create(DeviceClass, { metadata: { name: 'gpu' }, spec: { extendedResourceName: 'example.com/gpu' } })
  for (const nodeName of ['a', 'b']) {
    await client.create(Node, make.node(nodeName))
    const pool = { name: nodeName, generation: 1, resourceSliceCount: 1 }
    const spec = { driver: 'd.example.com', nodeName, pool, devices: [{ name: 'one' }, { name: 'two' }] }
    await client.create(ResourceSlice, { metadata: { name: nodeName }, spec } as never)
  }
  const requests = [{ name: 'r', exactly: { deviceClassName: 'gpu' } }]
  await client.create(ResourceClaim, {
    metadata: { name: 'shared', namespace: 'default' },
    spec: { devices: { requests } },
  } as never)
  const sharing = { tolerations, resourceClaims: [{ name: 'd', resourceClaimName: 'shared' }] }
  const containers = [{ name: 'main', image: 'x', resources: { limits: { 'example.com/gpu': '1' } } }]
  for (const name of ['s1', 's2']) await client.create(Pod, make.pod(name, { spec: sharing as never }))
  for (const name of ['e1', 'e2']) await client.create(Pod, make.pod(name, { spec: { tolerations, containers } as never }))
  return cluster
}

async function check(cluster: TestCluster, what: string): Promise<void> {
  const pods = await cluster.list(Pod)
  const nodes = new Map(pods.map(({ metadata, spec }) => [metadata.name, spec.nodeName]))
  const unbound = [...nodes].flatMap(([name, node]) => (node ? [] : [name]))
  assert.deepEqual(unbound, [], what)
  const claims = await cluster.list(ResourceClaim)
  const devices: string[] = []
  for (const { metadata, status } of claims) {
    for (const { pool, device } of status.allocation?.devices?.results ?? []) {
      devices.push(`${pool}/${device}`)
      for (const { name } of status.reservedFor ?? [])
        assert.equal(nodes.get(name), pool, `${what}: ${name} is not where ${metadata.name} is`)
    }
  }
  assert.equal(new Set(devices).size, devices.length, `${what}: ${devices}`)
  const users = claims.map(({ status }) =>
    (status.reservedFor ?? [])
      .map(({ name }) => name)
      .sort()
      .join(),
  )
  assert.deepEqual(users.sort(), ['e1', 'e2', 's1,s2'], what)
  for (const name of ['e1', 'e2']) {
    const { status } = pods.find(({ metadata }) => metadata.name === name) as Pod
    const named = claims.find(({ metadata }) => metadata.name === status.extendedResourceClaimStatus?.resourceClaimName)
    assert.equal(named?.status.reservedFor?.[0]?.name, name, `${what}: ${name} names no claim of its own`)
  }
}

test('the scheduler may be killed at any of its writes for claims, before or after the server has seen it', async () => {
  let total = Number.POSITIVE_INFINITY
  for (const when of ['before', 'after'] as const) {
    for (let last = 1; last <= total; last++) {
      await using cluster = await waiting()
      const { clock, random } = cluster
      const first = new AbortController()
      const dying = dyingClient(cluster, last, { when, die: () => first.abort(new Error('died')) })
      void runScheduler({ client: dying.client, clock, random, signal: first.signal }).catch(() => {})
      await cluster.advance(5_000)
      first.abort()
      if (dying.writes() < last) total = last
      const second = new AbortController()
      void runScheduler({ client: cluster.client, clock, random, signal: second.signal }).catch(() => {})
      await cluster.advance(60_000)
      await check(cluster, `killed ${when} write ${last}`)
      second.abort()
      await cluster.settle()
    }
  }
  assert.ok(total > 12, `${total} writes`)
})

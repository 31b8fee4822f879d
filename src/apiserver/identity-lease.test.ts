import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lease } from '#api/coordination/v1/lease.ts'
import { formatMicroTime } from '#lib/clock.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { apiserverId, collectIdentityLeases, keepIdentityLease } from './identity-lease.ts'

const namespace = 'kube-system'
const labels = { 'apiserver.kubernetes.io/identity': 'kube-apiserver', 'kubernetes.io/hostname': 'box' }

function keep({ client, clock, random }: TestCluster) {
  const stop = new AbortController()
  const errors: unknown[] = []
  const options = { client, clock, random, hostname: 'box', signal: stop.signal, onError: (error: unknown) => errors.push(error) }
  return { stop, errors, options, done: keepIdentityLease(options) }
}

test('apiserverId() hashes hostname and program, with their lengths', () => {
  // sha256 of 00 03 "box" 00 0e "kube-apiserver", its first half in base 32.
  assert.equal(apiserverId('box'), 'apiserver-cv3t357sspoikjgjpiemjidab4')
  assert.notEqual(apiserverId('box'), apiserverId('boxk'))
})

test('keepIdentityLease() takes away what was left, renews every ten seconds, and goes with the server', async () => {
  await using cluster = await testCluster()
  const name = apiserverId('box')
  const old = { holderIdentity: 'of-an-earlier-process', leaseDurationSeconds: 3600 }
  await cluster.client.create(Lease, { metadata: { name, namespace }, spec: old })
  const { stop, errors, done } = keep(cluster)
  await cluster.settle()
  const first = await cluster.client.get(Lease, { name, namespace })
  assert.deepEqual(first.metadata.labels, labels)
  assert.match(first.spec.holderIdentity ?? '', new RegExp(`^${name}_[0-9a-f-]{36}$`))
  assert.deepEqual([first.spec.leaseDurationSeconds, first.spec.renewTime], [3600, formatMicroTime(cluster.clock.now())])
  await cluster.advance(10_400)
  const second = await cluster.client.get(Lease, { name, namespace })
  assert.ok((second.spec.renewTime ?? '') > (first.spec.renewTime ?? ''))
  assert.equal(second.spec.holderIdentity, first.spec.holderIdentity)
  await cluster.client.delete(Lease, { name, namespace })
  await cluster.advance(11_000)
  assert.equal((await cluster.client.get(Lease, { name, namespace })).spec.holderIdentity, first.spec.holderIdentity)
  stop.abort()
  await done
  await assert.rejects(cluster.client.get(Lease, { name, namespace }), { code: 404 })
  assert.equal(errors.length, 1)
})

test('collectIdentityLeases() takes away the leases of servers that are gone, and no others', async () => {
  await using cluster = await testCluster()
  const lease = (name: string, spec: object, own: Record<string, string> = labels) =>
    cluster.client.create(Lease, { metadata: { name, namespace, labels: own }, spec: { holderIdentity: name, ...spec } })
  const renewTime = formatMicroTime(cluster.clock.now())
  await lease('alive', { renewTime, leaseDurationSeconds: 3600 })
  await lease('expired', { renewTime: '2020-01-01T00:00:00.000000Z', leaseDurationSeconds: 3600 })
  await lease('never-renewed', { leaseDurationSeconds: 3600 })
  await lease('other', { renewTime: '2020-01-01T00:00:00.000000Z', leaseDurationSeconds: 15 }, {})
  const stop = new AbortController()
  const { client, clock } = cluster
  const done = collectIdentityLeases({ client, clock, signal: stop.signal })
  const names = async () => (await cluster.list(Lease, namespace)).map(({ metadata }) => metadata.name)
  await cluster.settle()
  assert.deepEqual(await names(), ['alive', 'other'])
  await cluster.advance(3_700_000)
  assert.deepEqual(await names(), ['alive', 'other'])
  await cluster.advance(3_600_000)
  assert.deepEqual(await names(), ['other'])
  stop.abort()
  await done
})

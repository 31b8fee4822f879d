import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lease } from '#api/coordination/v1/lease.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { runAsLeader } from './leader-election.ts'

const at = { namespace: 'kube-system', name: 'test' }

function candidate(cluster: TestCluster, identity: string, log: string[]) {
  const stop = new AbortController()
  const { clock, random, client } = cluster
  const ended = runAsLeader(client, { clock, random, signal: stop.signal, ...at, identity }, async (signal) => {
    log.push(`${identity} leads`)
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    log.push(`${identity} stops`)
  })
  return { stop, ended }
}

test('runAsLeader() lets one lead, and another when the first lets go', async () => {
  await using cluster = await testCluster()
  const log: string[] = []
  const first = candidate(cluster, 'a', log)
  await cluster.settle()
  const second = candidate(cluster, 'b', log)
  await cluster.advance(60_000)
  assert.deepEqual(log, ['a leads'])
  const held = await cluster.client.get(Lease, at)
  assert.equal(held.spec.holderIdentity, 'a')
  assert.equal(held.spec.leaseDurationSeconds, 15)
  first.stop.abort()
  await first.ended
  assert.equal((await cluster.client.get(Lease, at)).spec.holderIdentity, '')
  await cluster.advance(5000)
  assert.deepEqual(log, ['a leads', 'a stops', 'b leads'])
  assert.equal((await cluster.client.get(Lease, at)).spec.leaseTransitions, 1)
  second.stop.abort()
  await second.ended
})

test('runAsLeader() stops when somebody else has taken the lease', async () => {
  await using cluster = await testCluster()
  const log: string[] = []
  const first = candidate(cluster, 'a', log)
  await cluster.settle()
  const held = await cluster.client.get(Lease, at)
  await cluster.client.update(Lease, { ...held, spec: { ...held.spec, holderIdentity: 'thief' } })
  await cluster.advance(15_000)
  await first.ended
  assert.deepEqual(log, ['a leads', 'a stops'])
  assert.equal((await cluster.client.get(Lease, at)).spec.holderIdentity, 'thief')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Call } from '#client/client.ts'
import { createClient } from '#client/typed-client.ts'
import { testCluster } from '#testing/cluster.ts'
import { node, pod } from '#testing/make.ts'
import { runScheduler } from './scheduler.ts'

test('scheduler writes of a pod whose volumes are all bound nothing but its binding and the event', async () => {
  await using cluster = await testCluster({ admission: [] })
  const { clock, random } = cluster
  const capacity = { storage: '1Gi' }
  const accessModes = ['ReadWriteOnce']
  const claimRef = { name: 'c', namespace: 'default' }
  const csi = { driver: 'd.io', volumeHandle: '1' }
  await cluster.client.create(PersistentVolume, {
    metadata: { name: 'v' },
    spec: { capacity, accessModes, claimRef, csi },
  } as never)
  const metadata = { name: 'c', namespace: 'default', annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }
  const spec = { accessModes, volumeName: 'v', resources: { requests: capacity } }
  await cluster.client.create(PersistentVolumeClaim, { metadata, spec } as never)
  await cluster.client.create(Node, node('n1'))
  const writes: string[] = []
  const { transport } = cluster.client
  const request = (call: Call) => {
    if (!['get', 'list', 'watch'].includes(call.verb))
      writes.push(`${call.verb} ${call.resource.plural} ${call.subresource ?? ''}`.trim())
    return transport.request(call)
  }
  const stop = new AbortController()
  const client = createClient({ ...transport, request })
  void runScheduler({ client, clock, random, signal: stop.signal })
  await cluster.settle()
  const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }]
  await cluster.client.create(Pod, pod('p', { spec: { volumes } as never }))
  await cluster.advance(5_000)
  assert.equal((await cluster.client.get(Pod, { name: 'p', namespace: 'default' })).spec.nodeName, 'n1')
  assert.deepEqual(writes, ['create pods binding', 'create events'])
  stop.abort()
  await cluster.settle()
})

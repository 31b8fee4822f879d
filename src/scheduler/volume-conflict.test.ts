import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import type { Call } from '#client/client.ts'
import { createClient } from '#client/typed-client.ts'
import { testCluster } from '#testing/cluster.ts'
import { node, pod } from '#testing/make.ts'
import { runScheduler } from './scheduler.ts'

test('scheduler tries a pod again whose claim somebody changed while it was decided on', async () => {
  await using cluster = await testCluster()
  const { clock, random } = cluster
  const at = { name: 'c', namespace: 'default' }
  let isChanged = false
  const { transport } = cluster.client
  const request = async (call: Call) => {
    if (call.verb === 'update' && call.resource.plural === 'persistentvolumeclaims' && !isChanged) {
      isChanged = true
      const body = { metadata: { labels: { changed: 'meanwhile' } } }
      await cluster.client.patch(PersistentVolumeClaim, at, { type: 'merge', body })
    }
    return transport.request(call)
  }
  const client = createClient({ ...transport, request })
  const stop = new AbortController()
  await cluster.client.create(StorageClass, {
    metadata: { name: 'late' },
    provisioner: 'example.com/disks',
    volumeBindingMode: 'WaitForFirstConsumer',
  })
  const { name } = (await cluster.client.create(Node, node('n1'))).metadata
  await cluster.client.patch(Node, { name }, { type: 'merge', body: { spec: { taints: null } } })
  const resources = { requests: { storage: '1Gi' } }
  const spec = { accessModes: ['ReadWriteOnce'], storageClassName: 'late', resources }
  await cluster.client.create(PersistentVolumeClaim, { metadata: at, spec } as never)
  const started = runScheduler({ client, clock, random, signal: stop.signal, onError: () => {} })
  await cluster.settle()
  await started
  const volumes = [{ name: 'd', persistentVolumeClaim: { claimName: 'c' } }]
  await cluster.client.create(Pod, pod('p', { spec: { volumes } as never }))
  await cluster.advance(30_000)
  const { annotations } = (await cluster.client.get(PersistentVolumeClaim, at)).metadata
  assert.deepEqual([isChanged, annotations?.['volume.kubernetes.io/selected-node']], [true, 'n1'])
  stop.abort()
  await cluster.settle()
})

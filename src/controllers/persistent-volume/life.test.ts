/** The life of a claim and its volume without a provisioner: phases, annotations and events at each station, as upstream tells them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { eventsOf } from '#testing/transcript.ts'
import { claimBinder, volumeBinder } from './binder.ts'

const at = { name: 'c', namespace: 'default' }

async function claim(cluster: TestCluster) {
  const { metadata, spec, status } = await cluster.client.get(PersistentVolumeClaim, at)
  const { storage } = status.capacity ?? {}
  return [status.phase, spec.volumeName, storage, ...Object.keys(metadata.annotations ?? {}).sort()].filter(Boolean).join(' ')
}

async function volume(cluster: TestCluster) {
  const { metadata, spec, status } = await cluster.client.get(PersistentVolume, { name: 'v' })
  const { message } = status
  return [status.phase, spec.claimRef?.name, message, ...Object.keys(metadata.annotations ?? {}).sort()].filter(Boolean).join(' ')
}

test('the life of a claim: unbound, bound, released, and one whose volume goes', async () => {
  await using cluster = await testCluster({ controllers: [claimBinder, volumeBinder] })
  const { client } = cluster
  const told = async (name: string) => (await eventsOf(cluster, name)).map((line) => line.replace(/ \(x\d+\)$/, ''))
  const spec = { accessModes: ['ReadWriteOnce'] as const, storageClassName: '', resources: { requests: { storage: '1Gi' } } }
  await client.create(PersistentVolumeClaim, { metadata: at, spec } as never)
  await cluster.settle()
  assert.equal(await claim(cluster), 'Pending')
  assert.deepEqual(await told('c'), ['FailedBinding: no persistent volumes available for this claim and no storage class is set'])

  const source = { accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' }, hostPath: { path: '/x' } }
  await client.create(PersistentVolume, { metadata: { name: 'v' }, spec: source } as never)
  await cluster.advance(15_000)
  assert.equal(await claim(cluster), 'Bound v 2Gi pv.kubernetes.io/bind-completed pv.kubernetes.io/bound-by-controller')
  assert.equal(await volume(cluster), 'Bound c pv.kubernetes.io/bound-by-controller')

  await client.delete(PersistentVolumeClaim, at)
  await cluster.settle()
  assert.equal(await volume(cluster), 'Released c pv.kubernetes.io/bound-by-controller')
  assert.deepEqual(await told('v'), [])

  await client.delete(PersistentVolume, { name: 'v' })
  await client.create(PersistentVolume, {
    metadata: { name: 'v' },
    spec: { ...source, persistentVolumeReclaimPolicy: 'Recycle' },
  } as never)
  await client.create(PersistentVolumeClaim, { metadata: at, spec } as never)
  await cluster.advance(15_000)
  assert.match(await claim(cluster), /^Bound v /)
  await client.delete(PersistentVolume, { name: 'v' })
  await cluster.settle()
  assert.equal(await claim(cluster), 'Lost v pv.kubernetes.io/bind-completed pv.kubernetes.io/bound-by-controller')
  assert.equal((await told('c')).at(-1), 'ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!')
  assert.deepEqual(cluster.errors, [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { VolumeAttachment } from '#api/storage/v1/volume-attachment.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { node, pod } from '#testing/make.ts'
import { eventsOf } from '#testing/transcript.ts'
import { attachDetachController } from './attach-detach.ts'
import { attachmentName, longestUnmount, planAttachments } from './plan.ts'

const managed = 'volumes.kubernetes.io/controller-managed-attach-detach'
const unique = 'kubernetes.io/csi/disk.example.com^handle'

async function start(): Promise<TestCluster> {
  const cluster = await testCluster({ controllers: [attachDetachController()], policy: true })
  const { client } = cluster
  for (const name of ['n1', 'n2']) {
    await client.create(Node, { ...node(name), metadata: { name, annotations: { [managed]: 'true' } } })
  }
  const modes = { accessModes: ['ReadWriteOnce'], storageClassName: '' }
  const claim = { ...modes, volumeName: 'v', resources: { requests: { storage: '1Gi' } } }
  const made = await client.create(PersistentVolumeClaim, { metadata: { name: 'c', namespace: 'default' }, spec: claim } as never)
  const { uid } = made.metadata
  const csi = { driver: 'disk.example.com', volumeHandle: 'handle' }
  const spec = { ...modes, capacity: { storage: '1Gi' }, csi, claimRef: { name: 'c', namespace: 'default', uid } }
  await client.create(PersistentVolume, { metadata: { name: 'v' }, spec } as never)
  return cluster
}

const using = (name: string, nodeName: string) =>
  pod(name, { spec: { nodeName, volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'c' } }] } as never })

async function attachments(cluster: TestCluster): Promise<string[]> {
  await cluster.settle()
  return (await cluster.list(VolumeAttachment)).map(({ spec }) => `${spec.source.persistentVolumeName} ${spec.nodeName}`)
}

async function answer(cluster: TestCluster, status: object): Promise<void> {
  for (const one of await cluster.list(VolumeAttachment)) {
    await cluster.client.update(VolumeAttachment, { ...one, status } as never, { subresource: 'status' })
  }
  await cluster.settle()
}

const nodeStatus = async (cluster: TestCluster, change: object) => {
  const found = await cluster.client.get(Node, { name: 'n1' })
  const status = { ...found.status, ...change }
  await cluster.client.update(Node, { ...found, status } as never, { subresource: 'status' })
  await cluster.settle()
}

test('attach-detach attaches what a pod uses, tells of it, and detaches when it is unmounted', async () => {
  await using cluster = await start()
  const { client } = cluster
  const first = await client.create(Pod, using('p', 'n1'))
  assert.deepEqual(await attachments(cluster), ['v n1'])
  const [made] = await cluster.list(VolumeAttachment)
  const volume = await client.get(PersistentVolume, { name: 'v' })
  assert.equal(made?.metadata.name, attachmentName(volume, 'n1'))
  await answer(cluster, { attached: false, attachError: { time: '2026-01-01T00:00:00Z', message: 'no room' } })
  await answer(cluster, { attached: true })
  assert.deepEqual((await client.get(Node, { name: 'n1' })).status.volumesAttached, [{ name: unique, devicePath: '' }])
  const told = await eventsOf(cluster, 'p')
  assert.deepEqual(
    told.map((line) => line.replace(/ \(x\d+\)$/, '')),
    [
      'FailedAttachVolume: AttachVolume.Attach failed for volume "v" : no room',
      'SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume "v" ',
    ],
  )
  await nodeStatus(cluster, { volumesInUse: [unique] })
  await client.create(Pod, using('q', 'n2'))
  assert.deepEqual(await attachments(cluster), ['v n1'])
  const used = 'FailedAttachVolume: Multi-Attach error for volume "v" Volume is already used by pod(s) p'
  assert.deepEqual(await eventsOf(cluster, 'q'), [used])
  await client.delete(Pod, first, { gracePeriodSeconds: 0 })
  assert.deepEqual(await attachments(cluster), ['v n1'], 'it is still mounted')
  await nodeStatus(cluster, { volumesInUse: [] })
  await cluster.advance(60_000)
  assert.deepEqual(await attachments(cluster), ['v n2'])
  assert.equal((await client.get(Node, { name: 'n1' })).status.volumesAttached, undefined)
  assert.deepEqual(cluster.errors, [])
})

test('attach-detach leaves to others what it did not make', async () => {
  await using cluster = await start()
  const spec = { attacher: 'disk.example.com', nodeName: 'n9', source: { persistentVolumeName: 'v' } }
  await cluster.client.create(VolumeAttachment, { metadata: { name: 'mine' }, spec })
  await cluster.advance(longestUnmount * 2)
  assert.deepEqual(await attachments(cluster), ['v n9'])
  assert.deepEqual(cluster.errors, [])
})

test('attach-detach lets go of what was attached to a node that is gone', async () => {
  await using cluster = await start()
  const made = await cluster.client.create(Pod, using('p', 'n1'))
  assert.deepEqual(await attachments(cluster), ['v n1'])
  await cluster.client.delete(Node, { name: 'n1' })
  await cluster.client.delete(Pod, made, { gracePeriodSeconds: 0 })
  assert.deepEqual(await attachments(cluster), [])
})

const volume = {
  metadata: { name: 'v' },
  spec: { accessModes: ['ReadWriteOnce'], csi: { driver: 'disk.example.com', volumeHandle: 'handle' } },
} as never as PersistentVolume
const attachment = { metadata: { name: 'a' }, spec: {}, status: { attached: true } } as never as VolumeAttachment

const idleCases: readonly [it: string, node: object, idleFor: number, detaches: boolean, waits: number | undefined][] = [
  ['is not mounted', { status: {} }, 0, true, undefined],
  [
    'is mounted on a node that is well',
    { status: { volumesInUse: [unique], conditions: [{ type: 'Ready', status: 'True' }] } },
    9e9,
    false,
    undefined,
  ],
  ['is mounted on a silent node', { status: { volumesInUse: [unique], conditions: [] } }, 60_000, false, longestUnmount - 60_000],
  ['was mounted on a node long silent', { status: { volumesInUse: [unique], conditions: [] } }, longestUnmount, true, undefined],
  [
    'is mounted on a node that is off',
    { spec: { taints: [{ key: 'node.kubernetes.io/out-of-service' }] }, status: { volumesInUse: [unique] } },
    0,
    true,
    undefined,
  ],
]

for (const [it, over, idleFor, detaches, waits] of idleCases) {
  test(`planAttachments() of a volume that nobody wants and that ${it}`, () => {
    const plan = planAttachments({
      node: { metadata: { name: 'n1' }, spec: {}, ...over } as never,
      wanted: [],
      attached: [{ attachment, volume }],
      elsewhere: [],
      users: () => [],
      idleSince: () => 1e10 - idleFor,
      now: 1e10,
    })
    assert.deepEqual([plan.detach.length === 1, plan.waits, plan.volumesAttached.length === 0], [detaches, waits, detaches])
  })
}

/** Claims and volumes through random histories, deaths of the controllers and two of them at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { hasReason } from '#schema/status-error.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { interrupted, withLeaders } from '#testing/interrupted.ts'
import { node } from '#testing/make.ts'
import { type Dice, diceOf } from '#testing/property.ts'
import { eventsOf } from '#testing/transcript.ts'
import { claimBinder, volumeBinder } from './binder.ts'
import { expandController } from './expander.ts'
import { localPathControllers, localPathProvisioner } from './local-path.ts'
import { annotations, bestMatch, isFor } from './match.ts'
import { claimProtectionController, volumeProtectionController } from './protection.ts'

const namespace = 'default'
const storage = (size: string) => ({ resources: { requests: { storage: size } } })
const gone = (error: unknown) => {
  if (!hasReason(error, 'NotFound')) throw error
}

async function makeVolume({ client }: TestCluster, name: string, dice: Dice): Promise<void> {
  const spec = {
    capacity: { storage: dice.pick(['1Gi', '2Gi']) },
    accessModes: dice.pick([['ReadWriteOnce'], ['ReadWriteOnce', 'ReadOnlyMany']]),
    storageClassName: dice.pick(['', 'x']),
    hostPath: { path: `/mnt/${name}` },
    persistentVolumeReclaimPolicy: 'Retain',
    ...(dice.chance(0.3) && { claimRef: { name: dice.pick(['c0', 'c1']), namespace } }),
  }
  await client.create(PersistentVolume, { metadata: { name }, spec } as never)
}

async function makeClaim({ client }: TestCluster, name: string, dice: Dice): Promise<void> {
  const spec = {
    accessModes: ['ReadWriteOnce'],
    storageClassName: dice.pick(['', 'x']),
    ...storage(dice.pick(['1Gi', '2Gi'])),
    ...(dice.chance(0.2) && { volumeName: dice.pick(['v0', 'v1', 'v2']) }),
  }
  await client.create(PersistentVolumeClaim, { metadata: { name, namespace }, spec } as never)
}

async function act(cluster: TestCluster, dice: Dice, step: number): Promise<void> {
  const { client } = cluster
  const claims = await cluster.list(PersistentVolumeClaim)
  const volumes = await cluster.list(PersistentVolume)
  const free = (names: readonly string[], taken: readonly { metadata: { name: string } }[]) =>
    names.find((name) => !taken.some(({ metadata }) => metadata.name === name))
  const volume = free(['v0', 'v1', 'v2', 'v3'], volumes)
  const claim = free(['c0', 'c1', 'c2', 'c3'], claims)
  const choice = dice.upTo(3)
  if (choice === 0 && volume) await makeVolume(cluster, volume, dice)
  else if (choice <= 1 && claim) await makeClaim(cluster, claim, dice)
  else if (choice === 2 && claims.length > 0) await client.delete(PersistentVolumeClaim, dice.pick(claims)).catch(gone)
  else if (choice === 3 && volumes.length > 0 && step % 3 === 0) {
    await client.delete(PersistentVolume, dice.pick(volumes)).catch(gone)
  }
  if (dice.chance(0.5)) await cluster.settle()
}

test('the binder marries each volume once, leaves nobody waiting who could have one, and always comes to an end', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    await using cluster = await testCluster({ controllers: [claimBinder, volumeBinder], seed })
    const dice = diceOf(seed)
    for (let step = 0; step < 25; step++) await act(cluster, dice, step)
    await cluster.advance(60_000)
    const claims = await cluster.list(PersistentVolumeClaim)
    const volumes = await cluster.list(PersistentVolume)
    const about = (what: string) => `seed ${seed}: ${what}`
    const married = claims.filter(({ status }) => status.phase === 'Bound')
    assert.equal(new Set(married.map(({ spec }) => spec.volumeName)).size, married.length, about('two have one volume'))
    for (const { metadata, spec } of married) {
      const volume = volumes.find((one) => one.metadata.name === spec.volumeName)
      assert.deepEqual([volume?.spec.claimRef?.uid, volume?.status.phase], [metadata.uid, 'Bound'], about(metadata.name))
    }
    for (const claim of claims.filter(({ status, spec }) => status.phase === 'Pending' && !spec.volumeName)) {
      assert.equal(bestMatch(claim, volumes, false)?.metadata.name, undefined, about(`${claim.metadata.name} waits`))
    }
    for (const volume of volumes) {
      const partner = claims.find((claim) => volume.spec.claimRef?.uid && isFor(volume, claim))
      const phase = partner ? 'Bound' : volume.spec.claimRef?.uid ? 'Released' : 'Available'
      assert.equal(volume.status.phase, phase, about(volume.metadata.name))
    }
  }
})

const late = {
  metadata: { name: 'late' },
  provisioner: localPathProvisioner,
  volumeBindingMode: 'WaitForFirstConsumer' as const,
  allowVolumeExpansion: true,
}

async function life(cluster: TestCluster): Promise<void> {
  const { client } = cluster
  await client.create(StorageClass, late)
  await client.create(Node, node('n1'))
  const spec = { accessModes: ['ReadWriteOnce'], storageClassName: 'late', ...storage('1Gi') }
  for (const name of ['a', 'b']) {
    const metadata = { name, namespace, annotations: { [annotations.selectedNode]: 'n1' } }
    await client.create(PersistentVolumeClaim, { metadata, spec } as never)
  }
  await cluster.advance(20_000)
  const grown = { type: 'merge', body: { spec: storage('2Gi') } } as const
  await client.patch(PersistentVolumeClaim, { name: 'a', namespace }, grown)
  await cluster.advance(20_000)
  await client.delete(PersistentVolumeClaim, { name: 'b', namespace })
  await cluster.advance(120_000)
}

const directories = { root: '/r', make: async () => {}, remove: async () => {} }
const scenario = {
  controllers: () => [
    claimBinder,
    volumeBinder,
    claimProtectionController,
    volumeProtectionController,
    expandController,
    ...localPathControllers(directories),
  ],
  scenario: life,
  outcome: async (cluster: TestCluster) => [
    (await cluster.list(PersistentVolumeClaim)).map(({ metadata, status }) => [metadata.name, status]),
    (await cluster.list(PersistentVolume)).map(({ spec, status }) => [spec.claimRef?.name, spec.capacity, status.phase]),
  ],
}

test('claims are provisioned, grow and go alike when the controllers die after any write, or two lead', async () => {
  assert.ok((await interrupted(scenario)) > 12)
  const one = await withLeaders(scenario, 1)
  assert.deepEqual(one, [
    [['a', { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' } }]],
    [['a', { storage: '2Gi' }, 'Bound']],
  ])
  assert.deepEqual(await withLeaders(scenario, 2), one)
})

test('what is told of a provisioned claim, in order', async () => {
  await using cluster = await testCluster({ controllers: scenario.controllers(), policy: true })
  await cluster.client.create(Node, node('n1'))
  await cluster.client.create(StorageClass, late)
  const at = { name: 'c', namespace }
  const spec = { accessModes: ['ReadWriteOnce'], storageClassName: 'late', ...storage('1Gi') }
  await cluster.client.create(PersistentVolumeClaim, { metadata: at, spec } as never)
  await cluster.settle()
  const chosen = { metadata: { annotations: { [annotations.selectedNode]: 'n1' } } }
  await cluster.client.patch(PersistentVolumeClaim, at, { type: 'merge', body: chosen })
  await cluster.settle()
  const { uid } = (await cluster.client.get(PersistentVolumeClaim, at)).metadata
  const waiting = `Waiting for a volume to be created either by the external provisioner '${localPathProvisioner}'`
  const told = (await eventsOf(cluster, 'c')).map((line) => line.replace(/ \(x\d+\)$/, ''))
  assert.deepEqual(told, [
    'WaitForFirstConsumer: waiting for first consumer to be created before binding',
    `ExternalProvisioning: ${waiting} or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
    'Provisioning: External provisioner is provisioning volume for claim "default/c"',
    `ProvisioningSucceeded: Successfully provisioned volume pvc-${uid}`,
  ])
  assert.deepEqual(cluster.errors, [])
})

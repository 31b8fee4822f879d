import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event } from '#api/core/v1/event.ts'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { seededRandom } from '#lib/random.ts'
import { hasReason } from '#schema/status-error.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { node, pod } from '#testing/make.ts'
import { claimBinder, volumeBinder } from './binder.ts'
import { ephemeralVolumeController } from './ephemeral-volume.ts'
import { expandController } from './expander.ts'
import { localPathControllers, localPathProvisioner, planVolumeFor } from './local-path.ts'
import { annotations, bestMatch } from './match.ts'
import { claimProtectionController, volumeProtectionController } from './protection.ts'

const at = { name: 'c', namespace: 'default' }

function volume(name: string, storage: string, spec: object = {}): never {
  const rest = { accessModes: ['ReadWriteOnce'], hostPath: { path: `/mnt/${name}` }, ...spec }
  return { metadata: { name }, spec: { capacity: { storage }, ...rest } } as never
}

function claim(spec: object = {}, metadata: object = {}): never {
  const rest = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: '', ...spec }
  return { metadata: { ...at, ...metadata }, spec: rest } as never
}

interface Disk {
  readonly made: string[]
  readonly removed: string[]
}

function start(disk: Disk = { made: [], removed: [] }): Promise<TestCluster> {
  const directories = {
    root: '/data/local-path',
    make: async (on: string, path: string) => void disk.made.push(`${on} ${path}`),
    remove: async (on: string, path: string) => void disk.removed.push(`${on} ${path}`),
  }
  const protections = [claimProtectionController, volumeProtectionController, ephemeralVolumeController, expandController]
  return testCluster({
    controllers: [claimBinder, volumeBinder, ...protections, ...localPathControllers(directories)],
    policy: true,
  })
}

async function events(cluster: TestCluster): Promise<string[]> {
  return (await cluster.list(Event)).map(({ type, reason, message }) => `${type} ${reason} ${message}`)
}

async function isGone(cluster: TestCluster, name: string): Promise<boolean> {
  const found = await cluster.client.get(PersistentVolume, { name }).catch((error) => hasReason(error, 'NotFound'))
  return found === true
}

test('a claim gets the smallest volume that suits it, for good', async () => {
  await using cluster = await start()
  const { client } = cluster
  await client.create(PersistentVolume, volume('big', '5Gi'))
  await client.create(PersistentVolume, volume('fits', '2Gi'))
  await client.create(PersistentVolume, volume('small', '1Mi'))
  await client.create(PersistentVolume, volume('other', '1Gi', { storageClassName: 'gold' }))
  await cluster.settle()
  assert.deepEqual(
    (await cluster.list(PersistentVolume)).map(({ status }) => status.phase),
    Array(4).fill('Available'),
  )
  await client.create(PersistentVolumeClaim, claim())
  await cluster.settle()
  const bound = await client.get(PersistentVolumeClaim, at)
  assert.deepEqual([bound.spec.volumeName, bound.status.phase, bound.status.capacity], ['fits', 'Bound', { storage: '2Gi' }])
  assert.deepEqual(bound.metadata.annotations, { [annotations.boundByController]: 'yes', [annotations.bindCompleted]: 'yes' })
  const fits = await client.get(PersistentVolume, { name: 'fits' })
  assert.deepEqual([fits.status.phase, fits.spec.claimRef?.uid], ['Bound', bound.metadata.uid])
  await client.delete(PersistentVolumeClaim, at)
  await cluster.settle()
  assert.equal((await client.get(PersistentVolume, { name: 'fits' })).status.phase, 'Released')
  await client.create(PersistentVolumeClaim, claim({ resources: { requests: { storage: '3Gi' } } }))
  await cluster.settle()
  assert.equal((await client.get(PersistentVolumeClaim, at)).spec.volumeName, 'big')
  assert.deepEqual(cluster.errors, [])
})

test('a claim that cannot bind says why, and does not spin', async () => {
  await using cluster = await start()
  const { client } = cluster
  await client.create(PersistentVolume, volume('v', '1Mi'))
  await client.create(StorageClass, { metadata: { name: 'old' }, provisioner: 'kubernetes.io/no-provisioner' })
  const cases: readonly [string, object, string][] = [
    ['a', {}, 'Normal FailedBinding no persistent volumes available for this claim and no storage class is set'],
    ['b', { storageClassName: 'none' }, 'Warning ProvisioningFailed storageclass.storage.k8s.io "none" not found'],
    ['c', { volumeName: 'v' }, 'Warning VolumeMismatch Cannot bind to requested volume "v": requested PV is too small'],
    ['d', { storageClassName: 'old' }, 'Warning ProvisioningFailed no volume plugin matched name: kubernetes.io/no-provisioner'],
  ]
  for (const [name, spec] of cases) await client.create(PersistentVolumeClaim, claim(spec, { name }))
  await cluster.settle()
  const before = (await client.list(PersistentVolumeClaim)).metadata.resourceVersion
  const said = await events(cluster)
  for (const [, , event] of cases) assert(said.includes(event), `${event}\n${said.join('\n')}`)
  await cluster.advance(60_000)
  const claims = await client.list(PersistentVolumeClaim)
  assert(
    claims.items.every(({ metadata }) => Number(metadata.resourceVersion) <= Number(before)),
    'nothing is written while nothing changes',
  )
  assert.deepEqual(cluster.errors, [])
})

test('what others say in the status of a claim or a volume stays there', async () => {
  await using cluster = await start()
  const { client } = cluster
  await client.create(PersistentVolume, volume('v', '1Mi'))
  await client.create(PersistentVolumeClaim, claim())
  await cluster.settle()
  const conditions = [{ type: 'StatusPatched', status: 'True' as const, reason: 'Test', message: 'by hand' }]
  await client.patch(PersistentVolumeClaim, at, { type: 'merge', body: { status: { conditions } } }, { subresource: 'status' })
  const said = { message: 'by hand', reason: 'Test' }
  await client.patch(PersistentVolume, { name: 'v' }, { type: 'merge', body: { status: said } }, { subresource: 'status' })
  await cluster.advance(60_000)
  const { status } = await client.get(PersistentVolumeClaim, at)
  assert.deepEqual([status.phase, status.conditions?.[0]?.type], ['Pending', 'StatusPatched'])
  const { message, phase } = (await client.get(PersistentVolume, { name: 'v' })).status
  assert.deepEqual([phase, message], ['Available', 'by hand'])
})

test('a bound claim whose volume is gone is lost', async () => {
  await using cluster = await start()
  const { client } = cluster
  await client.create(PersistentVolume, volume('v', '1Gi'))
  await client.create(PersistentVolumeClaim, claim())
  await cluster.settle()
  await client.delete(PersistentVolume, { name: 'v' })
  await cluster.settle()
  assert.equal((await client.get(PersistentVolume, { name: 'v' })).status.phase, 'Bound', 'its finalizer holds it')
  await client.patch(PersistentVolume, { name: 'v' }, { type: 'merge', body: { metadata: { finalizers: null } } })
  await cluster.settle()
  assert.equal((await client.get(PersistentVolumeClaim, at)).status.phase, 'Lost')
  assert(
    (await events(cluster)).includes('Warning ClaimLost Bound claim has lost its PersistentVolume. Data on the volume is lost!'),
  )
})

test('local-path: waits for the first consumer, provisions on its node, grows, and cleans up', async () => {
  const disk: Disk = { made: [], removed: [] }
  await using cluster = await start(disk)
  const { client } = cluster
  const metadata = { name: 'local-path', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }
  await client.create(StorageClass, {
    metadata,
    provisioner: localPathProvisioner,
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
  })
  await client.create(Node, node('n1'))
  await client.create(Node, node('n2'))
  await client.create(PersistentVolumeClaim, claim({ storageClassName: undefined }))
  await cluster.settle()
  const waiting = await client.get(PersistentVolumeClaim, at)
  assert.deepEqual([waiting.spec.storageClassName, waiting.status.phase], ['local-path', 'Pending'])
  assert((await events(cluster)).includes('Normal WaitForFirstConsumer waiting for first consumer to be created before binding'))
  await client.patch(PersistentVolumeClaim, at, {
    type: 'merge',
    body: { metadata: { annotations: { [annotations.selectedNode]: 'n2' } } },
  })
  await cluster.settle()
  const bound = await client.get(PersistentVolumeClaim, at)
  const name = `pvc-${bound.metadata.uid}`
  const path = `/data/local-path/${name}_default_c`
  assert.deepEqual([bound.status.phase, bound.spec.volumeName], ['Bound', name])
  assert.deepEqual(disk.made, [`n2 ${path}`])
  await client.patch(PersistentVolumeClaim, at, {
    type: 'merge',
    body: { spec: { resources: { requests: { storage: '2Gi' } } } },
  })
  await cluster.settle()
  assert.equal((await client.get(PersistentVolumeClaim, at)).status.capacity?.storage, '2Gi')
  assert.equal((await client.get(PersistentVolume, { name })).spec.capacity?.storage, '2Gi')
  await client.delete(PersistentVolumeClaim, at)
  await cluster.settle()
  assert.deepEqual([...new Set(disk.removed)], [`n2 ${path}`], 'again after a conflict, which does no harm')
  assert(await isGone(cluster, name))
  assert.deepEqual(cluster.errors, [])
})

test('local-path: a node that is gone is given back to the scheduler', async () => {
  await using cluster = await start()
  const { client } = cluster
  await client.create(StorageClass, {
    metadata: { name: 'l' },
    provisioner: localPathProvisioner,
    volumeBindingMode: 'WaitForFirstConsumer',
  })
  await client.create(
    PersistentVolumeClaim,
    claim({ storageClassName: 'l' }, { annotations: { [annotations.selectedNode]: 'n9' } }),
  )
  await cluster.settle()
  assert.equal((await client.get(PersistentVolumeClaim, at)).metadata.annotations?.[annotations.selectedNode], undefined)
  assert(
    (await events(cluster)).includes(
      'Warning ProvisioningFailed failed to provision volume with StorageClass "l": node "n9" not found',
    ),
    String(await events(cluster)),
  )
})

test('local-path: a full disk is told of, and tried ever more seldom; a node that is gone keeps no volume', async () => {
  let attempts = 0
  const full = async () => {
    attempts++
    throw new Error('ENOSPC: no space left on device')
  }
  let isFull = true
  const directories = { root: '/r', make: async () => (isFull ? full() : undefined), remove: full }
  const controllers = [claimBinder, volumeBinder, ...localPathControllers(directories)]
  await using cluster = await testCluster({ controllers, policy: true })
  const { client } = cluster
  await client.create(Node, node('n1'))
  await client.create(StorageClass, { metadata: { name: 'l' }, provisioner: localPathProvisioner })
  await client.create(PersistentVolumeClaim, claim({ storageClassName: 'l' }))
  await cluster.advance(60_000)
  assert.ok(attempts > 3 && attempts < 40, `${attempts} attempts in the first minute`)
  const why = 'failed to provision volume with StorageClass "l": ENOSPC: no space left on device'
  assert((await events(cluster)).includes(`Warning ProvisioningFailed ${why}`), String(await events(cluster)))
  isFull = false
  await cluster.advance(120_000)
  assert.equal((await client.get(PersistentVolumeClaim, at)).status.phase, 'Bound')
  await client.delete(Node, { name: 'n1' })
  await client.delete(PersistentVolumeClaim, at)
  await cluster.settle()
  assert.deepEqual(await cluster.list(PersistentVolume), [])
})

test('planVolumeFor() refuses what directories cannot be', () => {
  const around = { storageClass: { metadata: { name: 'l' } } as never, nodes: [], root: '/r' }
  const problem = (spec: object) => (planVolumeFor(claim(spec), around) as { problem: string }).problem
  assert.match(problem({ accessModes: ['ReadWriteMany'] }), /only supports ReadWriteOnce/)
  assert.match(problem({ volumeMode: 'Block' }), /block/)
  assert.match(problem({ selector: {} }), /Selector is not supported/)
  assert.equal(problem({}), 'configuration error, no node was specified')
})

test('a claim in use stays until its pod is gone; an ephemeral one goes with it', async () => {
  await using cluster = await start()
  const { client } = cluster
  await client.create(PersistentVolumeClaim, claim())
  const volumes = [
    { name: 'd', persistentVolumeClaim: { claimName: 'c' } },
    { name: 'e', ephemeral: { volumeClaimTemplate: { metadata: { labels: { a: 'b' } }, spec: (claim() as any).spec } } },
  ]
  const made = await client.create(Pod, pod('p', { spec: { nodeName: 'n1', volumes } as never }))
  await cluster.settle()
  const own = await client.get(PersistentVolumeClaim, { name: 'p-e', namespace: 'default' })
  assert.deepEqual([own.metadata.ownerReferences?.[0]?.uid, own.metadata.labels], [made.metadata.uid, { a: 'b' }])
  await client.delete(PersistentVolumeClaim, at)
  await cluster.settle()
  assert((await client.get(PersistentVolumeClaim, at)).metadata.deletionTimestamp)
  await client.delete(Pod, made, { gracePeriodSeconds: 0 })
  await cluster.settle()
  await assert.rejects(client.get(PersistentVolumeClaim, at), (error) => hasReason(error, 'NotFound'))
  assert.deepEqual(cluster.errors, [])
})

test("ephemeral volumes take no claim that is not their pod's", async () => {
  await using cluster = await start()
  const { client } = cluster
  await client.create(PersistentVolumeClaim, claim({}, { name: 'p-e' }))
  const volumes = [{ name: 'e', ephemeral: { volumeClaimTemplate: { spec: (claim() as any).spec } } }]
  await client.create(Pod, pod('p', { spec: { volumes } as never }))
  await cluster.settle()
  const wanted = 'Warning FailedBinding ephemeral volume e: PVC default/p-e was not created for pod default/p (pod is not owner)'
  assert((await events(cluster)).includes(wanted))
})

test('bestMatch() never gives a volume that is too small, taken or of another class', () => {
  for (let seed = 1; seed <= 3000; seed++) {
    const random = seededRandom(seed)
    const one = <T>(...from: T[]): T => from[Math.floor(random.next() * from.length)] as T
    const volumes = Array.from({ length: 8 }, (_, i) => ({
      metadata: { name: `v${i}` },
      spec: {
        capacity: { storage: one('1Gi', '2Gi', '3Gi') },
        accessModes: one(['ReadWriteOnce'], ['ReadWriteOnce', 'ReadOnlyMany']),
        storageClassName: one('', 'x'),
        volumeMode: one('Filesystem', 'Block'),
        ...(random.next() < 0.3 && {
          claimRef: { name: one('c', 'd'), namespace: 'default', ...(random.next() < 0.5 && { uid: one('u', 'w') }) },
        }),
      },
      status: { phase: one('Available', 'Released', 'Bound') },
    })) as never as PersistentVolume[]
    const wanted = claim(
      { storageClassName: one('', 'x'), resources: { requests: { storage: one('1Gi', '2Gi') } } },
      { uid: 'u' },
    ) as PersistentVolumeClaim
    const found = bestMatch(wanted, volumes, random.next() < 0.3)
    if (!found) continue
    const { claimRef, storageClassName, capacity } = found.spec
    if (claimRef) assert(claimRef.name === 'c' && (!claimRef.uid || claimRef.uid === 'u'), `seed ${seed}`)
    else assert(found.status.phase === 'Available' && storageClassName === wanted.spec.storageClassName, `seed ${seed}`)
    assert(parseInt(capacity!.storage!, 10) >= parseInt(wanted.spec.resources.requests!.storage!, 10), `seed ${seed}`)
  }
})

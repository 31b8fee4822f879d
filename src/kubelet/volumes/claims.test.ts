import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { node, pod } from '#testing/make.ts'
import { noCsi, testTokens } from '#testing/volume-sources.ts'
import { MemoryRuntime } from '../cri/memory-runtime.ts'
import { claimsFrom } from './claims.ts'
import { plainMounter } from './mounter.ts'
import { DiskVolumes } from './pod-volumes.ts'

const addresses = { podIps: [], hostIps: [] }

interface Bed extends AsyncDisposable {
  readonly root: string
  readonly cluster: TestCluster
  readonly volumes: DiskVolumes
  /** A pod of that volume and its first container's mount of it. */
  podWith(volume: object, mount?: object): Promise<Pod>
  claim(spec: object, over?: { phase?: string; metadata?: object }): Promise<PersistentVolumeClaim>
  volume(name: string, spec: object): Promise<void>
}

async function bed(): Promise<Bed> {
  const root = await mkdtemp(join(tmpdir(), 'claims-'))
  const cluster = await testCluster()
  const { client } = cluster
  const self = await client.create(Node, node('n1'))
  const objects = { configMap: async () => undefined, secret: async () => undefined }
  const clock = new VirtualClock()
  const images = new MemoryRuntime({ clock })
  const from = { objects, tokens: testTokens, csi: noCsi, images, mounter: plainMounter }
  const inputs = { ...from, allocatable: {}, clock, random: seededRandom(1) }
  const resources = { requests: { storage: '1Gi' } }
  return {
    root,
    cluster,
    volumes: new DiskVolumes({ ...inputs, rootDirectory: root, claims: claimsFrom({ client, node: () => self }) }),
    podWith(volume, mount = { volumeMounts: [{ name: 'data', mountPath: '/data' }] }) {
      const containers = [{ name: 'main', image: 'a', ...mount }]
      const spec = { nodeName: 'n1', containers, volumes: [{ name: 'data', ...volume }] }
      return client.create(Pod, pod('p', { spec: spec as never }))
    },
    async claim(spec, { phase = 'Bound', metadata = {} } = {}) {
      const whole = { accessModes: ['ReadWriteOnce'], resources, storageClassName: '', ...spec }
      const at = { name: 'c', namespace: 'default', ...metadata }
      const made = await client.create(PersistentVolumeClaim, { metadata: at, spec: whole } as never)
      return client.update(PersistentVolumeClaim, { ...made, status: { phase } } as never, { subresource: 'status' })
    },
    async volume(name, spec) {
      const whole = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], ...spec }
      await client.create(PersistentVolume, { metadata: { name }, spec: whole } as never)
    },
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]()
      await rm(root, { recursive: true, force: true })
    },
  }
}

const byClaim = { persistentVolumeClaim: { claimName: 'c' } }

test('DiskVolumes mounts the folder behind a claim, and leaves it when the pod goes', async () => {
  await using it = await bed()
  const { uid } = await it.claim({ volumeName: 'v' }).then(({ metadata }) => metadata)
  const path = join(it.root, 'disk')
  await it.volume('v', { hostPath: { path, type: 'DirectoryOrCreate' }, claimRef: { name: 'c', namespace: 'default', uid } })
  const made = await it.podWith({ persistentVolumeClaim: { claimName: 'c', readOnly: true } })
  assert.equal(it.volumes.isReady(made), false)
  assert.deepEqual(await it.volumes.setUp(made, addresses), [])
  const [mount] = await it.volumes.mountsOf(made, made.spec.containers[0] as never, new Map())
  assert.deepEqual([mount?.hostPath, mount?.readonly], [path, true])
  await writeFile(join(path, 'kept'), 'x')
  await it.volumes.tearDown(made.metadata.uid)
  assert.deepEqual(await readdir(path), ['kept'])
})

test("DiskVolumes mounts local volumes, and ephemeral ones whose claim is the pod's own", async () => {
  await using it = await bed()
  const made = await it.podWith({ ephemeral: { volumeClaimTemplate: { spec: specOfTemplate } } })
  const metadata = {
    name: 'p-data',
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: made.metadata.uid, controller: true }],
  }
  const { uid } = await it.claim({ volumeName: 'v' }, { metadata }).then((claim) => claim.metadata)
  const path = join(it.root, 'disk')
  const required = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }] }
  const claimRef = { name: 'p-data', namespace: 'default', uid }
  await it.volume('v', { local: { path }, claimRef, nodeAffinity: { required }, storageClassName: 'l' })
  const why = `MountVolume.SetUp failed for volume "v" : path "${path}" does not exist`
  assert.deepEqual(await it.volumes.setUp(made, addresses), [{ volume: 'data', message: why }])
  await mkdir(path)
  assert.deepEqual(await it.volumes.setUp(made, addresses), [])
  const [mount] = await it.volumes.mountsOf(made, made.spec.containers[0] as never, new Map())
  assert.equal(mount?.hostPath, path)
  const [usage] = await it.volumes.usageOf(made)
  assert.deepEqual([usage?.name, usage?.claim, (usage?.capacityBytes ?? 0) > 0], ['data', 'p-data', true])
})

const specOfTemplate = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }

const refused: readonly [it: string, prepare: (bed: Bed) => Promise<unknown>, why: string][] = [
  [
    'no claim',
    async () => {},
    'error processing PVC default/c: failed to fetch PVC from API server: persistentvolumeclaims "c" not found',
  ],
  ['an unbound claim', (bed) => bed.claim({}, { phase: 'Pending' }), 'error processing PVC default/c: PVC is not bound'],
  [
    'a claim that is going',
    async (bed) => {
      await bed.claim({ volumeName: 'v' }, { metadata: { finalizers: ['example.com/stays'] } })
      await bed.cluster.client.delete(PersistentVolumeClaim, { name: 'c', namespace: 'default' })
    },
    'error processing PVC default/c: PVC is being deleted',
  ],
  [
    'a claim without its volume',
    (bed) => bed.claim({ volumeName: 'v' }),
    'error processing PVC default/c: failed to fetch PV v from API server: persistentvolumes "v" not found',
  ],
  [
    'a volume that nobody claims',
    async (bed) => {
      await bed.claim({ volumeName: 'v' })
      await bed.volume('v', { hostPath: { path: '/x' } })
    },
    'error processing PVC default/c: found PV object v but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim',
  ],
]

for (const [what, prepare, why] of refused) {
  test(`DiskVolumes tells of ${what}`, async () => {
    await using it = await bed()
    await prepare(it)
    const made = await it.podWith(byClaim)
    const [failure] = await it.volumes.setUp(made, addresses)
    const volumes = 'unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]'
    assert.equal(failure?.message, `Unable to attach or mount volumes: ${volumes}: ${why}`)
    assert.equal(it.volumes.isReady(made), false)
  })
}

test('DiskVolumes mounts no volume of another node, and no block device as a folder', async () => {
  await using it = await bed()
  const { uid } = await it.claim({ volumeName: 'v', volumeMode: 'Block' }).then(({ metadata }) => metadata)
  const required = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }] }] }
  const claimRef = { name: 'c', namespace: 'default', uid }
  await it.volume('v', {
    local: { path: '/x' },
    claimRef,
    volumeMode: 'Block',
    nodeAffinity: { required },
    storageClassName: 'l',
  })
  const made = await it.podWith(byClaim)
  const [failure] = await it.volumes.setUp(made, addresses)
  assert.match(failure?.message ?? '', /: volume data has volumeMode Block, but is specified in volumeMounts$/)
  await it.cluster.client.delete(Pod, made, { gracePeriodSeconds: 0 })
  const other = await it.podWith(byClaim, { volumeDevices: [{ name: 'data', devicePath: '/dev/x' }], volumeMounts: [] })
  const text = 'MountVolume.NodeAffinity check failed for volume "v" : no matching NodeSelectorTerms'
  assert.deepEqual(await it.volumes.setUp(other, addresses), [{ volume: 'data', message: text }])
})

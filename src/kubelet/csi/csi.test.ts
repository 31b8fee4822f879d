import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { lstat, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { CSIDriver } from '#api/storage/v1/csi-driver.ts'
import { CSINode } from '#api/storage/v1/csi-node.ts'
import { VolumeAttachment } from '#api/storage/v1/volume-attachment.ts'
import { sleep, systemClock } from '#lib/clock.ts'
import { seededRandom } from '#lib/random.ts'
import { testCluster } from '#testing/cluster.ts'
import { type CsiDriverOptions, type CsiTestDriver, startCsiDriver } from '#testing/csi-driver.ts'
import { GrpcFailure } from '#testing/grpc-server.ts'
import { node, pod } from '#testing/make.ts'
import { testTokens } from '#testing/volume-sources.ts'
import { MemoryRuntime } from '../cri/memory-runtime.ts'
import { claimsFrom } from '../volumes/claims.ts'
import { plainMounter } from '../volumes/mounter.ts'
import { DiskVolumes } from '../volumes/pod-volumes.ts'
import { type NodeCsi, startCsi } from './csi.ts'

const name = 'folders.test'
const addresses = { podIps: [], hostIps: [] }
const uniqueName = `kubernetes.io/csi/${name}^h1`

/** A node on disk without root: drivers make links where they would mount. Real time, since sockets keep it. */
async function bed() {
  const root = await mkdtemp(join(tmpdir(), 'csi-'))
  const cluster = await testCluster()
  const { client } = cluster
  let self = await client.create(Node, node('n1'))
  const events: string[] = []
  const errors: unknown[] = []
  const clock = systemClock
  const random = seededRandom(1)
  const images = new MemoryRuntime({ clock })
  const none = async () => undefined
  let stop = new AbortController()
  let csi: NodeCsi
  let volumes: DiskVolumes
  const start = () => {
    stop = new AbortController()
    csi = startCsi({
      ...{ client, clock, random, tokens: testTokens, mounter: plainMounter, rootDirectory: root, nodeName: 'n1' },
      signal: stop.signal,
      node: () => self,
      record: (about, { reason, message }) => events.push(`${about.kind} ${reason}: ${message}`),
      onVolumesInUse: () => {},
      onDriver: () => {},
      onError: (error) => errors.push(error),
    })
    const claims = claimsFrom({ client, node: () => self })
    const from = { objects: { configMap: none, secret: none }, tokens: testTokens, mounter: plainMounter, claims, csi, images }
    volumes = new DiskVolumes({ ...from, rootDirectory: root, allocatable: {}, clock, random })
  }
  start()
  return {
    ...{ root, cluster, client, events, errors },
    get csi() {
      return csi
    },
    get volumes() {
      return volumes
    },
    restart() {
      stop.abort()
      start()
    },
    async driver(over: Partial<CsiDriverOptions> = {}): Promise<CsiTestDriver> {
      const driver = await startCsiDriver({ name, root, store: join(root, 'store'), mounts: false, ...over })
      await until(() => driver.registrations.length > 0)
      return driver
    },
    /** A bound claim `c` of volume `v`, handle `h1`, and a pod of that name that mounts it. */
    async pod(podName: string, csiSource: object = {}, spec: object = {}): Promise<Pod> {
      if (!(await client.get(PersistentVolume, { name: 'v' }).catch(none))) await this.claim(csiSource)
      return await this.podWith(podName, { persistentVolumeClaim: { claimName: 'c' } }, spec)
    },
    async podWith(podName: string, volume: object, spec: object = {}): Promise<Pod> {
      const mounts = { volumeMounts: [{ name: 'data', mountPath: '/data' }] }
      const containers = [{ name: 'main', image: 'a', ...mounts }]
      const whole = { nodeName: 'n1', containers, volumes: [{ name: 'data', ...volume }], ...spec }
      return await client.create(Pod, pod(podName, { spec: whole as never }))
    },
    async claim(csiSource: object): Promise<void> {
      const resources = { requests: { storage: '1Gi' } }
      const wish = { accessModes: ['ReadWriteOnce'], resources, storageClassName: '', volumeName: 'v' }
      const made = await client.create(PersistentVolumeClaim, {
        metadata: { name: 'c', namespace: 'default' },
        spec: wish,
      } as never)
      const capacity = { storage: '1Gi' }
      const bound = { ...made, status: { phase: 'Bound', capacity } }
      await client.update(PersistentVolumeClaim, bound as never, { subresource: 'status' })
      const claimRef = { name: 'c', namespace: 'default', uid: made.metadata.uid }
      const source = { driver: name, volumeHandle: 'h1', fsType: 'ext4', volumeAttributes: { a: 'b' }, ...csiSource }
      const whole = { capacity, accessModes: ['ReadWriteOnce'], claimRef, mountOptions: ['noatime'], csi: source }
      await client.create(PersistentVolume, { metadata: { name: 'v' }, spec: whole } as never)
    },
    async driverObject(spec: object): Promise<void> {
      await client.create(CSIDriver, { metadata: { name }, spec: { attachRequired: false, ...spec } } as never)
      await cluster.settle()
    },
    async status(status: object): Promise<void> {
      const now = await client.get(Node, { name: 'n1' })
      self = await client.update(Node, { ...now, status: { ...now.status, ...status } } as never, { subresource: 'status' })
    },
    /** Looks at the pod's volumes until they are set up; answers the message of the last failure where they are not. */
    async setUp(subject: Pod): Promise<string | undefined> {
      const [failure] = await volumes.setUp(subject, addresses)
      return failure?.message
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await cluster[Symbol.asyncDispose]()
      await rm(root, { recursive: true, force: true })
    },
  }
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 500) throw new Error('it never came true')
    await sleep(systemClock, 10)
  }
}

test('a CSI driver registers: the node has its ids, places and limit, until its socket is gone', async () => {
  await using it = await bed()
  const topology = { 'topology.test/zone': 'a' }
  const driver = await it.driver({ nodeId: 'me', maxVolumes: 7, topology })
  assert.deepEqual(driver.registrations, [{ registered: true, error: '' }])
  const found = await it.client.get(CSINode, { name: 'n1' })
  const entry = { name, nodeID: 'me', topologyKeys: ['topology.test/zone'], allocatable: { count: 7 } }
  assert.deepEqual(found.spec.drivers, [entry])
  assert.equal(found.metadata.ownerReferences?.[0]?.name, 'n1')
  const { metadata } = await it.client.get(Node, { name: 'n1' })
  assert.equal(metadata.annotations?.['csi.volume.kubernetes.io/nodeid'], `{"${name}":"me"}`)
  assert.equal(metadata.labels?.['topology.test/zone'], 'a')
  await driver.close()
  await until(async () => (await it.client.get(CSINode, { name: 'n1' })).spec.drivers.length === 0)
  await until(async () => !(await it.client.get(Node, { name: 'n1' })).metadata.annotations?.['csi.volume.kubernetes.io/nodeid'])
})

test('a CSI driver of another version is told why it is not welcome', async () => {
  await using it = await bed()
  await using driver = await it.driver({ versions: ['0.3.0'] })
  const [{ registered, error } = {}] = driver.registrations
  assert.equal(registered, false)
  assert.match(
    error ?? '',
    /plugin validation failed with err: validation failed for CSI Driver folders\.test at endpoint .*must be v1\.x/,
  )
})

test('a persistent CSI volume is staged once, published for each pod, and unstaged after the last one', async () => {
  await using it = await bed()
  await it.driverObject({})
  await using driver = await it.driver()
  const [a, b] = [await it.pod('a'), await it.pod('b')]
  assert.equal(await it.setUp(a), undefined)
  assert.equal(await it.setUp(b), undefined)
  const methods = () => driver.calls.map(({ method }) => method)
  assert.deepEqual(methods(), ['NodeStageVolume', 'NodePublishVolume', 'NodeStageVolume', 'NodePublishVolume'])
  const { request } = driver.calls[1]!
  const mounted = join(it.root, 'pods', a.metadata.uid, 'volumes/kubernetes.io~csi/v')
  const [hash = ''] = await readdir(join(it.root, `plugins/kubernetes.io/csi/${name}`))
  const globalMount = join(it.root, `plugins/kubernetes.io/csi/${name}`, hash, 'globalmount')
  assert.equal(hash.length, 64)
  assert.deepEqual(
    [request.volume_id, request.target_path, request.staging_target_path, request.readonly, request.volume_context],
    ['h1', join(mounted, 'mount'), globalMount, false, { a: 'b' }],
  )
  assert.deepEqual(request.volume_capability, {
    block: null,
    mount: { fs_type: 'ext4', mount_flags: ['noatime'], volume_mount_group: '' },
    access_mode: { mode: 'SINGLE_NODE_WRITER' },
  })
  const notes = JSON.parse(await readFile(join(mounted, 'vol_data.json'), 'utf8'))
  assert.deepEqual([notes.specVolID, notes.volumeHandle, notes.volumeLifecycleMode], ['v', 'h1', 'Persistent'])
  const [mount] = await it.volumes.mountsOf(a, a.spec.containers[0] as never, new Map())
  assert.equal(mount?.hostPath, join(mounted, 'mount'))
  await it.volumes.tearDown(a.metadata.uid)
  assert.deepEqual(methods().slice(4), ['NodeUnpublishVolume'])
  await it.volumes.tearDown(b.metadata.uid)
  await until(() => methods().length === 7)
  assert.deepEqual(methods().slice(5), ['NodeUnpublishVolume', 'NodeUnstageVolume'])
  await until(async () => (await readdir(join(it.root, `plugins/kubernetes.io/csi/${name}`))).length === 0)
  assert.deepEqual(it.errors, [])
})

test('what another agent has set up is taken down from what is on disk', async () => {
  await using it = await bed()
  await it.driverObject({})
  await using driver = await it.driver()
  const subject = await it.pod('a')
  await it.setUp(subject)
  it.restart()
  await until(() => it.csi.volumesInUse() !== undefined)
  assert.deepEqual(it.csi.volumesInUse(), [uniqueName], 'it may be attached: nobody knows yet')
  await until(() => driver.registrations.length === 2)
  await it.volumes.tearDown(subject.metadata.uid)
  await until(() => driver.calls.at(-1)?.method === 'NodeUnstageVolume')
  await until(() => it.csi.volumesInUse()?.length === 0)
  assert.deepEqual(await it.volumes.podsOnDisk(), [])
})

test('a volume that has to be attached waits for it, and hands the driver what the attacher said', async () => {
  await using it = await bed()
  await it.driverObject({ attachRequired: true })
  await using driver = await it.driver()
  const subject = await it.pod('a')
  const [waiting] = await it.volumes.setUp(subject, addresses)
  assert.equal(waiting?.isQuiet, true)
  assert.deepEqual(it.csi.volumesInUse(), [uniqueName])
  await it.status({ volumesInUse: [uniqueName], volumesAttached: [{ name: uniqueName, devicePath: '' }] })
  const text = /MountVolume\.MountDevice failed for volume "v" : volumeattachments\.storage\.k8s\.io "csi-[0-9a-f]{64}" not found/
  const message = (await it.setUp(subject)) ?? ''
  assert.match(message, text)
  const attachment = /csi-[0-9a-f]{64}/.exec(message)?.[0] ?? ''
  const spec = { attacher: name, nodeName: 'n1', source: { persistentVolumeName: 'v' } }
  const made = await it.client.create(VolumeAttachment, { metadata: { name: attachment }, spec } as never)
  const status = { attached: true, attachmentMetadata: { disk: 'sdb' } }
  await it.client.update(VolumeAttachment, { ...made, status } as never, { subresource: 'status' })
  assert.equal(await it.setUp(subject), undefined)
  assert.deepEqual(driver.calls[0]?.request.publish_context, { disk: 'sdb' })
  assert.deepEqual(driver.calls[1]?.request.publish_context, { disk: 'sdb' })
})

test('an inline CSI volume is published for its pod, which the driver is told about, with tokens and secrets', async () => {
  await using it = await bed()
  const tokenRequests = [{ audience: 'vault', expirationSeconds: 600 }]
  const volumeLifecycleModes = ['Ephemeral']
  await it.driverObject({ podInfoOnMount: true, tokenRequests, volumeLifecycleModes, serviceAccountTokenInSecrets: true })
  await using driver = await it.driver()
  await it.client.create(Secret, { metadata: { name: 's', namespace: 'default' }, data: { key: 'dmFsdWU=' } } as never)
  const csi = { driver: name, readOnly: true, volumeAttributes: { a: 'b' }, nodePublishSecretRef: { name: 's' } }
  const subject = await it.podWith('a', { csi })
  assert.equal(await it.setUp(subject), undefined)
  const { method, request } = driver.calls[0]!
  assert.equal(method, 'NodePublishVolume')
  assert.match(request.volume_id, /^csi-[0-9a-f]{64}$/)
  assert.deepEqual([request.readonly, request.staging_target_path], [true, ''])
  assert.deepEqual(request.volume_context, {
    a: 'b',
    'csi.storage.k8s.io/pod.name': 'a',
    'csi.storage.k8s.io/pod.namespace': 'default',
    'csi.storage.k8s.io/pod.uid': subject.metadata.uid,
    'csi.storage.k8s.io/serviceAccount.name': subject.spec.serviceAccountName ?? '',
    'csi.storage.k8s.io/ephemeral': 'true',
  })
  const tokens = { vault: { token: 'jwt', expirationTimestamp: '2026-01-01T01:00:00Z' } }
  assert.deepEqual(request.secrets, { key: 'value', 'csi.storage.k8s.io/serviceAccount.tokens': JSON.stringify(tokens) })
  const [mount] = await it.volumes.mountsOf(subject, subject.spec.containers[0] as never, new Map())
  assert.equal(mount?.readonly, true)
  await it.volumes.tearDown(subject.metadata.uid)
  assert.deepEqual(
    driver.calls.map(({ method }) => method),
    ['NodePublishVolume', 'NodeUnpublishVolume'],
  )
})

test("CSI volumes that cannot be had say why, in upstream's words", async () => {
  await using it = await bed()
  await it.driverObject({})
  const subject = await it.pod('a')
  const missing = `driver name ${name} not found in the list of registered CSI drivers`
  assert.equal(
    await it.setUp(subject),
    `MountVolume.MountDevice failed for volume "v" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: ${missing}`,
  )
  const inline = await it.podWith('b', { csi: { driver: name } })
  assert.equal(
    await it.setUp(inline),
    `MountVolume.SetUp failed for volume "data" : kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: ${missing}`,
  )
  await using driver = await it.driver()
  assert.match(
    (await it.setUp(inline)) ?? '',
    /volume mode "Ephemeral" not supported by driver folders\.test \(only supports \["Persistent"\]\)$/,
  )
  driver.failures.set('NodeStageVolume', new GrpcFailure(13, 'no such disk'))
  assert.equal(
    await it.setUp(subject),
    'MountVolume.MountDevice failed for volume "v" : rpc error: code = Internal desc = no such disk',
  )
  assert.deepEqual(await readdir(join(it.root, `plugins/kubernetes.io/csi/${name}`)), [], 'it has given up')
  driver.failures.clear()
  driver.failures.set('NodePublishVolume', new GrpcFailure(4, 'slow'))
  assert.match(
    (await it.setUp(subject)) ?? '',
    /MountVolume\.SetUp failed for volume "v" : rpc error: code = DeadlineExceeded desc = slow/,
  )
  const folder = join(it.root, 'pods', subject.metadata.uid, 'volumes/kubernetes.io~csi/v')
  assert(existsSync(join(folder, 'vol_data.json')), 'nobody knows how far it came')
  driver.failures.clear()
  await it.volumes.tearDown(subject.metadata.uid)
  assert.deepEqual(
    driver.calls
      .slice(-2)
      .map(({ method }) => method)
      .includes('NodeUnpublishVolume'),
    true,
  )
})

test('a CSI volume that is a device is published as a file that the pod has a link to', async () => {
  await using it = await bed()
  await it.driverObject({})
  await using driver = await it.driver()
  await it.claim({})
  const volume = await it.client.get(PersistentVolume, { name: 'v' })
  await it.client.delete(PersistentVolume, volume)
  const { resourceVersion: _r, uid: _u, creationTimestamp: _c, ...metadata } = volume.metadata
  await it.client.create(PersistentVolume, { metadata, spec: { ...volume.spec, volumeMode: 'Block' } } as never)
  const containers = [{ name: 'main', image: 'a', volumeDevices: [{ name: 'data', devicePath: '/dev/x' }] }]
  const subject = await it.podWith('a', { persistentVolumeClaim: { claimName: 'c' } }, { containers })
  assert.equal(await it.setUp(subject), undefined)
  const base = join(it.root, 'plugins/kubernetes.io/csi/volumeDevices')
  const published = join(base, 'publish/v', subject.metadata.uid)
  assert.deepEqual(
    driver.calls.map(({ request }) => [request.staging_target_path, request.target_path, request.volume_capability.block]),
    [
      [join(base, 'staging/v'), undefined, {}],
      [join(base, 'staging/v'), published, {}],
    ],
  )
  const [device] = it.volumes.devicesOf(subject, subject.spec.containers[0] as never)
  assert.equal(await readlink(device?.hostPath ?? ''), published)
  await it.volumes.tearDown(subject.metadata.uid)
  assert.deepEqual(
    driver.calls.slice(2).map(({ method }) => method),
    ['NodeUnpublishVolume', 'NodeUnstageVolume'],
  )
  await assert.rejects(lstat(join(base, 'publish/v')))
})

test('a CSI volume that has grown grows on the node, and the claim says so', async () => {
  await using it = await bed()
  await it.driverObject({})
  await using driver = await it.driver({ capabilities: ['EXPAND_VOLUME', 'GET_VOLUME_STATS'] })
  const subject = await it.pod('a')
  const volume = await it.client.get(PersistentVolume, { name: 'v' })
  await it.client.update(PersistentVolume, { ...volume, spec: { ...volume.spec, capacity: { storage: '2Gi' } } } as never)
  assert.equal(await it.setUp(subject), undefined)
  const last = driver.calls.at(-1)
  assert.deepEqual([last?.method, last?.request.capacity_range?.required_bytes], ['NodeExpandVolume', String(2 ** 31)])
  const { status } = await it.client.get(PersistentVolumeClaim, { name: 'c', namespace: 'default' })
  assert.equal(status.capacity?.storage, '2Gi')
  const said = 'FileSystemResizeSuccessful: MountVolume.NodeExpandVolume succeeded for volume "v" n1'
  assert.deepEqual(it.events, [`Pod ${said}`, `PersistentVolumeClaim ${said}`])
  const [usage] = await it.volumes.usageOf(subject)
  assert.deepEqual([usage?.claim, usage?.capacityBytes, usage?.usedBytes, usage?.inodesFree], ['c', 100, 40, 6])
})

import assert from 'node:assert/strict'
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import type { Draft } from '#schema/words.ts'
import { noCsi, testTokens } from '#testing/volume-sources.ts'
import { MemoryRuntime } from '../cri/memory-runtime.ts'
import { checkPath, type Payload, writeAtomically } from './atomic-writer.ts'
import type { ClaimSource } from './claims.ts'
import { plainMounter, systemMounter } from './mounter.ts'
import type { ObjectData, ObjectSource } from './object-source.ts'
import { DiskVolumes } from './pod-volumes.ts'
import { prepareSubPath, readInside } from './sub-path.ts'

async function folder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'volumes-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

const files = (content: Record<string, string>, mode = 0o644): Payload =>
  new Map(Object.entries(content).map(([path, text]) => [path, { content: Buffer.from(text), mode }]))

const means = { clock: new VirtualClock(), random: seededRandom(1) }

test('writeAtomically() shows files through ..data and swaps them at once', async () => {
  await using root = await folder()
  const target = join(root.path, 'v')
  assert.equal(await writeAtomically(target, files({ a: '1', 'dir/b': '2' }), means), true)
  assert.equal(await readlink(join(target, 'a')), '..data/a')
  assert.equal(await readlink(join(target, 'dir')), '..data/dir')
  assert.equal(await readFile(join(target, 'dir/b'), 'utf8'), '2')
  const first = await readlink(join(target, '..data'))
  assert.match(first, /^\.\.2026_01_01_00_00_00\./)
  assert.equal(await writeAtomically(target, files({ a: '1', 'dir/b': '2' }), means), false)
  assert.equal(await readlink(join(target, '..data')), first, 'the same content is not written again')
  assert.equal(await writeAtomically(target, files({ a: '3', c: '4' }), means), true)
  assert.equal(await readFile(join(target, 'a'), 'utf8'), '3')
  const names = (await readdir(target)).filter((name) => !name.startsWith('..2026'))
  assert.deepEqual(names.sort(), ['..data', 'a', 'c'])
  assert.equal((await readdir(target)).filter((name) => name.startsWith('..2026')).length, 1)
})

test('writeAtomically() gives files their modes whatever the umask', async () => {
  await using root = await folder()
  await writeAtomically(root.path, files({ a: '1' }, 0o666), means)
  assert.equal((await lstat(join(root.path, '..data/a'))).mode & 0o777, 0o666)
})

for (const [path, message] of [
  ['/a', 'invalid path: must be relative path: /a'],
  ['a/../../b', "invalid path: must not contain '..': a/../../b"],
  ['..a', "invalid path: must not start with '..': ..a"],
] as const) {
  test(`checkPath() refuses ${path}`, () => assert.throws(() => checkPath(path), { message }))
}

const configMap = (entries: Record<string, string>): ObjectData => ({
  entries: new Map(Object.entries(entries).map(([key, value]) => [key, Buffer.from(value)])),
  binary: new Set(),
})

function pod(spec: Draft<Pod['spec']>): Pod {
  const metadata = {
    name: 'web',
    namespace: 'ns',
    uid: 'u1',
    labels: { app: 'web' },
    resourceVersion: '1',
    creationTimestamp: '',
  }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec, status: {} } as unknown as Pod
}

const mount = (name: string, over = {}) => ({ name: 'main', resources: {}, volumeMounts: [{ name, mountPath: '/v', ...over }] })
const addresses = { podIps: [], hostIps: [] }

const noClaims: ClaimSource = { resolve: async (_, volume) => volume }

function diskVolumes(rootDirectory: string, objects: Record<string, ObjectData>, claims = noClaims) {
  const find = async (_: string, name: string) => objects[name]
  const source: ObjectSource = { configMap: find, secret: find }
  const from = { objects: source, tokens: testTokens, csi: noCsi }
  const inputs = { ...from, images: new MemoryRuntime(means), mounter: plainMounter, allocatable: {} }
  return new DiskVolumes({ ...means, ...inputs, rootDirectory, claims })
}

test('DiskVolumes fills a projected volume from all its sources and follows changes', async () => {
  await using root = await folder()
  const objects = { 'kube-root-ca.crt': configMap({ 'ca.crt': 'CA' }), extra: configMap({ k: 'v' }) }
  const volumes = diskVolumes(root.path, objects)
  const sources = [
    { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
    { secret: { name: 'extra', items: [{ key: 'k', path: 'deep/k', mode: 0o400 }] } },
  ]
  const subject = pod({ volumes: [{ name: 'api', projected: { sources } }], containers: [mount('api', { readOnly: true })] })
  assert.deepEqual(await volumes.setUp(subject, addresses), [])
  assert(volumes.isReady(subject))
  const [found] = await volumes.mountsOf(subject, subject.spec.containers[0] as never, new Map())
  assert.equal(found?.hostPath, join(root.path, 'pods/u1/volumes/kubernetes.io~projected/api'))
  assert.equal(found?.readonly, true)
  const read = (name: string) => readFile(join(found?.hostPath ?? '', name), 'utf8')
  assert.deepEqual(await Promise.all(['token', 'ca.crt', 'namespace', 'deep/k'].map(read)), ['jwt', 'CA', 'ns', 'v'])
  assert.equal((await lstat(join(found?.hostPath ?? '', '..data/deep/k'))).mode & 0o777, 0o400)
  objects.extra = configMap({ k: 'v2' })
  await volumes.setUp(subject, addresses)
  assert.equal(await read('deep/k'), 'v2')
  await volumes.tearDown('u1')
  assert.deepEqual(await volumes.podsOnDisk(), [])
})

const failures: [it: string, volume: object, message: string][] = [
  ['a missing ConfigMap', { configMap: { name: 'gone' } }, 'configmap "gone" not found'],
  ['a missing Secret', { secret: { secretName: 'gone' } }, 'secret "gone" not found'],
  [
    'a missing key',
    { configMap: { name: 'cfg', items: [{ key: 'x', path: 'x' }] } },
    'configmap references non-existent config key: x',
  ],
  [
    'several missing sources',
    { projected: { sources: [{ configMap: { name: 'a' } }, { secret: { name: 'b' } }] } },
    '[configmap "a" not found, secret "b" not found]',
  ],
  [
    'a folder that is none',
    { hostPath: { path: '/etc/hostname', type: 'Directory' } },
    'hostPath type check failed: /etc/hostname is not a directory',
  ],
  [
    'a path that leaves the volume',
    { configMap: { name: 'cfg', items: [{ key: 'k', path: '../x' }] } },
    "invalid path: must not contain '..': ../x",
  ],
]

for (const [it, volume, message] of failures) {
  test(`DiskVolumes tells of ${it}`, async () => {
    await using root = await folder()
    const volumes = diskVolumes(root.path, { cfg: configMap({ k: 'v' }) })
    const subject = pod({ volumes: [{ name: 'data', ...volume }], containers: [mount('data')] })
    const text = `MountVolume.SetUp failed for volume "data" : ${message}`
    assert.deepEqual(await volumes.setUp(subject, addresses), [{ volume: 'data', message: text }])
    assert.equal(volumes.isReady(subject), false)
  })
}

test('DiskVolumes makes an optional ConfigMap an empty folder', async () => {
  await using root = await folder()
  const volumes = diskVolumes(root.path, {})
  const subject = pod({ volumes: [{ name: 'cfg', configMap: { name: 'gone', optional: true } }], containers: [mount('cfg')] })
  assert.deepEqual(await volumes.setUp(subject, addresses), [])
})

test('DiskVolumes gives an emptyDir to the fsGroup', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
  await using root = await folder()
  const volumes = diskVolumes(root.path, {})
  const subject = pod({
    volumes: [{ name: 'data', emptyDir: {} }],
    containers: [mount('data')],
    securityContext: { fsGroup: 2000 },
  })
  await volumes.setUp(subject, addresses)
  const found = await lstat(join(root.path, 'pods/u1/volumes/kubernetes.io~empty-dir/data'))
  assert.equal(found.gid, 2000)
  assert.equal(found.mode & 0o7777, 0o2777)
})

test('DiskVolumes puts an emptyDir of medium Memory on tmpfs', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
  await using root = await folder()
  const path = join(root.path, 'm')
  await mkdir(path)
  await systemMounter.tmpfs(path, { sizeBytes: 1_048_576 })
  try {
    assert.deepEqual(await systemMounter.mountsBelow(root.path), [path])
  } finally {
    await systemMounter.unmount(path)
  }
  assert.deepEqual(await systemMounter.mountsBelow(root.path), [])
})

test('prepareSubPath() makes what is missing and follows links that stay inside', async () => {
  await using root = await folder()
  const volume = join(root.path, 'v')
  await mkdir(join(volume, 'real'), { recursive: true })
  await symlink('real', join(volume, 'link'))
  const target = join(root.path, 't')
  assert.equal(await prepareSubPath({ volume, subPath: 'link/a/b', target }, plainMounter), join(volume, 'real/a/b'))
  assert((await lstat(join(volume, 'real/a/b'))).isDirectory())
  await writeFile(join(volume, 'file'), 'x')
  assert.equal(
    await prepareSubPath({ volume, subPath: 'file', target: join(root.path, 'f') }, plainMounter),
    join(volume, 'file'),
  )
})

test('DiskVolumes counts what lies in an emptyDir, not what else its disk holds', async () => {
  await using root = await folder()
  const volumes = diskVolumes(root.path, {})
  const subject = pod({ volumes: [{ name: 'data', emptyDir: {} }], containers: [mount('data')] })
  await volumes.setUp(subject, addresses)
  await writeFile(join(root.path, 'pods/u1/volumes/kubernetes.io~empty-dir/data/file'), Buffer.alloc(100_000, 1))
  const [usage] = await volumes.usageOf(subject)
  assert(usage && usage.usedBytes >= 100_000 && usage.usedBytes < 200_000, JSON.stringify(usage))
  assert.deepEqual([usage.name, usage.inodesUsed, usage.claim], ['data', 2, undefined])
})

for (const subPath of ['out/x', '../x', '/etc', 'dangling']) {
  test(`prepareSubPath() refuses ${subPath}`, async () => {
    await using root = await folder()
    const volume = join(root.path, 'v')
    await mkdir(volume)
    await symlink('/etc', join(volume, 'out'))
    await symlink('/nowhere/at/all', join(volume, 'dangling'))
    await assert.rejects(prepareSubPath({ volume, subPath, target: join(root.path, 't') }, plainMounter))
  })
}

test('readInside() reads what lies in the volume and follows no link out of it', async () => {
  await using root = await folder()
  const volume = join(root.path, 'v')
  await mkdir(join(volume, 'd'), { recursive: true })
  await writeFile(join(root.path, 'outside'), 'secret')
  await writeFile(join(volume, 'd/in'), 'text')
  await symlink('d/in', join(volume, 'link'))
  await symlink('../outside', join(volume, 'out'))
  assert.equal((await readInside(volume, 'd/in'))?.toString(), 'text')
  assert.equal((await readInside(volume, 'link'))?.toString(), 'text')
  assert.equal(await readInside(volume, 'none'), undefined)
  await assert.rejects(readInside(volume, 'out'), /not within volume path/)
  await assert.rejects(readInside(volume, 'd'), /is not a file/)
})

test('DiskVolumes mounts the files of an image where the container finds them, and lets go of them with the pod', async () => {
  await using root = await folder()
  const calls: string[] = []
  const source = { type: 'bind', source: '/layers/1', options: ['ro', 'rbind'] }
  const images = {
    imageMounts: async (image: string) => {
      calls.push(image)
      return [source]
    },
    releaseImage: async (key: string) => void calls.push(`release ${key}`),
  }
  const mounter = {
    ...plainMounter,
    mount: async (at: string, { type }: { type: string }) => void calls.push(`${type} at ${at}`),
  }
  const none = async () => undefined
  const from = { objects: { configMap: none, secret: none }, tokens: testTokens, csi: noCsi, claims: noClaims }
  const inputs = { ...from, mounter, images, allocatable: {} }
  const volumes = new DiskVolumes({ ...means, ...inputs, rootDirectory: root.path })
  const subject = pod({ volumes: [{ name: 'files', image: { reference: 'a:1' } }], containers: [mount('files')] })
  assert.deepEqual(await volumes.setUp(subject, addresses), [])
  await volumes.mountImage(subject, 'files', 'sha256:1')
  const path = join(root.path, 'pods/u1/volumes/kubernetes.io~image/files')
  const [mounted] = await volumes.mountsOf(subject, subject.spec.containers[0] as never, new Map())
  assert.deepEqual([mounted?.hostPath, mounted?.readonly], [path, true])
  await volumes.tearDown('u1')
  assert.deepEqual(calls, ['sha256:1', `none at ${path}`, `release ${path}`])
})

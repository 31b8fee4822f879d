/** What upstream's conformance suite asks of volumes (`test/e2e/common/storage`), as far as no other test here has it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dataDirectory } from '#cluster/data-directory.ts'
import { findProcess } from '#cluster/processes.ts'
import { eventually } from '#testing/bed.ts'
import { onOneCluster } from './one-cluster.ts'
import { becomes, ready, type Space, shellPod } from './space.ts'

const soon = { timeout: 90_000, every: 500 }
const idle = 'trap "exit 0" TERM; while :; do sleep 0.2; done'

interface Case {
  readonly it: string
  readonly volume: object
  /** Mode, owner and group of the files, or of the folder where it is empty. */
  readonly want: readonly string[]
  readonly as?: object
}

const root = { runAsUser: 0 }
const member = { runAsUser: 1000, fsGroup: 1001 }
const projected = (source: object) => ({ projected: { defaultMode: 0o440, sources: [source] } })
const downward = { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' }, mode: 0o400 }] }
const cases: readonly Case[] = [
  { it: 'map', volume: { configMap: { name: 'm', defaultMode: 0o400 } }, as: root, want: ['-r-------- 0 0'] },
  { it: 'map-user', volume: { configMap: { name: 'm' } }, want: ['-rw-r--r-- 0 0'] },
  {
    it: 'map-item',
    volume: { configMap: { name: 'm', items: [{ key: 'a', path: 'b', mode: 0o400 }] } },
    as: root,
    want: ['-r-------- 0 0'],
  },
  { it: 'secret', volume: { secret: { secretName: 's', defaultMode: 0o440 } }, as: member, want: ['-r--r----- 0 1001'] },
  { it: 'projected', volume: projected({ secret: { name: 's' } }), as: member, want: ['-r--r----- 0 1001'] },
  { it: 'token', volume: projected({ serviceAccountToken: { path: 't' } }), as: member, want: ['-rw-r----- 1000 1001'] },
  { it: 'downward', volume: { downwardAPI: { ...downward, defaultMode: 0o444 } }, as: root, want: ['-r-------- 0 0'] },
  { it: 'empty', volume: { emptyDir: {} }, want: ['drwxrwxrwx 0 0'] },
  { it: 'memory', volume: { emptyDir: { medium: 'Memory' } }, want: ['drwxrwxrwx 0 0'] },
  { it: 'memory-group', volume: { emptyDir: { medium: 'Memory' } }, as: member, want: ['drwxrwsrwx 0 1001'] },
]

onOneCluster('volumes, by the conformance suite', { concurrency: 3, timeout: 600_000 }, (open) => {
  test('modes and owners of what volumes hold', async () => {
    const space = await open('modes')
    await space.kubectl('create', 'configmap', 'm', '--from-literal=a=1')
    await space.kubectl('create', 'secret', 'generic', 's', '--from-literal=a=1')
    const script = 'if [ "$(ls /v)" ]; then ls -lLn /v/*; else ls -ldn /v; fi'
    await space.apply(
      ...cases.map(({ it, volume, as = { runAsUser: 1000 } }) => {
        const container = { volumeMounts: [{ name: 'v', mountPath: '/v' }] }
        const spec = { restartPolicy: 'Never', securityContext: as, volumes: [{ name: 'v', ...volume }] }
        return shellPod(it, space, script, { container, spec })
      }),
    )
    for (const { it, want } of cases) {
      await becomes(space, `pod ${it}`, ['{.status.phase}', 'Succeeded'])
      const lines = (await space.kubectl('logs', it)).trim().split('\n')
      const found = lines.map((line) => line.split(/\s+/)).map(([mode, , user, group]) => `${mode} ${user} ${group}`)
      assert.deepEqual(found, want, it)
    }
  })

  test('optional sources that come, change and go while a pod runs', async () => {
    const space = await open('optional')
    for (const name of ['goes', 'changes']) await space.kubectl('create', 'configmap', name, '--from-literal=a=1')
    await space.kubectl('create', 'secret', 'generic', 'goes-too', '--from-literal=a=1')
    const optional = true
    const volumes = [
      ...['goes', 'changes', 'comes'].map((name) => ({ name, configMap: { name, optional } })),
      { name: 'comes-too', secret: { secretName: 'comes-too', optional } },
      { name: 'goes-too', projected: { sources: [{ secret: { name: 'goes-too', optional } }] } },
      { name: 'labels', downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    ]
    const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/v/${name}` }))
    await space.apply(shellPod('p', space, idle, { container: { volumeMounts }, spec: { volumes } }))
    await ready(space, 'p')
    const binaryData = { b: Buffer.from([0xde, 0xca, 0xfe, 0xff]).toString('base64') }
    await space.kubectl('delete', 'configmap/goes', 'secret/goes-too')
    await space.kubectl('patch', 'configmap', 'changes', '-p', JSON.stringify({ data: { a: null, c: '3' }, binaryData }))
    await space.kubectl('create', 'configmap', 'comes', '--from-literal=a=1')
    await space.kubectl('create', 'secret', 'generic', 'comes-too', '--from-literal=a=1')
    await space.kubectl('label', 'pod', 'p', 'more=yes')
    const all = 'cd /v; for f in */*; do [ -f $f ] && echo $f $(xxd -p $f | head -c 8); done; true'
    const want = ['changes/b decafeff', 'changes/c 33', 'comes-too/a 31', 'comes/a 31', 'labels/a 6170703d']
    await eventually(async () => {
      const lines = (await inPod(space, all)).trim().split('\n').toSorted()
      assert.deepEqual(lines, want)
    }, soon)
    await eventually(async () => assert.match(await inPod(space, 'cat /v/labels/a'), /more="yes"/), soon)
  })

  test('a single file or folder of a volume that is swapped as a whole', async () => {
    const space = await open('parts')
    await space.kubectl('create', 'configmap', 'm', '--from-literal=a=one')
    await space.kubectl('create', 'secret', 'generic', 's', '--from-literal=a=two')
    const volumes = [
      { name: 'm', configMap: { name: 'm' } },
      { name: 's', secret: { secretName: 's' } },
      { name: 'd', downwardAPI: { items: [{ path: 'in/name', fieldRef: { fieldPath: 'metadata.name' } }] } },
    ]
    const volumeMounts = [
      { name: 'm', mountPath: '/one', subPath: 'a' },
      { name: 's', mountPath: '/etc/passwd', subPath: 'a' },
      { name: 'd', mountPath: '/three', subPath: 'in' },
    ]
    await space.apply(shellPod('p', space, idle, { container: { volumeMounts }, spec: { volumes } }))
    await ready(space, 'p')
    assert.equal(await inPod(space, 'cat /one /etc/passwd /three/name'), 'onetwop')
  })

  test('a CSI driver in a pod: its volumes are attached, mounted, kept over a restart of the agent, and go', async () => {
    const space = await open('csi')
    const calls = await startDriver(space)
    const log = async () => (await calls()).flatMap(({ method, request }) => (request.volume_id === 'handle-v' ? [method] : []))
    await becomes(space, 'csinode', ['{.items[*].spec.drivers[*].name}', driverName])
    await becomes(space, 'csinode', ['{.items[*].spec.drivers[*].topologyKeys[*]}', 'topology.test/node'])
    const [node = ''] = (await space.path('nodes', '{.items[*].metadata.name}')).split(' ')
    await space.apply(...volumeOf('v', space))
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'v' } }]
    const container = { volumeMounts: [{ name: 'data', mountPath: '/data' }] }
    const script = `echo kept > /data/file; ${idle}`
    await space.apply(
      shellPod('p', space, script, { container, spec: { volumes, securityContext: { fsGroup: 4321, runAsUser: 0 } } }),
    )
    // The attacher's part.
    await becomes(space, 'volumeattachment', ['{.items[*].spec.attacher}', driverName])
    const attachment = await space.path('volumeattachment', '{.items[*].metadata.name}')
    assert.match(await space.path('pod p', '{.status.phase}'), /Pending/)
    const attached = JSON.stringify({ status: { attached: true, attachmentMetadata: { disk: 'sdb' } } })
    await space.kubectl('patch', 'volumeattachment', attachment, '--subresource=status', '--type=merge', '-p', attached)
    await ready(space, 'p')
    assert.match(await space.path(`node ${node}`, '{.status.volumesInUse}'), /kubernetes\.io\/csi\/folders\.test\^handle-v/)
    assert.equal(await inPod(space, 'cat /data/file; stat -c %g /data'), 'kept\n4321\n')
    assert.deepEqual(await log(), ['NodeStageVolume', 'NodePublishVolume'])
    const inline = [{ name: 'data', csi: { driver: driverName, volumeAttributes: { a: 'b' } } }]
    const part = { volumeMounts: [{ name: 'data', mountPath: '/data', subPath: 'in' }] }
    await space.apply(shellPod('q', space, `echo hello > /data/x; ${idle}`, { container: part, spec: { volumes: inline } }))
    await ready(space, 'q')
    const context = (await calls()).find(({ request }) => request.volume_context?.a === 'b')?.request.volume_context
    assert.deepEqual(
      ['pod.name', 'pod.namespace', 'ephemeral'].map((key) => context?.[`csi.storage.k8s.io/${key}`]),
      ['q', 'csi', 'true'],
    )

    const directory = dataDirectory(space.bed.dataDir)
    process.kill(findProcess(directory, 'agent') ?? assert.fail('no agent'), 'SIGKILL')
    await eventually(async () => assert.equal(await inPod(space, 'cat /data/file'), 'kept\n'), soon)
    await space.kubectl('delete', 'pod', 'p', 'q')
    await eventually(async () => assert.deepEqual((await log()).slice(-2), ['NodeUnpublishVolume', 'NodeUnstageVolume']), soon)
    await becomes(space, `node ${node}`, ['{.status.volumesInUse}', ''])
    await becomes(space, 'volumeattachment', ['{.items[*].metadata.name}', ''])
    assert.deepEqual(unmountedBelow(directory.kubelet), [])
  })
})

const driverName = 'folders.test'

interface Call {
  readonly method: string
  readonly request: Record<string, any>
}

/** The driver's pod, as a node plugin's is: privileged, with the agent's folder mounted both ways. Answers its calls. */
async function startDriver(space: Space): Promise<() => Promise<Call[]>> {
  const root = dataDirectory(space.bed.dataDir).kubelet
  const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
  const driver = `${checkout}/src/testing/csi-driver.ts`
  const container = {
    command: ['node', driver, driverName, root, '/store', '/store/log'],
    securityContext: { privileged: true, runAsUser: 0 },
    volumeMounts: [
      { name: 'root', mountPath: root, mountPropagation: 'Bidirectional' },
      { name: 'checkout', mountPath: checkout, readOnly: true },
      { name: 'store', mountPath: '/store' },
    ],
  }
  const volumes = [
    { name: 'root', hostPath: { path: root, type: 'Directory' } },
    { name: 'checkout', hostPath: { path: checkout, type: 'Directory' } },
    { name: 'store', emptyDir: {} },
  ]
  const spec = { podInfoOnMount: true, volumeLifecycleModes: ['Persistent', 'Ephemeral'] }
  await space.apply(
    { apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadata: { name: driverName }, spec },
    shellPod('driver', space, '', { container, spec: { volumes } }),
  )
  await ready(space, 'driver')
  return async () => {
    const lines = (await space.kubectl('exec', 'driver', '--', 'cat', '/store/log')).trim().split('\n')
    return lines.map((line) => JSON.parse(line))
  }
}

/** A volume of the driver, bound to a claim, as its provisioner makes it. */
function volumeOf(name: string, space: Space): object[] {
  const common = { accessModes: ['ReadWriteOnce'], storageClassName: '' }
  const csi = { driver: driverName, volumeHandle: `handle-${name}`, fsType: 'ext4' }
  const claimRef = { name, namespace: space.name }
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: { ...common, capacity: { storage: '1Gi' }, persistentVolumeReclaimPolicy: 'Retain', claimRef, csi },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name },
      spec: { ...common, resources: { requests: { storage: '1Gi' } }, volumeName: name },
    },
  ]
}

/** Mounts of CSI volumes that are still there. */
function unmountedBelow(root: string): string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
  return points.filter((point) => point.startsWith(`${root}/`) && /kubernetes\.io~csi|kubernetes\.io\/csi/.test(point))
}

async function inPod(space: Space, script: string): Promise<string> {
  return await space.kubectl('exec', 'p', '--', 'sh', '-c', script)
}

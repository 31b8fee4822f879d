import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Bed, eventually } from '#testing/bed.ts'
import { onOneCluster } from './one-cluster.ts'
import { becomes, ready, type Space, shellPod } from './space.ts'

const requests = (storage: string) => ({ resources: { requests: { storage } } })
const claimOf = (name: string, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], ...requests('64Mi'), ...spec },
})

/** Volumes that outlive pods, and what pods use, on a node as it is. */
onOneCluster('storage and metrics of a cluster', { concurrency: 3, timeout: 400_000 }, (open) => {
  test('a StatefulSet keeps what each of its pods wrote, and the folders go with the claims', async () => {
    const space = await open('sets')
    await space.apply(statefulSet(space))
    await becomes(space, 'statefulset db', ['{.status.readyReplicas}', '2'])
    assert.match(await space.kubectl('get', 'pvc'), /data-db-0\s+Bound\s+pvc-\S+\s+64Mi\s+RWO\s+local-path/)
    for (const pod of ['db-0', 'db-1']) await space.kubectl('exec', pod, '--', 'sh', '-c', 'hostname > /data/name')
    await space.kubectl('delete', 'pod', 'db-0', 'db-1')
    await space.kubectl('rollout', 'status', 'statefulset/db', '--timeout=30s')
    for (const pod of ['db-0', 'db-1']) assert.equal(await space.kubectl('exec', pod, '--', 'cat', '/data/name'), `${pod}\n`)
    await space.kubectl('scale', 'statefulset/db', '--replicas=1')
    await becomes(space, 'pods', ['{.items[*].metadata.name}', 'db-0'])
    await becomes(space, 'pvc', ['{.items[*].metadata.name}', 'data-db-0'])
    const grown = JSON.stringify({ spec: requests('1Gi') })
    await space.kubectl('patch', 'pvc', 'data-db-0', '-p', grown)
    await becomes(space, 'pvc data-db-0', ['{.status.capacity.storage}', '1Gi'])
    await space.kubectl('delete', 'statefulset', 'db')
    await becomes(space, 'pvc', ['{.items[*].metadata.name}', ''])
    await eventually(() => assert.deepEqual(foldersOf(space.bed, 'sets'), []))
  })

  test('a claim in use stays until its pod is gone; a retained volume keeps its files', async () => {
    const space = await open('kept')
    const path = join(space.bed.directory, 'retained')
    const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: '' }
    const volume = { metadata: { name: 'retained' }, spec: { ...spec, hostPath: { path, type: 'DirectoryOrCreate' } } }
    await space.apply({ apiVersion: 'v1', kind: 'PersistentVolume', ...volume }, claimOf('files', { storageClassName: '' }))
    await space.kubectl('wait', 'pvc/files', '--for=jsonpath={.status.phase}=Bound', '--timeout=30s')
    await space.apply(mounting('writer', space, { persistentVolumeClaim: { claimName: 'files' } }, asRoot))
    await ready(space, 'writer')
    await space.kubectl('delete', 'pvc', 'files', '--wait=false')
    assert.match(await space.kubectl('describe', 'pvc', 'files'), /Status:\s+Terminating \(lasts/)
    assert.equal(await space.kubectl('exec', 'writer', '--', 'cat', '/data/hello'), 'hello\n')
    await space.kubectl('delete', 'pod', 'writer')
    await space.kubectl('wait', 'pvc/files', '--for=delete', '--timeout=30s')
    await becomes(space, 'pv retained', ['{.status.phase}', 'Released'])
    assert.ok(existsSync(join(path, 'hello')))
    await space.kubectl('delete', 'pv', 'retained')
  })

  test('an ephemeral volume comes and goes with its pod', async () => {
    const space = await open('ephemeral')
    const { spec } = claimOf('')
    await space.apply(mounting('short', space, { ephemeral: { volumeClaimTemplate: { spec } } }))
    await ready(space, 'short')
    assert.equal(foldersOf(space.bed, 'ephemeral').length, 1)
    assert.match(await space.path('pvc short-data', '{.metadata.ownerReferences[0].name}'), /^short$/)
    await space.kubectl('delete', 'pod', 'short')
    await becomes(space, 'pvc', ['{.items[*].metadata.name}', ''])
    await eventually(() => assert.deepEqual(foldersOf(space.bed, 'ephemeral'), []))
  })

  test('what cannot be bound says why', async () => {
    const space = await open('unbound')
    await space.apply(claimOf('lost', { storageClassName: 'none' }))
    await space.apply(mounting('waits', space, { persistentVolumeClaim: { claimName: 'lost' } }))
    const wanted = /storageclass.storage.k8s.io "none" not found/
    await eventually(async () => assert.match(await space.kubectl('describe', 'pvc', 'lost'), wanted))
    const why = /pod has unbound immediate PersistentVolumeClaims/
    await eventually(async () => assert.match(await space.kubectl('describe', 'pod', 'waits'), why))
    await space.apply(claimOf('many', { accessModes: ['ReadWriteMany'] }))
    await space.apply(mounting('shares', space, { persistentVolumeClaim: { claimName: 'many' } }))
    const modes = /only supports ReadWriteOnce and ReadWriteOncePod/
    await eventually(async () => assert.match(await space.kubectl('describe', 'pvc', 'many'), modes))
  })

  test('kubectl top, and an autoscaler that follows it', async () => {
    const space = await open('load')
    await space.apply(burner(space))
    await space.kubectl('rollout', 'status', 'deployment/burn', '--timeout=60s')
    assert.match(await space.kubectl('autoscale', 'deployment', 'burn', '--cpu=50%', '--max=2'), /autoscaled/)
    await eventually(async () => {
      const [, cpu = '', memory = ''] = /^burn-\S+\s+(\d+)m\s+(\d+)Mi/m.exec(await space.kubectl('top', 'pods')) ?? []
      assert.ok(Number(cpu) > 50 && Number(memory) < 200, `${cpu}m ${memory}Mi`)
    })
    assert.match(await space.kubectl('top', 'pods', '--containers'), /burn-\S+\s+main\s+\d+m/)
    assert.match(await space.kubectl('top', 'nodes'), /\s\d+m\s+\d+%\s+\d+Mi\s+\d+%/)
    const scaled = async () => assert.equal(await space.path('deployment burn', '{.spec.replicas}'), '2')
    await eventually(scaled, { timeout: 120_000, every: 1000 }).catch(async (error) => {
      throw new Error(`${error.message}\n${await space.kubectl('describe', 'hpa', 'burn')}`, { cause: error })
    })
    const rescaled = /SuccessfulRescale.*New size: 2; reason: cpu resource utilization \(percentage of request\) above target/
    assert.match(await space.kubectl('describe', 'hpa', 'burn'), rescaled)
  })
})

function statefulSet({ image }: Space): object {
  const labels = { app: 'db' }
  const main = { name: 'main', image, command: ['/bin/sleep', '10000'], volumeMounts: [{ name: 'data', mountPath: '/data' }] }
  const { spec } = claimOf('')
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db' },
    spec: {
      replicas: 2,
      serviceName: 'db',
      selector: { matchLabels: labels },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' },
      template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [main] } },
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec }],
    },
  }
}

/** A folder that the node makes for a hostPath belongs to root. */
const asRoot = { securityContext: { runAsUser: 0 } }

function mounting(name: string, space: Space, volume: object, over: object = {}): object {
  const container = { volumeMounts: [{ name: 'data', mountPath: '/data' }] }
  const spec = { terminationGracePeriodSeconds: 0, volumes: [{ name: 'data', ...volume }], ...over }
  return shellPod(name, space, 'echo hello > /data/hello && exec sleep 10000', { container, spec })
}

function burner({ image }: Space): object {
  const labels = { app: 'burn' }
  const resources = { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '200m', memory: '64Mi' } }
  const main = { name: 'main', image, command: ['/bin/sh', '-c', 'while :; do :; done'], resources }
  const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [main] } }
  const spec = { replicas: 1, selector: { matchLabels: labels }, template }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'burn' }, spec }
}

/** Folders of local-path volumes of that namespace's claims. */
function foldersOf(bed: Bed, namespace: string): readonly string[] {
  const root = join(bed.dataDir, 'local-path')
  return existsSync(root) ? readdirSync(root).filter((name) => name.includes(`_${namespace}_`)) : []
}

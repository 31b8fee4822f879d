/** Which volumes are chosen for the claims of a pod, and what is assumed of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import type { KubeObject } from '#schema/kind.ts'
import { unreserve } from '../binding.ts'
import { ClusterState } from '../cluster-state.ts'
import type { Plugin } from '../framework/plugin.ts'
import { prepareRun, verdictOf } from '../run.ts'
import { volumeBinding } from './volume-binding.ts'

const late = { storageClassName: 'late' }
const annotation = 'volume.kubernetes.io/selected-node'
const claim = (name: string, metadata: object = {}) => ({
  metadata: { name, namespace: 'd', uid: name, ...metadata },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...late },
  status: { phase: 'Pending' },
})
const volume = (name: string, zone: string, spec: object = {}) => ({
  metadata: { name },
  spec: {
    ...{ capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], ...late },
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [zone] }] }] } },
    ...spec,
  },
  status: { phase: 'Available' },
})
const kept = (uid?: string) => ({ claimRef: { name: 'c', namespace: 'd', ...(uid && { uid }) } })

interface Row {
  readonly it: string
  readonly claim?: object
  readonly volumes: readonly object[]
  /** By node: the volume that is promised, or `new`; nothing where the pod does not fit. */
  readonly gets: Readonly<Record<string, string>>
}

const rows: readonly Row[] = [
  {
    it: 'takes a volume where there is one, and has one made elsewhere',
    volumes: [volume('v', 'b')],
    gets: { a: 'new', b: 'v' },
  },
  {
    it: 'takes no volume for a claim that is being provisioned for another node',
    claim: claim('c', { annotations: { [annotation]: 'a' } }),
    volumes: [volume('v', 'b')],
    gets: { a: 'new' },
  },
  {
    it: 'takes no volume of the node for which one is being made',
    claim: claim('c', { annotations: { [annotation]: 'b' } }),
    volumes: [volume('v', 'b')],
    gets: { b: 'new' },
  },
  {
    it: 'takes the volume that is kept for the claim, and no other',
    volumes: [volume('v', 'a'), volume('w', 'b', kept())],
    gets: { a: 'new', b: 'w' },
  },
  {
    it: 'takes none that is kept for an earlier claim of this name',
    volumes: [volume('w', 'b', kept('earlier'))],
    gets: { a: 'new', b: 'new' },
  },
]
for (const row of rows) {
  test(`VolumeBinding ${row.it}`, () => {
    const gets: Record<string, string> = {}
    for (const node of ['a', 'b']) {
      const { state, fits, reserve } = placing(row, node)
      if (!fits) continue
      reserve()
      const promised = state.objects
        .list(PersistentVolume)
        .filter((one) => state.objects.isAssumed(PersistentVolume, one.metadata))
      const [asked] = state.objects.list(PersistentVolumeClaim)
      gets[node] = promised[0]?.metadata.name ?? (asked?.metadata.annotations?.[annotation] === node ? 'new' : 'none')
    }
    assert.deepEqual(gets, row.gets)
  })
}

test('VolumeBinding says that it has bound a volume only where nobody kept it for the claim', () => {
  const promised = (one: object) => {
    const { state, reserve } = placing({ volumes: [one] }, 'b')
    reserve()
    const { metadata, spec } = state.objects.get(PersistentVolume, { name: 'v' }) as PersistentVolume
    return [metadata.annotations?.['pv.kubernetes.io/bound-by-controller'], spec.claimRef?.uid]
  }
  assert.deepEqual(promised(volume('v', 'b')), ['yes', 'c'])
  assert.deepEqual(promised(volume('v', 'b', kept())), [undefined, 'c'])
  assert.deepEqual(promised(volume('v', 'b', kept('c'))), [undefined, 'c'])
})

test('VolumeBinding promises a volume once, until it is given back', () => {
  const { state, reserve, unreserve, again } = placing(
    { volumes: [volume('v', 'b')], provisioner: 'kubernetes.io/no-provisioner' },
    'b',
  )
  reserve()
  assert.equal(again('other'), false)
  unreserve()
  unreserve()
  assert.equal(again('other'), true)
  assert.equal(state.objects.get(PersistentVolume, { name: 'v' })?.spec.claimRef, undefined)
})

type Given = Pick<Row, 'claim' | 'volumes'> & { readonly provisioner?: string }

function placing({ claim: given = claim('c'), volumes, provisioner = 'd.io' }: Given, node: string) {
  const state = new ClusterState()
  const storageClass = { metadata: { name: 'late' }, provisioner, volumeBindingMode: 'WaitForFirstConsumer' }
  state.objects.set(StorageClass, storageClass as unknown as KubeObject)
  for (const one of [given, claim('other')]) state.objects.set(PersistentVolumeClaim, one as KubeObject)
  for (const one of volumes) state.objects.set(PersistentVolume, one as KubeObject)
  for (const name of ['a', 'b']) {
    state.setNode({ metadata: { name, labels: { zone: name } }, spec: {}, status: { allocatable: {} } } as unknown as Node)
  }
  const plugin: Plugin = volumeBinding()
  const look = (claimName: string) => {
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName } }]
    const pod = { metadata: { name: 'p', namespace: 'd', uid: claimName }, spec: { containers: [], volumes }, status: {} }
    const run = prepareRun(pod as unknown as Pod, state, { profile: [{ plugin, weight: 0 }] })
    const info = state.get(node)
    assert.ok(info && !run.reject)
    return { run, info, fits: !verdictOf(run, info) }
  }
  const { run, info, fits } = look('c')
  const cycle = run.running[0]?.cycle
  assert.ok(cycle)
  return {
    ...{ state, fits },
    reserve: () => assert.equal(plugin.reserve?.(cycle, info), undefined),
    unreserve: () => void unreserve(run, node),
    again: (name: string) => look(name).fits,
  }
}

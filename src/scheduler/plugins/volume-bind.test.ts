/** What is written for the volumes of a pod, and when the wait for them ends. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import type { KubeObject } from '#schema/kind.ts'
import { ClusterState } from '../cluster-state.ts'
import type { Actor } from '../framework/plugin.ts'
import { bindVolumes } from './volume-bind.ts'

const claim = (metadata: object = {}, spec: object = {}) =>
  ({
    metadata: { name: 'c', namespace: 'd', uid: 'c', resourceVersion: '7', ...metadata },
    spec,
  }) as unknown as PersistentVolumeClaim
const volume = (spec: object = {}, resourceVersion = '7') =>
  ({
    metadata: { name: 'v', resourceVersion },
    spec: { claimRef: { name: 'c', uid: 'c' }, ...spec },
  }) as unknown as PersistentVolume
const selected = (node: string) => ({ 'volume.kubernetes.io/selected-node': node })
const completed = { 'pv.kubernetes.io/bind-completed': 'yes' }
const inZone = (zone: string) => ({
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [zone] }] }] } },
})
const boundClaim = (annotations: object = {}) =>
  claim({ resourceVersion: '9', annotations: { ...completed, ...annotations } }, { volumeName: 'v' })

interface Row {
  readonly it: string
  /** Whether there is a volume for the claim, or one is to be made. */
  readonly as: 'match' | 'provisioned'
  /** What is there after the writes; null: no more. */
  readonly claim?: PersistentVolumeClaim | null
  readonly volume?: PersistentVolume | null
  readonly noNode?: boolean
  readonly says: string | undefined
}

const late = 'context deadline exceeded'
const rows: readonly Row[] = [
  { it: 'ends when the claim is bound', as: 'match', volume: volume({}, '9'), claim: boundClaim(), says: undefined },
  { it: 'ends when the volume was made', as: 'provisioned', volume: volume(), claim: boundClaim(selected('n')), says: undefined },
  { it: 'gives up after the timeout', as: 'match', says: late },
  { it: 'gives up on a provisioner after the timeout', as: 'provisioned', says: late },
  {
    it: 'waits for a volume that the watch has not shown yet',
    ...{ as: 'provisioned', claim: boundClaim(selected('n')), says: late },
  },
  {
    it: 'does not believe what is older than its own write',
    ...{ as: 'provisioned', claim: claim({ resourceVersion: '6', annotations: {} }), says: late },
  },
  {
    it: 'fails at once where the provisioner has taken its node back',
    as: 'provisioned',
    claim: claim({ resourceVersion: '9', annotations: { other: '' } }),
    says: 'provisioning failed for PVC "c"',
  },
  {
    it: 'fails at once where it was the last annotation',
    as: 'provisioned',
    claim: claim({ resourceVersion: '9' }),
    says: 'selectedNode annotation reset for PVC "c"',
  },
  {
    it: 'fails at once where another node was chosen',
    as: 'provisioned',
    claim: claim({ resourceVersion: '9', annotations: selected('other') }),
    says: 'provisioning failed for PVC "c"',
  },
  {
    it: 'fails at once where the claim is gone',
    ...{
      as: 'provisioned',
      claim: null,
      says: 'failed to check provisioning pvc: could not find v1.PersistentVolumeClaim "d/c"',
    },
  },
  {
    it: 'fails at once where the volume is gone',
    ...{ as: 'match', volume: null, says: 'failed to check binding: could not find v1.PersistentVolume "v"' },
  },
  {
    it: 'fails at once where the volume was taken back',
    ...{ as: 'match', volume: volume({ claimRef: undefined }, '9'), says: 'ClaimRef got reset for pv "v"' },
  },
  {
    it: 'fails at once where the volume cannot be reached from the node',
    as: 'provisioned',
    volume: volume(inZone('b')),
    claim: boundClaim(selected('n')),
    says: `pv "v" node affinity doesn't match node "n": no matching NodeSelectorTerms`,
  },
  { it: 'fails at once where the node is gone', as: 'match', noNode: true, says: 'failed to get node "n": node "n" not found' },
]
for (const row of rows) test(`bindVolumes() ${row.it}`, () => check(row))

async function check({ as, says, noNode, ...after }: Row): Promise<void> {
  const state = new ClusterState()
  const clock = new VirtualClock()
  state.setNode({ metadata: { name: 'n', labels: { zone: 'a' } }, spec: {}, status: { allocatable: {} } } as unknown as Node)
  const [before, free] = [claim(as === 'provisioned' ? { annotations: selected('n') } : {}), volume()]
  state.objects.set(PersistentVolumeClaim, before)
  if (as === 'match') state.objects.set(PersistentVolume, free)
  const writes: string[] = []
  const update = async (kind: { readonly kind: string }, object: KubeObject) => {
    writes.push(kind.kind)
    return { ...object, metadata: { ...object.metadata, resourceVersion: '8' } }
  }
  const actor = { clock, signal: new AbortController().signal, client: { update } } as unknown as Actor
  const choice =
    as === 'match' ? { matches: [{ claim: before, volume: free }], provisioned: [] } : { matches: [], provisioned: [before] }
  let isOver = false
  const result = bindVolumes(choice, { snapshot: state, node: 'n', timeout: 10_000 }, actor).finally(() => (isOver = true))
  await settled()
  state.objects.set(PersistentVolumeClaim, { ...before, metadata: { ...before.metadata, resourceVersion: '8' } })
  if (as === 'match') state.objects.set(PersistentVolume, volume({}, '8'))
  for (const [kind, object] of [[PersistentVolumeClaim, after.claim] as const, [PersistentVolume, after.volume] as const]) {
    if (object === null) state.objects.delete(kind, kind === PersistentVolume ? { name: 'v' } : { name: 'c', namespace: 'd' })
    else if (object) state.objects.set(kind, object)
  }
  // What other pods are promised meanwhile is no news of this one's.
  state.objects.assume(PersistentVolumeClaim, claim({ annotations: selected('elsewhere') }))
  if (noNode) state.deleteNode('n')
  while (!isOver && clock.runNext()) await settled()
  const rejection = await result
  assert.deepEqual(writes, [as === 'match' ? 'PersistentVolume' : 'PersistentVolumeClaim'])
  assert.deepEqual(rejection, says === undefined ? undefined : { message: `binding volumes: ${says}`, error: true })
  assert.equal(clock.monotonic(), says === late ? 10_000 : 1_000)
}

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

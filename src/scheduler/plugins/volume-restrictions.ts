/** VolumeRestrictions keeps pods apart that must not share a disk, and ReadWriteOncePod claims to one pod (KEP-2485). */
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { definePlugin, unschedulable } from '../framework/plugin.ts'
import { factsOf } from '../framework/pod-facts.ts'
import { usesClaim } from './volume-cures.ts'

type Volume = NonNullable<Pod['spec']['volumes']>[number]

interface State {
  readonly disks: readonly Volume[]
  /** ReadWriteOncePod claims that some pod uses already. */
  readonly taken: readonly string[]
}

export const volumeRestrictions = definePlugin<State>({
  name: 'VolumeRestrictions',
  requeueOn: [
    {
      kind: Pod,
      when: ['deleted'],
      helps: (pod, before: Pod) =>
        (pod.spec.volumes ?? []).some((one) => (before.spec.volumes ?? []).some((other) => conflicts(one, other))) ||
        factsOf(pod).volumeClaims.some((claim) => factsOf(before).volumeClaims.includes(claim)),
    },
    { kind: Node, when: ['added'] },
    {
      kind: PersistentVolumeClaim,
      when: ['added', 'updated'],
      helps: (pod, _before, { metadata }: PersistentVolumeClaim) => usesClaim(pod, metadata),
    },
  ],

  prepare(pod, { objects }) {
    const disks = (pod.spec.volumes ?? []).filter(isExclusive)
    const { volumeClaims } = factsOf(pod)
    const once = volumeClaims.filter((key) => isOnce(objects.get(PersistentVolumeClaim, refOf(key))))
    return disks.length === 0 && once.length === 0 ? { skip: true } : { state: { disks, taken: once } }
  },

  filter({ state, snapshot }, node) {
    for (const { spec } of state.disks.length > 0 ? node.pods : []) {
      if ((spec.volumes ?? []).some((other) => state.disks.some((one) => conflicts(one, other)))) {
        return unschedulable('node(s) had no available disk')
      }
    }
    if (!state.taken.some((claim) => snapshot.claimUsers(claim) > 0)) return undefined
    return unschedulable('node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode')
  },
})

function refOf(key: string) {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

function isOnce(claim: PersistentVolumeClaim | undefined): boolean {
  return claim?.spec.accessModes?.includes('ReadWriteOncePod') ?? false
}

function isExclusive({ gcePersistentDisk, awsElasticBlockStore, rbd, iscsi }: Volume): boolean {
  return !!(gcePersistentDisk || awsElasticBlockStore || rbd || iscsi)
}

/** The same disk, unless both only read (or, of EBS, in any case). */
function conflicts(a: Volume, b: Volume): boolean {
  const [gceA, gceB] = [a.gcePersistentDisk, b.gcePersistentDisk]
  if (gceA && gceB && gceA.pdName === gceB.pdName && !(gceA.readOnly && gceB.readOnly)) return true
  if (a.awsElasticBlockStore && a.awsElasticBlockStore.volumeID === b.awsElasticBlockStore?.volumeID) return true
  const [iscsiA, iscsiB] = [a.iscsi, b.iscsi]
  if (iscsiA && iscsiB && iscsiA.iqn === iscsiB.iqn && !(iscsiA.readOnly && iscsiB.readOnly)) return true
  const [rbdA, rbdB] = [a.rbd, b.rbd]
  if (!rbdA || !rbdB || (rbdA.readOnly && rbdB.readOnly)) return false
  const shares = (rbdA.monitors ?? []).some((monitor) => (rbdB.monitors ?? []).includes(monitor))
  return shares && rbdA.pool === rbdB.pool && rbdA.image === rbdB.image
}

/** What stands behind a volume that names a claim: the persistent volume, checked (upstream `volumemanager/populator`). */
import type { Node } from '#api/core/v1/node.ts'
import { matchesSelector } from '#api/core/v1/node-selector.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import type { LocalVolumeSource } from '#api/core/v1/persistent-volume-source.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Volume } from '#api/core/v1/volume.ts'
import type { Client } from '#client/client.ts'
import { MountError } from './mount-error.ts'

/** A volume of a pod as plugins take it: what a persistent volume consists of stands in it as if the pod had said so itself. */
export interface Mountable extends Omit<Volume, 'persistentVolumeClaim' | 'ephemeral'> {
  readonly local?: LocalVolumeSource | undefined
  readonly mountOptions?: readonly string[] | undefined
  /** Where what stands behind it is a CSI driver's. */
  readonly persistentVolume?: PersistentVolume | undefined
  /** A device of the node, not a folder. */
  readonly isBlock?: boolean | undefined
  /** The pod sees it read-only whatever its containers ask for. */
  readonly isReadOnly?: boolean | undefined
}

export interface ClaimSource {
  /** Rejects with what upstream says of a claim that cannot be used (yet). */
  resolve(pod: Pod, volume: Volume): Promise<Mountable>
}

export interface ClaimsOptions {
  readonly client: Client
  readonly node: () => Node | undefined
}

/** The claim's name, and whether the claim must be the pod's own; undefined for other volumes. */
export function claimOf(pod: Pod, { name, persistentVolumeClaim, ephemeral }: Volume) {
  if (persistentVolumeClaim) {
    const { claimName, readOnly = false } = persistentVolumeClaim
    return { name: claimName, isReadOnly: readOnly, isOwn: false }
  }
  return ephemeral ? { name: `${pod.metadata.name}-${name}`, isReadOnly: false, isOwn: true } : undefined
}

/** Asks the server each time: a volume is resolved once in a pod's life, and the Node authorizer grants no more than a get. */
export function claimsFrom({ client, node }: ClaimsOptions): ClaimSource {
  return {
    async resolve(pod, volume) {
      const { namespace = '' } = pod.metadata
      const reference = claimOf(pod, volume)
      if (!reference) return volume.csi?.readOnly ? { ...volume, isReadOnly: true } : volume
      const found = await checked(`error processing PVC ${namespace}/${reference.name}`, async () => {
        const claim = await claimFor(client, pod, reference)
        return volumeOf(client, claim)
      })
      checkMode(pod, volume, found)
      const required = found.spec.nodeAffinity?.required
      const self = node()
      if (required && self && !matchesSelector(required, self)) {
        const text = `MountVolume.NodeAffinity check failed for volume "${found.metadata.name}" : no matching NodeSelectorTerms`
        throw new MountError(text)
      }
      return mountableOf(found, reference.isReadOnly)
    },
  }
}

async function checked<T>(about: string, find: () => Promise<T>): Promise<T> {
  try {
    return await find()
  } catch (error) {
    throw new Error(`${about}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}

async function claimFor(
  client: Client,
  { metadata }: Pod,
  { name, isOwn }: { name: string; isOwn: boolean },
): Promise<PersistentVolumeClaim> {
  const { namespace } = metadata
  const claim = await checked('failed to fetch PVC from API server', () => client.get(PersistentVolumeClaim, { namespace, name }))
  if (isOwn && !claim.metadata.ownerReferences?.some(({ controller, uid }) => controller && uid === metadata.uid)) {
    throw new Error(`PVC ${namespace}/${name} was not created for pod ${namespace}/${metadata.name} (pod is not owner)`)
  }
  if (claim.metadata.deletionTimestamp) throw new Error('PVC is being deleted')
  if (claim.status.phase !== 'Bound') throw new Error('PVC is not bound')
  if (!claim.spec.volumeName) throw new Error('PVC has empty pvc.Spec.VolumeName')
  return claim
}

async function volumeOf(client: Client, { metadata, spec }: PersistentVolumeClaim): Promise<PersistentVolume> {
  const name = spec.volumeName ?? ''
  const volume = await checked(`failed to fetch PV ${name} from API server`, () => client.get(PersistentVolume, { name }))
  const { claimRef } = volume.spec
  if (!claimRef) {
    throw new Error(`found PV object ${name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`)
  }
  if (claimRef.uid === metadata.uid) return volume
  const uids = `its pv.Spec.ClaimRef.UID ${claimRef.uid ?? ''} does not point to claim.UID ${metadata.uid}`
  throw new Error(`found PV object ${name} but ${uids}`)
}

function checkMode({ spec }: Pod, { name }: Volume, volume: PersistentVolume): void {
  const mode = volume.spec.volumeMode ?? 'Filesystem'
  const all = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]
  const isMounted = all.some(({ volumeMounts }) => volumeMounts?.some((mount) => mount.name === name))
  const isDevice = all.some(({ volumeDevices }) => volumeDevices?.some((device) => device.name === name))
  const complain = (field: string) => new Error(`volume ${name} has volumeMode ${mode}, but is specified in ${field}`)
  if (isMounted && mode !== 'Filesystem') throw complain('volumeMounts')
  if (isDevice && mode !== 'Block') throw complain('volumeDevices')
}

function mountableOf(volume: PersistentVolume, isReadOnly: boolean): Mountable {
  const { metadata, spec } = volume
  const { hostPath, local, nfs, mountOptions, volumeMode } = spec
  return {
    name: metadata.name,
    ...(hostPath && { hostPath }),
    ...(local && { local }),
    ...(nfs && { nfs }),
    ...(spec.csi && { persistentVolume: volume }),
    ...(mountOptions?.length && { mountOptions }),
    isBlock: volumeMode === 'Block',
    isReadOnly,
  } as Mountable
}

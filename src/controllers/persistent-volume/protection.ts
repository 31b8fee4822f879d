/**
 * Keeps claims that pods use, volumes that are bound and classes that either refers to from vanishing under their users (upstream
 * `pvcprotection`, `pvprotection`, `vacprotection`).
 */
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { VolumeAttributesClass } from '#api/storage/v1/volume-attributes-class.ts'
import type { KubeObject } from '#schema/kind.ts'
import { defineController } from '../runtime/controller.ts'
import { claimsOfPod, podsByClaim, podsWithClaim } from './claims-of-pods.ts'

const claimFinalizer = 'kubernetes.io/pvc-protection'
const volumeFinalizer = 'kubernetes.io/pv-protection'
const attributesFinalizer = 'kubernetes.io/vac-protection'

export const claimProtectionController = defineController({
  name: 'persistentvolumeclaim-protection-controller',
  account: 'pvc-protection-controller',
  for: PersistentVolumeClaim,
  reads: [Pod],
  writes: [PersistentVolumeClaim],
  indexes: [podsByClaim],
  watches: [
    {
      kind: Pod,
      visits: (pod: Pod) => claimsOfPod(pod).map((name) => ({ name, namespace: pod.metadata.namespace })),
    },
  ],

  async reconcile(claim, cluster) {
    const { namespace, name } = claim.metadata
    const finalizers = planFinalizers(claim, claimFinalizer, () =>
      podsWithClaim(cluster, claim.metadata).some((pod) => uses(pod, name)),
    )
    if (!finalizers) return
    // The cache may lag, and what is let go here is gone.
    if (claim.metadata.deletionTimestamp && (await cluster.live.list(Pod, { namespace })).items.some((pod) => uses(pod, name)))
      return
    await cluster.update(PersistentVolumeClaim, { ...claim, metadata: { ...claim.metadata, finalizers } } as never)
  },
})

/** A pod without node cannot begin with a claim that is being deleted, so that it does not count. */
export function uses(pod: Pod, claim: string): boolean {
  if (!pod.spec.nodeName) return false
  if (pod.spec.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claim)) return true
  const isShutDown = Boolean(pod.metadata.deletionTimestamp) && pod.metadata.deletionGracePeriodSeconds === 0
  return !isShutDown && claimsOfPod(pod).includes(claim)
}

export const volumeProtectionController = defineController({
  name: 'persistentvolume-protection-controller',
  account: 'pv-protection-controller',
  for: PersistentVolume,
  writes: [PersistentVolume],

  async reconcile(volume, cluster) {
    const finalizers = planFinalizers(volume, volumeFinalizer, () => volume.status.phase === 'Bound')
    if (!finalizers) return
    await cluster.update(PersistentVolume, { ...volume, metadata: { ...volume.metadata, finalizers } } as never)
  },
})

export const attributesProtectionController = defineController({
  name: 'volumeattributesclass-protection-controller',
  for: VolumeAttributesClass,
  reads: [PersistentVolumeClaim, PersistentVolume],
  writes: [VolumeAttributesClass],
  watches: [
    {
      kind: PersistentVolumeClaim,
      when: ({ object, old }) => String(object && classesOf(object)) !== String(old && classesOf(old)),
      visits: (claim: PersistentVolumeClaim) => classesOf(claim).map((name) => ({ name })),
    },
    {
      kind: PersistentVolume,
      when: ({ object, old }) => object?.spec.volumeAttributesClassName !== old?.spec.volumeAttributesClassName,
      visits: ({ spec }: PersistentVolume) => (spec.volumeAttributesClassName ? [{ name: spec.volumeAttributesClassName }] : []),
    },
  ],

  async reconcile(attributes, cluster) {
    const { name } = attributes.metadata
    const finalizers = planFinalizers(
      attributes,
      attributesFinalizer,
      () =>
        cluster.list(PersistentVolumeClaim).some((claim) => classesOf(claim).includes(name)) ||
        cluster.list(PersistentVolume).some(({ spec }) => spec.volumeAttributesClassName === name),
    )
    if (!finalizers) return
    const metadata = { ...attributes.metadata, finalizers }
    await cluster.update(VolumeAttributesClass, { ...attributes, metadata } as never)
  },
})

/** What it asks for, has, and is being changed to. */
function classesOf({ spec, status }: PersistentVolumeClaim): readonly string[] {
  const { currentVolumeAttributesClassName: current, modifyVolumeStatus: change } = status
  const names = [spec.volumeAttributesClassName, current, change?.targetVolumeAttributesClassName]
  return [...new Set(names.filter((name) => name !== undefined && name !== ''))] as string[]
}

/** The finalizers to write; undefined where they are right as they are. */
export function planFinalizers({ metadata }: KubeObject, finalizer: string, isUsed: () => boolean): string[] | undefined {
  const { finalizers = [], deletionTimestamp } = metadata
  const has = finalizers.includes(finalizer)
  if (!deletionTimestamp) return has ? undefined : [...finalizers, finalizer]
  return has && !isUsed() ? finalizers.filter((one) => one !== finalizer) : undefined
}

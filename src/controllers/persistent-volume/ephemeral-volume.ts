/** Ephemeral volume controller: makes the claims of pods' generic ephemeral volumes; they go with their pod. */
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { hasReason } from '#schema/status-error.ts'
import { type Cluster, defineController } from '../runtime/controller.ts'
import { ownerOf } from '../runtime/loop.ts'

export const ephemeralVolumeController = defineController({
  name: 'ephemeral-volume-controller',
  component: 'ephemeral_volume',
  for: Pod,
  owns: [PersistentVolumeClaim],
  writes: [PersistentVolumeClaim],
  when: ({ object }) => object?.spec.volumes?.some(({ ephemeral }) => ephemeral) ?? false,

  async reconcile(pod, cluster) {
    if (pod.metadata.deletionTimestamp) return
    for (const volume of pod.spec.volumes ?? []) {
      if (!volume.ephemeral) continue
      try {
        await ensureClaim(pod, volume, cluster)
      } catch (error) {
        const message = `ephemeral volume ${volume.name}: ${error instanceof Error ? error.message : error}`
        cluster.event(pod, { type: 'Warning', reason: 'FailedBinding', message })
        throw error
      }
    }
  },
})

type Own = Cluster<typeof Pod | typeof PersistentVolumeClaim, typeof PersistentVolumeClaim>

async function ensureClaim(pod: Pod, volume: NonNullable<Pod['spec']['volumes']>[number], cluster: Own): Promise<void> {
  const { namespace, uid } = pod.metadata
  const name = `${pod.metadata.name}-${volume.name}`
  const found = cluster.get(PersistentVolumeClaim, { name, namespace })
  if (found) {
    const isOwn = found.metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === uid)
    if (isOwn && ownerOf(found, Pod)) return
    throw new Error(`PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`)
  }
  const { metadata, spec } = volume.ephemeral?.volumeClaimTemplate ?? {}
  const { labels, annotations } = metadata ?? {}
  const draft = { metadata: { name, ...(labels && { labels }), ...(annotations && { annotations }) }, spec }
  await cluster.create(PersistentVolumeClaim, draft as never, pod).catch((error) => {
    if (!hasReason(error, 'AlreadyExists')) throw error
  })
}

/** VolumeZone keeps pods in the zone and region that the labels of their volumes name. */
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { definePlugin, unresolvable } from '../framework/plugin.ts'
import { claimsOf, classOf, volumeOf } from './volume-claims.ts'
import { volumeZoneCures } from './volume-cures.ts'

/** Old names of labels stand for the new ones on nodes, too. */
const labels: Readonly<Record<string, string>> = {
  'topology.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region': 'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
}

interface Demand {
  readonly key: string
  readonly values: ReadonlySet<string>
}

export const volumeZone = definePlugin<readonly Demand[]>({
  name: 'VolumeZone',
  requeueOn: volumeZoneCures,

  prepare(pod, snapshot) {
    const found = claimsOf(pod, snapshot)
    if ('reject' in found) return { reject: found.reject }
    const demands: Demand[] = []
    for (const claim of found.claims) {
      if (!claim.spec.volumeName) {
        const name = classOf(claim)
        if (!name) return { reject: unresolvable('PersistentVolumeClaim had no pv name and storageClass name') }
        const storageClass = snapshot.objects.get(StorageClass, { name })
        if (!storageClass) return { reject: unresolvable(`storageclass.storage.k8s.io "${name}" not found`) }
        if (storageClass.volumeBindingMode === 'WaitForFirstConsumer') continue
        return { reject: unresolvable('PersistentVolume had no name') }
      }
      const volume = volumeOf(claim, snapshot)
      if (!volume) return { reject: unresolvable(`persistentvolume "${claim.spec.volumeName}" not found`) }
      for (const [key, value] of Object.entries(volume.metadata.labels ?? {})) {
        if (labels[key]) demands.push({ key, values: new Set(value.split('__')) })
      }
    }
    return demands.length === 0 ? { skip: true } : { state: demands }
  },

  filter({ state }, { node }) {
    const has = node.metadata.labels ?? {}
    if (!Object.keys(labels).some((key) => key in has)) return undefined
    const fits = state.every(({ key, values }) => {
      const value = has[key] ?? has[labels[key] as string]
      return value !== undefined && values.has(value)
    })
    return fits ? undefined : unresolvable('node(s) had no available volume zone')
  },
})

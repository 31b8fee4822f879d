/** DefaultStorageClass: claims that name no class get the default one (upstream `storageclass/setdefault`). */
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import type { KubeObject } from '#schema/kind.ts'
import type { AdmissionPlugin } from './plugin.ts'

const defaultAnnotations = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class']
const classAnnotation = 'volume.beta.kubernetes.io/storage-class'

export const defaultStorageClass: AdmissionPlugin = {
  name: 'DefaultStorageClass',
  handles: ({ operation, kind, subresource }) =>
    operation === 'CREATE' && kind.plural === PersistentVolumeClaim.plural && kind.group === '' && !subresource,
  mutate({ object }, { lister }) {
    const { metadata, spec } = object as PersistentVolumeClaim
    if (metadata.annotations?.[classAnnotation] !== undefined || spec.storageClassName !== undefined) return
    const name = newestDefault(lister.list(StorageClass), defaultAnnotations)
    if (name !== undefined) spec.storageClassName = name
  },
}

/** Of several defaults the newest wins, and of those the first by name. */
export function newestDefault(classes: readonly KubeObject[], annotations: readonly string[]): string | undefined {
  return classes
    .filter(({ metadata }) => annotations.some((key) => metadata.annotations?.[key] === 'true'))
    .toSorted(({ metadata: a }, { metadata: b }) => {
      const [older, newer] = [Date.parse(a.creationTimestamp ?? ''), Date.parse(b.creationTimestamp ?? '')]
      return newer - older || (a.name < b.name ? -1 : 1)
    })[0]?.metadata.name
}

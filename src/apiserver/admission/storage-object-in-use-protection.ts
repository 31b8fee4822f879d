/** StorageObjectInUseProtection: volumes and claims stay until nobody uses them; a controller takes the finalizer off. */
import type { AdmissionPlugin } from './plugin.ts'

const finalizers: ReadonlyMap<string, string> = new Map([
  ['/persistentvolumes', 'kubernetes.io/pv-protection'],
  ['/persistentvolumeclaims', 'kubernetes.io/pvc-protection'],
  ['storage.k8s.io/volumeattributesclasses', 'kubernetes.io/vac-protection'],
])

export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  handles: ({ operation, kind, subresource }) =>
    operation === 'CREATE' && !subresource && finalizers.has(`${kind.group}/${kind.plural}`),
  mutate({ kind, object: { metadata } }) {
    const finalizer = finalizers.get(`${kind.group}/${kind.plural}`) as string
    if (!metadata.finalizers?.includes(finalizer)) metadata.finalizers = [...(metadata.finalizers ?? []), finalizer]
  },
}

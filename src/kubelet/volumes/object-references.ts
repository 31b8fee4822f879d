/** Which ConfigMaps and Secrets a pod refers to: environment, volumes and pull secrets. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Volume } from '#api/core/v1/volume.ts'
import { containersOf } from '../containers/pod-names.ts'

export interface ObjectReferenceKey {
  readonly kind: 'ConfigMap' | 'Secret'
  readonly namespace: string
  readonly name: string
}

/** By `Kind/namespace/name`. */
export function referencesOf(pod: Pod): Map<string, ObjectReferenceKey> {
  const namespace = pod.metadata.namespace ?? ''
  const found = new Map<string, ObjectReferenceKey>()
  const add = (kind: ObjectReferenceKey['kind'], name: string | undefined) => {
    if (name) found.set(`${kind}/${namespace}/${name}`, { kind, namespace, name })
  }
  for (const { name } of pod.spec.imagePullSecrets ?? []) add('Secret', name)
  for (const { container } of containersOf(pod)) {
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      add('ConfigMap', configMapRef?.name)
      add('Secret', secretRef?.name)
    }
    for (const { valueFrom } of container.env ?? []) {
      add('ConfigMap', valueFrom?.configMapKeyRef?.name)
      add('Secret', valueFrom?.secretKeyRef?.name)
    }
  }
  for (const volume of pod.spec.volumes ?? []) addVolume(volume, add)
  return found
}

function addVolume(volume: Volume, add: (kind: ObjectReferenceKey['kind'], name: string | undefined) => void): void {
  add('ConfigMap', volume.configMap?.name)
  add('Secret', volume.secret?.secretName)
  for (const { configMap, secret } of volume.projected?.sources ?? []) {
    add('ConfigMap', configMap?.name)
    add('Secret', secret?.name)
  }
}

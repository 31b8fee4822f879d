/** What a pod's volume says about the CSI driver that has it, whether it is the pod's own or a persistent one. Pure. */
import { createHash } from 'node:crypto'
import type { SecretReference } from '#api/core/v1/object-reference.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { CSIDriver } from '#api/storage/v1/csi-driver.ts'
import type { Mountable } from '../volumes/claims.ts'
import type { Access } from './csi-node-service.ts'

export interface CsiSource {
  /** Of the volume, as paths have it. */
  readonly name: string
  readonly driver: string
  readonly handle: string
  /** It comes and goes with the pod. */
  readonly isInline: boolean
  readonly readOnly: boolean
  readonly isBlock: boolean
  readonly fsType: string
  readonly accessModes: readonly string[]
  readonly mountOptions: readonly string[]
  readonly attributes: Readonly<Record<string, string>>
  readonly stageSecret?: SecretName | undefined
  readonly publishSecret?: SecretName | undefined
  readonly expandSecret?: SecretName | undefined
}

export interface SecretName {
  readonly name: string
  readonly namespace: string
}

export function sourceOf(pod: Pod, volume: Mountable): CsiSource {
  const { persistentVolume, csi: inline } = volume
  if (inline) {
    const { name = '' } = inline.nodePublishSecretRef ?? {}
    return {
      name: volume.name,
      driver: inline.driver,
      handle: `csi-${createHash('sha256').update(`${pod.metadata.uid}${volume.name}`).digest('hex')}`,
      isInline: true,
      readOnly: inline.readOnly ?? false,
      isBlock: false,
      fsType: inline.fsType ?? '',
      accessModes: [],
      mountOptions: [],
      attributes: inline.volumeAttributes ?? {},
      ...(name && { publishSecret: { name, namespace: pod.metadata.namespace ?? '' } }),
    }
  }
  const source = persistentVolume?.spec.csi
  if (!source) throw new Error('volume source not found in volume.Spec')
  const secret = (ref: SecretReference | undefined) =>
    ref ? { name: ref.name ?? '', namespace: ref.namespace ?? '' } : undefined
  return {
    name: volume.name,
    driver: source.driver,
    handle: source.volumeHandle,
    isInline: false,
    readOnly: volume.isReadOnly ?? false,
    isBlock: volume.isBlock ?? false,
    fsType: source.fsType ?? '',
    accessModes: persistentVolume.spec.accessModes ?? [],
    mountOptions: persistentVolume.spec.mountOptions ?? [],
    attributes: source.volumeAttributes ?? {},
    stageSecret: secret(source.nodeStageSecretRef),
    publishSecret: secret(source.nodePublishSecretRef),
    expandSecret: secret(source.nodeExpandSecretRef),
  }
}

/** With `group`, the driver itself gives the volume to it. */
export function accessOf({ isBlock, accessModes, fsType, mountOptions }: CsiSource, group?: number): Access {
  const mountGroup = group === undefined ? undefined : String(group)
  return { isBlock, accessMode: accessModes[0] ?? 'ReadWriteOnce', fsType, mountOptions, mountGroup }
}

/** Whether the agent gives the volume to the pod's fsGroup (upstream: `supportsFSGroup`). */
export function takesGroup({ fsType, accessModes, readOnly, isInline }: CsiSource, driver: CSIDriver | undefined): boolean {
  const policy = driver?.spec.fsGroupPolicy ?? 'ReadWriteOnceWithFSType'
  if (policy === 'None' || readOnly) return false
  if (policy === 'File') return true
  return !isInline && fsType !== '' && accessModes.some((mode) => mode === 'ReadWriteOnce' || mode === 'ReadWriteOncePod')
}

/** Throws where the driver is not made for volumes of this kind. */
export function checkLifecycle({ isInline, driver: name }: CsiSource, driver: CSIDriver | undefined): void {
  const mode = isInline ? 'Ephemeral' : 'Persistent'
  const known = driver?.spec.volumeLifecycleModes
  if (known ? known.includes(mode) : !isInline) return
  const why = known ? `only supports [${known.map((one) => JSON.stringify(one)).join(' ')}]` : 'no CSIDriver object'
  throw new Error(`volume mode "${mode}" not supported by driver ${name} (${why})`)
}

/** What a driver that asks for it is told about the pod (KEP-596). */
export function podInfo({ metadata, spec }: Pod, { isInline }: CsiSource): Record<string, string> {
  return {
    'csi.storage.k8s.io/pod.name': metadata.name,
    'csi.storage.k8s.io/pod.namespace': metadata.namespace ?? '',
    'csi.storage.k8s.io/pod.uid': metadata.uid,
    'csi.storage.k8s.io/serviceAccount.name': spec.serviceAccountName ?? '',
    'csi.storage.k8s.io/ephemeral': String(isInline),
  }
}

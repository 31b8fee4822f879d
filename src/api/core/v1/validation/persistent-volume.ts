/** Rules for PersistentVolumes (upstream `ValidatePersistentVolume`, `...Update`, `...StatusUpdate`). */
import type { PersistentVolumeSpec, VolumeParts } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeSource } from '#api/core/v1/persistent-volume-source.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { canonicalQuantity, compareQuantity } from '#schema/quantity.ts'
import { immutableErrors } from '#schema/validate.ts'
import type { ObjectNode } from '#schema/words.ts'
import { validateNodeSelector } from './affinity.ts'
import { among, dnsSubdomain } from './checks.ts'
import { validateFinalizers } from './metadata.ts'
import { basicErrors } from './persistent-volume-claim.ts'
import { sourceErrors } from './persistent-volume-source.ts'
import { structDiff } from './struct-diff.ts'

const modes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']

export function validateVolume({ metadata, spec }: VolumeParts, at: Path): FieldError[] {
  const here = at.child('spec')
  const { accessModes = [], persistentVolumeReclaimPolicy: policy, nodeAffinity, storageClassName, volumeMode } = spec
  const modesAt = here.child('accessModes')
  const areMixed =
    accessModes.includes('ReadWriteOncePod') && accessModes.some((mode) => mode !== 'ReadWriteOncePod' && modes.includes(mode))
  const policyAt = here.child('persistentVolumeReclaimPolicy')
  const affinityAt = here.child('nodeAffinity')
  const isRecycledRoot = spec.hostPath && isRootPath(spec.hostPath.path) && policy === 'Recycle'
  return [
    ...validateFinalizers(metadata, at),
    ...(accessModes.length === 0 ? [modesAt.required()] : []),
    ...accessModes.flatMap((mode) => among(mode, modes, modesAt)),
    ...(areMixed ? [modesAt.forbidden('may not use ReadWriteOncePod with other access modes')] : []),
    ...capacityErrors(spec.capacity, here.child('capacity')),
    ...among(policy, ['Delete', 'Recycle', 'Retain'], policyAt),
    ...(nodeAffinity && !nodeAffinity.required
      ? [affinityAt.child('required').required('must specify required node constraints')]
      : []),
    ...(nodeAffinity?.required ? validateNodeSelector(nodeAffinity.required, affinityAt.child('required')) : []),
    ...sourceErrors(spec, metadata.name, here),
    ...(isRecycledRoot ? [policyAt.forbidden("may not be 'recycle' for a hostPath mount of '/'")] : []),
    ...(storageClassName ? dnsSubdomain(storageClassName, here.child('storageClassName')) : []),
    ...among(volumeMode, ['Block', 'Filesystem'], here.child('volumeMode')),
    ...attributesErrors(spec, here),
  ]
}

/** Whether the path is the root, however it is written. */
function isRootPath(path: string): boolean {
  return path.startsWith('/') && /^[/.]*$/.test(path) && !path.split('/').some((part) => part.length > 2)
}

function capacityErrors(capacity: Readonly<Record<string, string>> = {}, at: Path): FieldError[] {
  const names = Object.keys(capacity)
  const errors = names.length === 0 ? [at.required()] : []
  if (capacity.storage === undefined || names.length > 1)
    errors.push(at.notSupported(names.length === 0 ? null : capacity, ['storage']))
  return [
    ...errors,
    ...names.flatMap((name) => {
      const value = canonicalQuantity(capacity[name]!)
      const isPositive = compareQuantity(value, '0') > 0
      return [
        ...basicErrors(value, at.key(name)),
        ...(isPositive ? [] : [at.key(name).invalid(value, 'must be greater than zero')]),
      ]
    }),
  ]
}

function attributesErrors({ volumeAttributesClassName: name, csi }: PersistentVolumeSpec, at: Path): FieldError[] {
  if (name === undefined) return []
  const here = at.child('volumeAttributesClassName')
  return [
    ...(name === '' ? [here.required('an empty string is disallowed')] : dnsSubdomain(name, here)),
    ...(csi ? [] : [at.child('csi').required('has to be specified when using volumeAttributesClassName')]),
  ]
}

export function validateVolumeUpdate({ spec }: VolumeParts, old: VolumeParts, at: Path): FieldError[] {
  const [now, before] = [sourceOf(spec), sourceOf(old.spec)]
  // Volumes made before there was such a secret may get one.
  if (before.csi && !before.csi.controllerExpandSecretRef) delete now.csi?.controllerExpandSecretRef
  const errors: FieldError[] = []
  if (!semanticEqual(now, before)) {
    const difference = structDiff(PersistentVolumeSource, before, now)
    errors.push(
      at
        .child('spec', 'persistentvolumesource')
        .forbidden(`spec.persistentvolumesource is immutable after creation\n${difference}`),
    )
  }
  errors.push(...immutableErrors(spec.volumeMode, old.spec.volumeMode, at.child('volumeMode')))
  if (old.spec.nodeAffinity) errors.push(...immutableErrors(spec.nodeAffinity, old.spec.nodeAffinity, at.child('nodeAffinity')))
  if (old.spec.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    errors.push(at.child('spec', 'volumeAttributesClassName').forbidden('update from non-nil value to nil is forbidden'))
  }
  return errors
}

function sourceOf(spec: PersistentVolumeSpec): PersistentVolumeSource {
  const names = Object.keys((PersistentVolumeSource as unknown as ObjectNode).fields)
  return structuredClone(Object.fromEntries(Object.entries(spec).filter(([name]) => names.includes(name))))
}

export function validateVolumeStatusUpdate({ metadata }: VolumeParts, _: VolumeParts, at: Path): FieldError[] {
  return metadata.resourceVersion ? [] : [at.child('resourceVersion').required()]
}

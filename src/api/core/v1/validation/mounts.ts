/** Rules for what a container mounts, and for block devices (upstream `ValidateVolumeMounts`, `ValidateVolumeDevices`). */
import type { Container, VolumeMount } from '#api/core/v1/container.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { among, descendingPath, noBacksteps, required } from './checks.ts'
import type { VolumesByName } from './volume.ts'

/** Messages about sub paths and propagation blame the whole list, as upstream's do. */
export function validateVolumeMounts(container: Container, volumes: VolumesByName, at: Path): FieldError[] {
  const devices = new Set(container.volumeDevices?.map((device) => device.name))
  const devicePaths = new Set(container.volumeDevices?.map(({ devicePath }) => devicePath))
  const seen = new Set<string>()
  return (container.volumeMounts ?? []).flatMap((mount, index) => {
    const { name, mountPath, subPath, subPathExpr } = mount
    const here = at.index(index)
    const errors = required(name, here.child('name'))
    if (!volumes.has(name)) errors.push(here.child('name').notFound(name))
    errors.push(...required(mountPath, here.child('mountPath')))
    if (seen.has(mountPath)) errors.push(here.child('mountPath').invalid(mountPath, 'must be unique'))
    seen.add(mountPath)
    if (devices.has(name)) {
      errors.push(here.child('name').invalid(name, 'must not already exist in volumeDevices'))
    }
    if (devicePaths.has(mountPath)) {
      errors.push(here.child('mountPath').invalid(mountPath, 'must not already exist as a path in volumeDevices'))
    }
    if (subPath) errors.push(...descendingPath(subPath, at.child('subPath')))
    if (subPathExpr) {
      const both = 'subPathExpr and subPath are mutually exclusive'
      if (subPath) errors.push(here.child('subPathExpr').invalid(subPathExpr, both))
      errors.push(...descendingPath(subPathExpr, at.child('subPathExpr')))
    }
    return [...errors, ...propagationErrors(mount, container, at), ...recursionErrors(mount, at.child('recursiveReadOnly'))]
  })
}

function propagationErrors({ mountPropagation }: VolumeMount, { securityContext }: Container, at: Path): FieldError[] {
  if (mountPropagation === undefined) return []
  const here = at.child('mountPropagation')
  const errors = among(mountPropagation, ['Bidirectional', 'HostToContainer', 'None'], here)
  if (mountPropagation === 'Bidirectional' && !securityContext?.privileged) {
    errors.push(here.forbidden('Bidirectional mount propagation is available only to privileged containers'))
  }
  return errors
}

function recursionErrors({ recursiveReadOnly, readOnly, mountPropagation }: VolumeMount, at: Path): FieldError[] {
  if (recursiveReadOnly === undefined || recursiveReadOnly === 'Disabled') return []
  if (recursiveReadOnly !== 'Enabled' && recursiveReadOnly !== 'IfPossible') {
    return [at.notSupported(recursiveReadOnly, ['Disabled', 'Enabled', 'IfPossible'])]
  }
  const errors: FieldError[] = []
  if (!readOnly) errors.push(at.forbidden('may only be specified when readOnly is true'))
  if (mountPropagation !== undefined && mountPropagation !== 'None') {
    errors.push(at.forbidden('may only be specified when mountPropagation is None or not specified'))
  }
  return errors
}

export function validateVolumeDevices(container: Container, volumes: VolumesByName, at: Path): FieldError[] {
  const mounts = new Set(container.volumeMounts?.map((mount) => mount.name))
  const mountPaths = new Set(container.volumeMounts?.map(({ mountPath }) => mountPath))
  const names = new Set<string>()
  const paths = new Set<string>()
  return (container.volumeDevices ?? []).flatMap(({ name, devicePath }, index) => {
    const nameAt = at.index(index).child('name')
    const pathAt = at.index(index).child('devicePath')
    const errors = required(name, nameAt)
    const volume = volumes.get(name)
    if (names.has(name)) errors.push(nameAt.invalid(name, 'must be unique'))
    if (!volume) errors.push(nameAt.notFound(name))
    else if (!volume.persistentVolumeClaim && !volume.ephemeral) {
      const types = 'PersistentVolumeClaim or Ephemeral'
      errors.push(nameAt.invalid(name, `can only use volume source type of ${types} for block mode`))
    }
    errors.push(...required(devicePath, pathAt))
    if (paths.has(devicePath)) errors.push(pathAt.invalid(devicePath, 'must be unique'))
    if (noBacksteps(devicePath, pathAt).length > 0) {
      errors.push(pathAt.invalid(devicePath, "can not contain backsteps ('..')"))
    } else {
      paths.add(devicePath)
    }
    if (mounts.has(name)) {
      errors.push(nameAt.invalid(name, 'must not already exist in volumeMounts'))
    }
    if (mountPaths.has(devicePath)) {
      errors.push(pathAt.invalid(devicePath, 'must not already exist as a path in volumeMounts'))
    }
    if (name) names.add(name)
    return errors
  })
}

/** Rules for the files that secret, config map, downward API and projected volumes consist of. */
import type { DownwardAPIVolumeFile, KeyToPath } from '#api/core/v1/volume.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { fileMode, nonReservedPath, required } from './checks.ts'
import { fieldSelectorErrors, resourceSelectorErrors } from './env-source.ts'

export function keyToPathErrors({ key, path, mode }: KeyToPath, at: Path): FieldError[] {
  return [
    ...required(key, at.child('key')),
    ...required(path, at.child('path')),
    ...nonReservedPath(path, at.child('path')),
    ...fileMode(mode, at.child('mode')),
  ]
}

const filePaths = ['metadata.name', 'metadata.namespace', 'metadata.labels', 'metadata.annotations', 'metadata.uid']

export function downwardFileErrors(file: DownwardAPIVolumeFile, at: Path): FieldError[] {
  const { path, fieldRef, resourceFieldRef, mode } = file
  const errors = [...required(path, at.child('path')), ...nonReservedPath(path, at.child('path'))]
  if (fieldRef) {
    errors.push(...fieldSelectorErrors(fieldRef, filePaths, at.child('fieldRef')))
    if (resourceFieldRef) {
      errors.push(at.invalid('resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'))
    }
  } else if (resourceFieldRef) {
    errors.push(...resourceSelectorErrors(resourceFieldRef, at.child('resourceFieldRef'), { isVolume: true }))
  } else {
    errors.push(at.required('one of fieldRef and resourceFieldRef is required'))
  }
  return [...errors, ...fileMode(mode, at.child('mode'))]
}

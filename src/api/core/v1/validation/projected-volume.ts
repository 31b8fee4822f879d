/** Rules for projected volumes, whose sources share one directory (upstream `validateProjectionSources`). */
import type { ProjectedVolumeSource, VolumeProjection } from '#api/core/v1/volume.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { fileMode, nonReservedPath, required } from './checks.ts'
import { downwardFileErrors, keyToPathErrors } from './volume-file.ts'

/** Sources behind closed feature gates (cluster trust bundles, pod certificates) never get here. */
export function projectionErrors({ sources, defaultMode }: ProjectedVolumeSource, at: Path): FieldError[] {
  const paths = new Set<string>()
  return [
    ...fileMode(defaultMode, at.child('defaultMode')),
    ...sources.flatMap((source, index) => sourceErrors(source, { at, here: at.child('sources').index(index), paths })),
  ]
}

interface Place {
  /** The volume, which upstream blames for conflicts. */
  at: Path
  here: Path
  /** Paths that are taken. */
  paths: Set<string>
}

function sourceErrors(source: VolumeProjection, place: Place): FieldError[] {
  const { secret, configMap, downwardAPI, serviceAccountToken } = source
  const errors: FieldError[] = []
  for (const [kind, value] of Object.entries({ secret, configMap })) {
    if (!value) continue
    const here = place.here.child(kind)
    errors.push(...required(value.name, here.child('name')))
    for (const [index, item] of (value.items ?? []).entries()) {
      errors.push(...keyToPathErrors(item, here.child('items').index(index)))
      errors.push(...claim(item.path, value.name ?? '', place))
    }
  }
  for (const file of downwardAPI?.items ?? []) {
    errors.push(...downwardFileErrors(file, place.here.child('downwardAPI')), ...claim(file.path, file.path, place))
  }
  if (serviceAccountToken) errors.push(...tokenErrors(serviceAccountToken, place))
  const count = Object.values(source).filter((value) => value !== undefined).length
  if (count > 1) errors.push(place.here.forbidden('may not specify more than 1 volume type per source'))
  return errors
}

function claim(path: string, shown: string, { at, paths }: Place): FieldError[] {
  if (!path) return []
  if (paths.has(path)) return [at.invalid(shown, 'conflicting duplicate paths')]
  paths.add(path)
  return []
}

function tokenErrors(token: NonNullable<VolumeProjection['serviceAccountToken']>, { at, here }: Place): FieldError[] {
  const { expirationSeconds, path } = token
  const seconds = here.child('serviceAccountToken', 'expirationSeconds')
  return [
    ...(expirationSeconds < 600 ? [seconds.invalid(expirationSeconds, 'may not specify a duration less than 10 minutes')] : []),
    ...(expirationSeconds > 2 ** 32
      ? [seconds.invalid(expirationSeconds, 'may not specify a duration larger than 2^32 seconds')]
      : []),
    ...(path ? nonReservedPath(path, at.child('path')) : [at.child('path').required()]),
  ]
}

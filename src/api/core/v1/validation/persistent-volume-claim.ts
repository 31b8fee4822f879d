/** Rules for PersistentVolumeClaims (upstream `ValidatePersistentVolumeClaim`, `...Update`, `...StatusUpdate`). */
import type { ClaimParts } from '#api/core/v1/persistent-volume-claim.ts'
import { classAnnotation } from '#api/core/v1/persistent-volume-columns.ts'
import { isNativeResource } from '#api/core/v1/pod-resources.ts'
import { PersistentVolumeClaimSpec } from '#api/core/v1/volume.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isQualifiedName } from '#schema/formats.ts'
import { canonicalQuantity, compareQuantity, quantityValue } from '#schema/quantity.ts'
import { immutableErrors } from '#schema/validate.ts'
import { formatted } from './checks.ts'
import { claimSpecErrors } from './claim-template.ts'
import { validateFinalizers } from './metadata.ts'
import { structDiff } from './struct-diff.ts'

export function validateClaim({ metadata, spec }: ClaimParts, at: Path): FieldError[] {
  return [...validateFinalizers(metadata, at), ...claimSpecErrors(spec, at.child('spec'))]
}

const mayChange = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'

export function validateClaimUpdate(claim: ClaimParts, old: ClaimParts, at: Path): FieldError[] {
  const { spec, status } = claim
  const here = at.child('spec')
  const now = structuredClone(spec)
  const before = structuredClone(old.spec)
  const errors: FieldError[] = []
  if (!before.volumeName) setBack(before, now, 'volumeName')
  errors.push(...classErrors(claim, old, { now, before, at }))
  if (status.phase === 'Bound') {
    const size = old.spec.resources.requests?.storage
    if (now.resources.requests && size !== undefined) now.resources.requests.storage = size
    setBack(now, before, 'volumeAttributesClassName')
  }
  if (!semanticEqual(now, before)) {
    errors.push(here.forbidden(`${mayChange}\n${structDiff(PersistentVolumeClaimSpec, before, now)}`))
  }
  const sizes = {
    size: spec.resources.requests?.storage,
    was: old.spec.resources.requests?.storage,
    has: old.status.capacity?.storage,
  }
  return [
    ...errors,
    ...shrinkErrors(sizes, here.child('resources', 'requests', 'storage')),
    ...immutableErrors(spec.volumeMode, old.spec.volumeMode, at.child('volumeMode')),
    ...attributesErrors(claim, old, here.child('volumeAttributesClassName')),
  ]
}

interface Comparison {
  now: PersistentVolumeClaimSpec
  before: PersistentVolumeClaimSpec
  at: Path
}

/** A class may be named once, where there was none, or in the field instead of the annotation. */
function classErrors(claim: ClaimParts, old: ClaimParts, { now, before, at }: Comparison): FieldError[] {
  const annotation = claim.metadata.annotations?.[classAnnotation]
  const oldAnnotation = old.metadata.annotations?.[classAnnotation]
  const { storageClassName } = claim.spec
  const isNamed = old.spec.storageClassName === undefined && storageClassName !== undefined
  const moves = oldAnnotation !== undefined && isNamed && storageClassName === oldAnnotation
  if (moves && (annotation === undefined || annotation === oldAnnotation)) {
    delete now.storageClassName
    return []
  }
  if (isNamed && (oldAnnotation === undefined || storageClassName === oldAnnotation)) setBack(now, before, 'storageClassName')
  if ((annotation ?? '') === (oldAnnotation ?? '')) return []
  return [
    at
      .child('metadata', 'annotations')
      .key(classAnnotation)
      .invalid(annotation ?? '', 'field is immutable'),
  ]
}

interface Sizes {
  size: string | undefined
  was: string | undefined
  has: string | undefined
}

/** KEP-1790: a resize that failed may be taken back, but not to what the volume has already. */
function shrinkErrors({ size = '0', was = '0', has = '0' }: Sizes, at: Path): FieldError[] {
  const isSmaller = compareQuantity(size, was) < 0
  return isSmaller && compareQuantity(size, has) <= 0 ? [at.forbidden('field can not be less than status.capacity')] : []
}

function attributesErrors({ spec }: ClaimParts, old: ClaimParts, at: Path): FieldError[] {
  const { volumeAttributesClassName: name } = spec
  if (name === old.spec.volumeAttributesClassName || old.status.currentVolumeAttributesClassName === undefined) return []
  const when = 'is forbidden when status.currentVolumeAttributesClassName is not nil'
  if (name === undefined) return [at.forbidden(`update to nil ${when}`)]
  return name === '' ? [at.forbidden(`update to empty string ${when}`)] : []
}

function setBack<T extends object>(object: T, old: T, field: keyof T): void {
  if (old[field] === undefined) delete object[field]
  else object[field] = old[field]
}

const resizeStatuses = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
]

export function validateClaimStatusUpdate({ metadata, spec, status }: ClaimParts, _: ClaimParts, at: Path): FieldError[] {
  const here = at.child('status')
  const { capacity = {}, allocatedResourceStatuses = {}, allocatedResources = {} } = status
  const statusesAt = here.child('allocatedResourceStatuses')
  return [
    ...(metadata.resourceVersion ? [] : [at.child('resourceVersion').required()]),
    ...(spec.accessModes?.length ? [] : [at.child('Spec', 'accessModes').required()]),
    ...Object.entries(capacity).flatMap(([name, value]) => basicErrors(value, here.child('capacity').key(name))),
    ...Object.entries(allocatedResourceStatuses).flatMap(([name, value]) => [
      ...resourceErrors(name, statusesAt),
      ...(resizeStatuses.includes(value) ? [] : [statusesAt.notSupported(name, resizeStatuses)]),
    ]),
    ...Object.entries(allocatedResources).flatMap(([name, value]) => {
      const errors = resourceErrors(name, here.child('allocatedResources'))
      return errors.length > 0 ? errors : basicErrors(value, here.child('allocatedResources').key(name))
    }),
  ]
}

/** Upstream's `validateBasicResource`. */
export function basicErrors(value: string, at: Path): FieldError[] {
  const isNegative = compareQuantity(canonicalQuantity(value), '0') < 0
  return isNegative ? [at.invalid(quantityValue(value), 'must be a valid resource quantity')] : []
}

function resourceErrors(name: string, at: Path): FieldError[] {
  const errors = formatted(isQualifiedName, name, at)
  if (errors.length > 0) return errors
  return isNativeResource(name) && name !== 'storage' ? [at.notSupported(name, ['storage'])] : []
}

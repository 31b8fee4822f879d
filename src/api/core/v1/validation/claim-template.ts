/** Rules for the claim that an ephemeral volume makes (upstream `ValidatePersistentVolumeClaimTemplate`). */
import type { PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate } from '#api/core/v1/volume.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Label, isDns1123Subdomain } from '#schema/formats.ts'
import { compareQuantity, milliValue } from '#schema/quantity.ts'
import { validateAnnotations, validateLabelSelector, validateLabels } from '#schema/validate.ts'
import { among, dnsSubdomain, formatted, required } from './checks.ts'

export function claimTemplateErrors({ metadata, spec }: PersistentVolumeClaimTemplate, at: Path): FieldError[] {
  const { labels, annotations, ...rest } = metadata
  const here = at.child('metadata')
  const others = Object.keys(rest).filter((name) => (rest as Record<string, unknown>)[name] !== undefined)
  return [
    ...validateAnnotations(annotations, here.child('annotations')),
    ...validateLabels(labels, here.child('labels')),
    ...others.map((name) => here.child(name).forbidden('cannot be set')),
    ...claimSpecErrors(spec, at.child('spec')),
  ]
}

const modes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']

export function claimSpecErrors(spec: PersistentVolumeClaimSpec, at: Path): FieldError[] {
  const { accessModes = [], storageClassName, volumeMode, volumeAttributesClassName } = spec
  const here = at.child('accessModes')
  const areMixed =
    accessModes.includes('ReadWriteOncePod') && accessModes.some((mode) => mode !== 'ReadWriteOncePod' && modes.includes(mode))
  return [
    ...(accessModes.length === 0 ? [here.required('at least 1 access mode is required')] : []),
    ...validateLabelSelector(spec.selector, at.child('selector')),
    ...accessModes.flatMap((mode) => among(mode, modes, here)),
    ...(areMixed ? [here.forbidden('may not use ReadWriteOncePod with other access modes')] : []),
    ...storageErrors(spec.resources.requests?.storage, at.child('resources').key('storage')),
    ...(storageClassName ? dnsSubdomain(storageClassName, at.child('storageClassName')) : []),
    ...among(volumeMode, ['Block', 'Filesystem'], at.child('volumeMode')),
    ...dataSourceErrors(spec, at),
    ...(volumeAttributesClassName ? dnsSubdomain(volumeAttributesClassName, at.child('volumeAttributesClassName')) : []),
  ]
}

function storageErrors(value: string | undefined, at: Path): FieldError[] {
  if (value === undefined) return [at.required()]
  if (compareQuantity(value, '0') <= 0) return [at.invalid(value, 'must be greater than zero')]
  return milliValue(value) % 1000 === 0 ? [] : [at.invalid(value, 'must be an integer')]
}

function dataSourceErrors({ dataSource, dataSourceRef }: PersistentVolumeClaimSpec, at: Path): FieldError[] {
  const errors: FieldError[] = []
  if (dataSource) errors.push(...referenceErrors(dataSource, at.child('dataSource')))
  if (dataSourceRef) {
    const here = at.child('dataSourceRef')
    errors.push(...referenceErrors(dataSourceRef, here))
    if (dataSourceRef.namespace) errors.push(...formatted(isDns1123Label, dataSourceRef.namespace, here.child('namespace')))
  }
  if (!dataSource || !dataSourceRef) return errors
  // Upstream shows the path where the value should be; a Path prints as an empty struct there.
  if (dataSourceRef.namespace) errors.push(at.invalid({}, 'may not be specified when dataSourceRef.namespace is specified'))
  else if (['apiGroup', 'kind', 'name'].some((key) => dataSource[key as 'kind'] !== dataSourceRef[key as 'kind'])) {
    errors.push(at.invalid({}, 'must match dataSourceRef'))
  }
  return errors
}

interface Reference {
  apiGroup?: string | undefined
  kind: string
  name: string
}

function referenceErrors({ apiGroup, kind, name }: Reference, at: Path): FieldError[] {
  const message = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
  return [
    ...required(name, at.child('name')),
    ...required(kind, at.child('kind')),
    ...(!apiGroup && kind !== 'PersistentVolumeClaim' ? [at.invalid(kind, message)] : []),
    ...(apiGroup ? formatted(isDns1123Subdomain, apiGroup, at.child('apiGroup')) : []),
  ]
}

/** Rules for ObjectMeta (`pkg/api/validation/objectmeta.go`). */
import { semanticEqual } from './equal.ts'
import type { FieldError, Path } from './field-error.ts'
import {
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isPathSegmentName,
  isPathSegmentPrefix,
  isQualifiedName,
} from './formats.ts'
import type { Definition, Kind } from './kind.ts'
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from './object-meta.ts'
import { validateAnnotations, validateLabels } from './validate-labels.ts'

type NameFormat = NonNullable<Definition['nameFormat']>

/** What is wrong with a name; of a prefix, with the names that it would begin. */
export function nameErrors(format: NameFormat, name: string, isPrefix = false): string[] {
  switch (format) {
    case 'any':
      return []
    case 'pathSegment':
      return isPrefix ? isPathSegmentPrefix(name) : isPathSegmentName(name)
    case 'dnsLabel':
      return isDns1123Label(isPrefix ? maskTrailingDash(name) : name)
    case 'dns1035Label':
      return isDns1035Label(isPrefix ? maskTrailingDash(name) : name)
    case 'dnsSubdomain':
      return isDns1123Subdomain(isPrefix ? maskTrailingDash(name) : name)
  }
}

/** A trailing dash is fine where something follows. Upstream drops the character before it as well. */
function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name
}

export function validateMetadata(kind: Kind, metadata: ObjectMeta, at: Path): FieldError[] {
  return [...nameFieldErrors(kind, metadata, at), ...namespaceErrors(kind, metadata, at), ...commonErrors(metadata, at)]
}

function nameFieldErrors({ def }: Kind, metadata: ObjectMeta, at: Path): FieldError[] {
  const errors: FieldError[] = []
  const format = def.nameFormat ?? 'dnsSubdomain'
  const { name, generateName } = metadata
  if (generateName) {
    const problems = nameErrors(format, generateName, true)
    errors.push(...problems.map((problem) => at.child('generateName').invalid(generateName, problem)))
  }
  if (!name) errors.push(at.child('name').required('name or generateName is required'))
  else errors.push(...nameErrors(format, name).map((problem) => at.child('name').invalid(name, problem)))
  return errors
}

function namespaceErrors(kind: Kind, { namespace }: ObjectMeta, at: Path): FieldError[] {
  const here = at.child('namespace')
  if (!kind.namespaced) return namespace ? [here.forbidden('not allowed on this type')] : []
  if (!namespace) return [here.required()]
  return isDns1123Label(namespace).map((problem) => here.invalid(namespace, problem))
}

function commonErrors(metadata: ObjectMeta, at: Path): FieldError[] {
  const { generation = 0, labels, annotations, ownerReferences, finalizers, managedFields } = metadata
  return [
    ...(generation < 0 ? [at.child('generation').invalid(generation, 'must be greater than or equal to 0')] : []),
    ...validateLabels(labels, at.child('labels')),
    ...validateAnnotations(annotations, at.child('annotations')),
    ...validateOwnerReferences(ownerReferences, at.child('ownerReferences')),
    ...finalizerErrors(finalizers ?? [], at.child('finalizers')),
    ...managedFieldsErrors(managedFields ?? [], at.child('managedFields')),
  ]
}

/**
 * Rules for a change of metadata. The demand for a resource version is the registry's: by the time of validation it has
 * filled in the one that it read.
 */
export function validateMetadataUpdate(metadata: ObjectMeta, old: ObjectMeta, at: Path): FieldError[] {
  const { generation = 0, labels, annotations, ownerReferences, managedFields } = metadata
  const errors: FieldError[] = []
  if (old.deletionTimestamp) errors.push(...newFinalizerErrors(metadata, old, at.child('finalizers')))
  if (generation < (old.generation ?? 0)) errors.push(at.child('generation').invalid(generation, 'must not be decremented'))
  for (const name of fixedFields) {
    if (!semanticEqual(metadata[name], old[name])) errors.push(at.child(name).invalid(metadata[name], 'field is immutable'))
  }
  return [
    ...errors,
    ...validateLabels(labels, at.child('labels')),
    ...validateAnnotations(annotations, at.child('annotations')),
    ...validateOwnerReferences(ownerReferences, at.child('ownerReferences')),
    ...managedFieldsErrors(managedFields ?? [], at.child('managedFields')),
  ]
}

const fixedFields = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const

function newFinalizerErrors(metadata: ObjectMeta, old: ObjectMeta, at: Path): FieldError[] {
  const before = new Set(old.finalizers ?? [])
  const added = [...new Set(metadata.finalizers ?? [])].filter((name) => !before.has(name)).sort()
  if (added.length === 0) return []
  const shown = `[]string{${added.map((name) => JSON.stringify(name)).join(', ')}}`
  const text = `no new finalizers can be added if the object is being deleted, found new finalizers ${shown}`
  return [at.forbidden(text)]
}

export function validateOwnerReferences(references: readonly OwnerReference[] | undefined, at: Path): FieldError[] {
  const errors: FieldError[] = []
  let controller = ''
  for (const reference of references ?? []) {
    errors.push(...ownerErrors(reference, at))
    if (!reference.controller) continue
    const name = `${reference.kind}/${reference.name}`
    if (controller === '') controller = name
    else {
      const text = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`
      errors.push(at.invalid(references, text))
    }
  }
  return errors
}

function ownerErrors(reference: OwnerReference, at: Path): FieldError[] {
  const errors: FieldError[] = []
  // More than one slash leaves upstream without a version.
  const parts = reference.apiVersion.split('/')
  const version = parts.length > 2 ? '' : (parts.at(-1) ?? '')
  if (version === '') errors.push(at.child('apiVersion').invalid(reference.apiVersion, 'version must not be empty'))
  for (const name of ['kind', 'name', 'uid'] as const) {
    if (reference[name] === '') errors.push(at.child(name).invalid(reference[name], 'must not be empty'))
  }
  if (reference.apiVersion === 'v1' && reference.kind === 'Event') {
    errors.push(at.invalid(reference, '/v1, Kind=Event is disallowed from being an owner'))
  }
  return errors
}

export function validateFinalizerName(name: string, at: Path): FieldError[] {
  return isQualifiedName(name).map((problem) => at.invalid(name, problem))
}

function finalizerErrors(finalizers: readonly string[], at: Path): FieldError[] {
  const errors = finalizers.flatMap((name) => validateFinalizerName(name, at))
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(at.invalid(finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'))
  }
  return errors
}

const maxFieldManager = 128
const maxSubresource = 256

export function validateFieldManager(manager: string, at: Path): FieldError[] {
  const errors = Buffer.byteLength(manager) > maxFieldManager ? [at.tooLong(maxFieldManager)] : []
  let position = 0
  for (const character of manager) {
    if (!isPrintable(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
      errors.push(at.invalid(manager, `invalid character U+${code} (at position ${position})`))
    }
    position += Buffer.byteLength(character)
  }
  return errors
}

/** Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols, and the plain space. */
function isPrintable(character: string): boolean {
  return character === ' ' || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character)
}

function managedFieldsErrors(entries: readonly ManagedFieldsEntry[], at: Path): FieldError[] {
  return entries.flatMap((entry, i) => {
    const here = at.index(i)
    const { operation = '', fieldsType, manager = '', subresource = '' } = entry
    return [
      ...(['Apply', 'Update'].includes(operation)
        ? []
        : [here.child('operation').invalid(operation, 'must be `Apply` or `Update`')]),
      ...(!fieldsType || fieldsType === 'FieldsV1' ? [] : [here.child('fieldsType').invalid(fieldsType, 'must be `FieldsV1`')]),
      ...validateFieldManager(manager, here.child('manager')),
      ...(Buffer.byteLength(subresource) > maxSubresource ? [here.child('subresource').tooLong(maxSubresource)] : []),
    ]
  })
}

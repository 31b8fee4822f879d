/**
 * Whether an object may be stored: metadata, the schema's constraints, and the kind's own rules. Errors are collected,
 * never thrown, in the order of the fields.
 */
import { semanticEqual } from './equal.ts'
import { type FieldError, type Path, root } from './field-error.ts'
import type { CustomKind, Kind, KubeObject, Subresource } from './kind.ts'
import { constraintErrors } from './validate-constraints.ts'
import { customResourceErrors } from './validate-custom.ts'
import { validateMetadata, validateMetadataUpdate } from './validate-metadata.ts'

export {
  type LabelSelectorLike,
  validateAnnotations,
  validateConditions,
  validateLabelName,
  validateLabelSelector,
  validateLabels,
} from './validate-labels.ts'
export { nameErrors, validateFieldManager, validateFinalizerName, validateOwnerReferences } from './validate-metadata.ts'

type Findings = readonly (FieldError | false | undefined | '')[]

/** Rules for a new object; its name must have been generated already. */
export function validateObject(kind: Kind, object: KubeObject): FieldError[] {
  const at = root.child('metadata')
  const { custom } = kind.def
  if (custom) return [...validateMetadata(kind, object.metadata, at), ...customResourceErrors(object, custom)]
  // As Go has it: the kinds' rules read a name without asking whether there is one, and without one nothing is stored.
  object.metadata.name ??= ''
  return [
    ...validateMetadata(kind, object.metadata, at),
    ...contentErrors(kind, object),
    ...found(kind.def.validateCreate?.(object, root)),
  ]
}

/** Rules for a changed object: those for a new one, and what may not change. */
export function validateUpdate(kind: Kind, object: KubeObject, old: KubeObject): FieldError[] {
  const { def } = kind
  if (def.custom) return customUpdateErrors(def.custom, object, { old })
  return [
    ...validateMetadataUpdate(object.metadata, old.metadata, root.child('metadata')),
    ...contentErrors(kind, object),
    ...(def.immutable ?? []).flatMap((path) => immutableErrors(valueAt(object, path), valueAt(old, path), root.child(path))),
    ...found(def.validateUpdate?.(object, old, root)),
  ]
}

/** Rules for a write to the status subresource; spec and metadata are those of the stored object already. */
export function validateStatusUpdate(kind: Kind, object: KubeObject, old: KubeObject): FieldError[] {
  const { def } = kind
  if (def.custom) return customUpdateErrors(def.custom, object, { old, isStatus: true })
  return [
    ...validateMetadataUpdate(object.metadata, old.metadata, root.child('metadata')),
    ...found(def.validateStatusUpdate?.(object, old, root)),
  ]
}

/** Rules for a write to a subresource that has its own. */
export function validateSubresourceUpdate(subresource: Subresource, object: KubeObject, old: KubeObject): FieldError[] {
  return [
    ...validateMetadataUpdate(object.metadata, old.metadata, root.child('metadata')),
    ...found(subresource.validateUpdate?.(object, old, root)),
  ]
}

/** `field is immutable`, unless both are semantically the same. */
export function immutableErrors(value: unknown, old: unknown, at: Path): FieldError[] {
  return semanticEqual(value, old) ? [] : [at.invalid(value, 'field is immutable')]
}

function contentErrors(kind: Kind, object: KubeObject): FieldError[] {
  // What upstream checks in a status it checks by hand.
  const skipped = kind.def.status ? withoutStatus : withoutMetadata
  return [...constraintErrors(kind.schema, object, root, skipped), ...found(kind.def.validate?.(object, root))]
}

const withoutMetadata: ReadonlySet<string> = new Set(['metadata'])
const withoutStatus: ReadonlySet<string> = new Set(['metadata', 'status'])

function customUpdateErrors(
  custom: CustomKind,
  object: KubeObject,
  { old, isStatus = false }: { old: KubeObject; isStatus?: boolean },
): FieldError[] {
  return [
    ...validateMetadataUpdate(object.metadata, old.metadata, root.child('metadata')),
    ...customResourceErrors(object, { ...custom, old, isStatus }),
  ]
}

function found(findings: Findings | undefined): FieldError[] {
  return (findings ?? []).filter((finding) => typeof finding === 'object')
}

function valueAt(object: unknown, path: string): unknown {
  let value = object
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

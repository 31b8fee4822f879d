/** Fields of a custom resource that field selectors may name (KEP-4358). */
import type { FieldError, Path } from '#schema/field-error.ts'
import { parsePath } from '#schema/json-path-check.ts'
import type { JsonSchema } from '#schema/json-schema.ts'
import type { SelectableField } from '../custom-resource-definition-spec.ts'
import { type Leniency, maxSelectableFields } from './leniency.ts'

export interface SelectablePlace {
  readonly at: Path
  readonly schema: JsonSchema | undefined
  readonly isShared: boolean
  readonly leniency: Leniency
}

export function selectableFieldErrors(
  fields: readonly SelectableField[],
  { at, schema, isShared, leniency }: SelectablePlace,
): FieldError[] {
  if (fields.length === 0) return []
  if (!schema) {
    const included = 'may only be set when validations.schema is included'
    const perVersion = 'may only be set when `version.schema.openAPIV3Schema` is not included'
    return [at.invalid('', isShared ? included : perVersion)]
  }
  const seen = new Set<string>()
  const errors = fields.flatMap(({ jsonPath }, i) => fieldErrors(jsonPath, { at: at.index(i).child('jsonPath'), schema, seen }))
  if (seen.size <= maxSelectableFields || leniency.manyFields.size > 0) return errors
  return [...errors, at.tooMany(seen.size, maxSelectableFields)]
}

function fieldErrors(jsonPath: string, { at, schema, seen }: { at: Path; schema: JsonSchema; seen: Set<string> }): FieldError[] {
  if (jsonPath === '') return [at.required()]
  const found = parsePath(jsonPath, schema, false)
  if (typeof found === 'string') return [at.invalid(jsonPath, `is an invalid path: ${found}`)]
  const errors: FieldError[] = []
  if (found.first === 'metadata') errors.push(at.invalid(jsonPath, 'must not point to fields in metadata'))
  if (!['string', 'boolean', 'integer'].includes(found.schema?.type ?? '')) {
    const allowed = 'Enum string fields and strings with formats are allowed.'
    errors.push(at.invalid(jsonPath, `must point to a field of type string, boolean or integer. ${allowed}`))
  }
  if (seen.has(found.path)) errors.push(at.duplicate(jsonPath))
  seen.add(found.path)
  return errors
}

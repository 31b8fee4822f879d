/** What an update may keep although a new definition could not have it: rules that came later do not break what is stored. */
import { semanticEqual } from '#schema/equal.ts'
import { root } from '#schema/field-error.ts'
import { type JsonSchema, someSchema } from '#schema/json-schema.ts'
import type { SelectableField } from '../custom-resource-definition-spec.ts'
import { type DefinitionParts, isTrue } from '../custom-resource-definition-status.ts'
import { hasNonAtomicSet, hasOddMapKeys } from './list-types.ts'
import { structuralErrors } from './structural.ts'
import { caBundleProblem } from './webhook-client.ts'

export interface Leniency {
  readonly allowsNoSchema: boolean
  readonly allowsOddTypes: boolean
  readonly allowsNonStructural: boolean
  readonly allowsUnprunedDefaults: boolean
  readonly allowsNonAtomicSets: boolean
  readonly allowsOddMapKeys: boolean
  readonly allowsUnknownReviewVersions: boolean
  readonly allowsBadCaBundle: boolean
  /** Versions whose schema did not change: what their rules cost was accepted before. '' stands for all of them. */
  readonly unchangedVersions: ReadonlySet<string>
  /** Selectable fields that were too many before. */
  readonly manyFields: ReadonlySet<string>
}

const nobody: ReadonlySet<string> = new Set()

/** For new definitions, whose bundle may follow until they are established. */
export const strict: Leniency = {
  allowsNoSchema: false,
  allowsOddTypes: false,
  allowsNonStructural: false,
  allowsUnprunedDefaults: false,
  allowsNonAtomicSets: false,
  allowsOddMapKeys: false,
  allowsUnknownReviewVersions: false,
  allowsBadCaBundle: true,
  unchangedVersions: nobody,
  manyFields: nobody,
}

/** Upstream's `MaxSelectableFields`. */
export const maxSelectableFields = 8

export const openApiTypes = ['array', 'boolean', 'integer', 'number', 'object', 'string']

export function leniencyFor({ spec }: DefinitionParts, old: DefinitionParts): Leniency {
  const former = new Map(old.spec.versions.map((version) => [version.name, version]))
  const schemas = old.spec.versions.flatMap(({ schema }) => schema?.openAPIV3Schema ?? [])
  const established = isTrue(old, 'Established')
  const { webhook } = old.spec.conversion ?? {}
  const reviews = webhook?.conversionReviewVersions ?? []
  const caBundle = webhook?.clientConfig?.caBundle
  const unchanged = spec.versions.filter(
    ({ name, schema }) => former.has(name) && semanticEqual(schema, former.get(name)?.schema),
  )
  const same = unchanged.map(({ name }) => name)
  return {
    allowsNoSchema: schemas.length < old.spec.versions.length,
    allowsOddTypes: schemas.some((schema) =>
      someSchema(schema, ({ type }) => Boolean(type) && !openApiTypes.includes(type as string)),
    ),
    allowsNonStructural: schemas.some((schema: JsonSchema) => structuralErrors(schema, root).length > 0),
    allowsUnprunedDefaults: false,
    allowsNonAtomicSets: schemas.some((schema) => someSchema(schema, hasNonAtomicSet)),
    allowsOddMapKeys: schemas.some((schema) => someSchema(schema, hasOddMapKeys)),
    allowsUnknownReviewVersions: reviews.length > 0 && !reviews.some((version) => version === 'v1' || version === 'v1beta1'),
    allowsBadCaBundle: !established || (caBundle !== undefined && caBundleProblem(caBundle) !== undefined),
    unchangedVersions: new Set(same.length === spec.versions.length ? [...same, ''] : same),
    manyFields: new Set(
      spec.versions
        .filter(({ name, selectableFields }) => hadMany(former.get(name)?.selectableFields, selectableFields))
        .map(({ name }) => name),
    ),
  }
}

function hadMany(old: readonly SelectableField[] | undefined, fields: readonly SelectableField[] | undefined): boolean {
  return (old?.length ?? 0) > maxSelectableFields && semanticEqual(old, fields)
}

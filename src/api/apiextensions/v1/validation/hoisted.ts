/**
 * A definition as upstream validates it: what all versions have in common stands at the spec itself, and errors name that place
 * (`spec.validation.openAPIV3Schema`), as in the API's old versions.
 */
import { semanticEqual } from '#schema/equal.ts'
import type { Path } from '#schema/field-error.ts'
import type { JsonSchema } from '#schema/json-schema.ts'
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  SelectableField,
} from '../custom-resource-definition-spec.ts'

/** One version, or what all versions share; parts that stand elsewhere are absent. */
export interface Hoisted {
  readonly at: Path
  /** '' for what is shared. */
  readonly version: string
  readonly schema?: { readonly at: Path; readonly json: JsonSchema; readonly hasStatus: boolean }
  readonly subresources?: CustomResourceSubresources
  readonly columns: readonly CustomResourceColumnDefinition[]
  readonly selectableFields: readonly SelectableField[]
  /** What the paths of selectable fields are checked with, and where its absence is told. */
  readonly selectableSchema?: JsonSchema
}

export function hoisted(
  { versions }: CustomResourceDefinitionSpec,
  at: Path,
): { readonly versions: readonly Hoisted[]; readonly shared: Hoisted } {
  const sharesSchema = isShared(versions, ({ schema }) => schema)
  const sharesSubresources = isShared(versions, ({ subresources }) => subresources)
  const sharesColumns = isShared(versions, ({ additionalPrinterColumns }) => additionalPrinterColumns)
  const sharesSelectable = isShared(versions, ({ selectableFields }) => selectableFields)
  const part = (version: CustomResourceDefinitionVersion, place: Place): Hoisted => {
    const json = version.schema?.openAPIV3Schema
    const { subresources, additionalPrinterColumns = [], selectableFields = [] } = version
    const hasSchema = json && place.isShared === sharesSchema
    return {
      at: place.at,
      version: place.isShared ? '' : version.name,
      ...(hasSchema && { schema: { at: place.schema, json, hasStatus: place.hasStatus } }),
      ...(subresources && place.isShared === sharesSubresources && { subresources }),
      columns: place.isShared === sharesColumns ? additionalPrinterColumns : [],
      selectableFields: place.isShared === sharesSelectable ? selectableFields : [],
      ...(hasSchema && { selectableSchema: json }),
    }
  }
  const first = versions[0]
  const anyStatus = versions.some(({ subresources }) => subresources?.status)
  const shared = { at, schema: at.child('validation'), isShared: true, hasStatus: anyStatus }
  return {
    versions: versions.map((version, i) => {
      const here = at.child('versions').index(i)
      return part(version, {
        at: here,
        schema: here.child('schema'),
        isShared: false,
        hasStatus: Boolean(version.subresources?.status),
      })
    }),
    shared: first ? part(first, shared) : { at, version: '', columns: [], selectableFields: [] },
  }
}

interface Place {
  readonly at: Path
  readonly schema: Path
  readonly isShared: boolean
  readonly hasStatus: boolean
}

function isShared<T>(
  versions: readonly CustomResourceDefinitionVersion[],
  of: (version: CustomResourceDefinitionVersion) => T,
): boolean {
  const [first, ...rest] = versions
  return first !== undefined && rest.every((version) => semanticEqual(of(version), of(first)))
}

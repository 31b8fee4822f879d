/** Whether a custom resource definition may be stored (apiextensions' `validation/validation.go`). */
import { semanticEqual } from '#schema/equal.ts'
import { type FieldError, type Path, root } from '#schema/field-error.ts'
import { isDns1035Label, isDns1123Subdomain } from '#schema/formats.ts'
import { immutableErrors } from '#schema/validate.ts'
import type { CustomResourceDefinitionSpec } from '../custom-resource-definition-spec.ts'
import { type CustomResourceDefinitionStatus, type DefinitionParts, isTrue } from '../custom-resource-definition-status.ts'
import { approvalErrors } from './approval.ts'
import { columnErrors } from './columns.ts'
import { conversionErrors } from './conversion.ts'
import { type Hoisted, hoisted } from './hoisted.ts'
import { type Leniency, leniencyFor, strict } from './leniency.ts'
import { nameListErrors, requiredNames } from './names.ts'
import { schemaErrors } from './schema.ts'
import { selectableFieldErrors } from './selectable-fields.ts'
import { subresourceErrors } from './subresources.ts'

const spec = root.child('spec')

export function validateCustomResourceDefinition(definition: DefinitionParts): FieldError[] {
  const { metadata } = definition
  const wanted = `${definition.spec.names.plural}.${definition.spec.group}`
  const name = root.child('metadata', 'name')
  const misnamed = metadata.name !== wanted && [name.invalid(metadata.name, 'must be spec.names.plural+"."+spec.group')]
  return [
    ...(misnamed || []),
    ...contentErrors(definition, strict),
    ...approvalErrors(definition, undefined),
    ...preserveErrors(definition.spec),
  ]
}

export function validateCustomResourceDefinitionUpdate(definition: DefinitionParts, old: DefinitionParts): FieldError[] {
  const established = isTrue(old, 'Established')
  const { names, scope, group } = definition.spec
  const fixed = [
    ...immutableErrors(scope, old.spec.scope, spec.child('scope')),
    ...immutableErrors(names.kind, old.spec.names.kind, spec.child('names', 'kind')),
  ]
  return [
    ...specErrors(definition.spec, leniencyFor(definition, old)),
    ...(established ? fixed : []),
    ...immutableErrors(group, old.spec.group, spec.child('group')),
    ...immutableErrors(names.plural, old.spec.names.plural, spec.child('names', 'plural')),
    ...validateCustomResourceDefinitionStatus(definition.status),
    ...storedVersionErrors(definition),
    ...approvalErrors(definition, old),
    ...(old.spec.preserveUnknownFields ? [] : preserveErrors(definition.spec)),
  ]
}

export function validateCustomResourceDefinitionStatus({ acceptedNames }: CustomResourceDefinitionStatus): FieldError[] {
  return nameListErrors(acceptedNames, root.child('status', 'acceptedNames'))
}

function contentErrors(definition: DefinitionParts, leniency: Leniency): FieldError[] {
  return [
    ...specErrors(definition.spec, leniency),
    ...validateCustomResourceDefinitionStatus(definition.status),
    ...storedVersionErrors(definition),
  ]
}

function specErrors(definition: CustomResourceDefinitionSpec, leniency: Leniency): FieldError[] {
  const { names, conversion } = definition
  const { versions, shared } = hoisted(definition, spec)
  return [
    ...groupErrors(definition.group),
    ...scopeErrors(definition.scope),
    ...missingSchemas(definition, leniency),
    ...versions.flatMap((version, i) => versionErrors(definition, { version, i, leniency })),
    ...versionListErrors(definition),
    ...requiredNames(names, spec.child('names')),
    ...nameListErrors(names, spec.child('names')),
    ...partErrors(shared, leniency),
    ...conversionErrors(conversion, spec.child('conversion'), leniency),
  ]
}

function groupErrors(group: string): FieldError[] {
  const at = spec.child('group')
  if (group === '') return [at.required()]
  const problems = isDns1123Subdomain(group)
  if (problems.length > 0) return [at.invalid(group, problems.join(','))]
  return group.includes('.') ? [] : [at.invalid(group, 'should be a domain with at least one dot')]
}

function scopeErrors(scope: string): FieldError[] {
  const at = spec.child('scope')
  if (scope === '') return [at.required()]
  return scope === 'Cluster' || scope === 'Namespaced' ? [] : [at.notSupported(scope, ['Cluster', 'Namespaced'])]
}

function missingSchemas({ versions }: CustomResourceDefinitionSpec, { allowsNoSchema }: Leniency): FieldError[] {
  return versions.flatMap(({ schema, served }, i) => {
    if (schema?.openAPIV3Schema || (allowsNoSchema && !served)) return []
    const at = spec.child('versions').index(i).child('schema', 'openAPIV3Schema')
    return [at.required(allowsNoSchema ? 'because otherwise all fields are pruned' : '')]
  })
}

interface OneVersion {
  readonly version: Hoisted
  readonly i: number
  readonly leniency: Leniency
}

function versionErrors({ versions }: CustomResourceDefinitionSpec, { version, i, leniency }: OneVersion): FieldError[] {
  const { name, deprecated = false, deprecationWarning } = versions[i] as (typeof versions)[number]
  const problems = isDns1035Label(name)
  const at = version.at.child('deprecationWarning')
  return [
    ...(problems.length > 0 ? [version.at.child('name').invalid(name, problems.join(','))] : []),
    ...deprecationProblems(deprecated, deprecationWarning).map((problem) => at.invalid(deprecationWarning, problem)),
    ...partErrors(version, leniency),
  ]
}

function deprecationProblems(deprecated: boolean, warning: string | undefined): string[] {
  if (warning === undefined) return []
  if (!deprecated) return ['can only be set for deprecated versions']
  const errors: string[] = []
  if (Buffer.byteLength(warning) > 256) errors.push('must be <= 256 characters long')
  if (warning === '') errors.push('must not be an empty string')
  const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(warning)
  if (unprintable) {
    const index = Buffer.byteLength(warning.slice(0, unprintable.index))
    errors.push(`must only contain printable UTF-8 characters; non-printable character found at index ${index}`)
  }
  return errors
}

function partErrors(part: Hoisted, leniency: Leniency): FieldError[] {
  const { at, schema, subresources, columns, selectableFields, selectableSchema, version } = part
  const selectable = at.child('selectableFields')
  return [
    ...(schema ? schemaErrors(schema, { ...leniency, version }) : []),
    ...(subresources ? subresourceErrors(subresources, at.child('subresources')) : []),
    ...columns.flatMap((column, i) => columnErrors(column, at.child('additionalPrinterColumns').index(i))),
    ...selectableFieldErrors(selectableFields, { at: selectable, schema: selectableSchema, isShared: version === '', leniency }),
  ]
}

function versionListErrors({ versions }: CustomResourceDefinitionSpec): FieldError[] {
  const at = spec.child('versions')
  const errors: FieldError[] = []
  if (versions.length > 1 && versions.every(({ schema }) => schema && semanticEqual(schema, undefined))) {
    errors.push(
      at.invalid(
        versions,
        'per-version schemas may not all be set to identical values (top-level validation should be used instead)',
      ),
    )
  }
  if (new Set(versions.map(({ name }) => name)).size < versions.length) {
    errors.push(at.invalid(versions, 'must contain unique version names'))
  }
  if (versions.filter(({ storage }) => storage).length !== 1) {
    errors.push(at.invalid(versions, 'must have exactly one version marked as storage version'))
  }
  return errors
}

function storedVersionErrors({ spec: { versions }, status: { storedVersions } }: DefinitionParts): FieldError[] {
  const at = root.child('status', 'storedVersions')
  if (storedVersions.length === 0) return [at.invalid(storedVersions, 'must have at least one stored version')]
  const missing = versions.filter(({ storage, name }) => storage && !storedVersions.includes(name))
  const gone = [...storedVersions.entries()].filter(([, name]) => !versions.some((version) => version.name === name))
  return [
    ...missing.map(({ name }) => at.invalid(storedVersions, `must have the storage version ${name}`)),
    ...gone.map(([i, name]) => goneError(at.index(i), name)),
  ]
}

function goneError(at: Path, name: string): FieldError {
  const until = `until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`
  const text = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions ${until}`
  return at.invalid(name, text)
}

function preserveErrors({ preserveUnknownFields }: CustomResourceDefinitionSpec): FieldError[] {
  if (!preserveUnknownFields) return []
  const text = 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead'
  return [spec.child('preserveUnknownFields').invalid(true, text)]
}

/** The kinds that a custom resource definition stands for, one per served version; written in the same words as built-in ones. */
import { createHash } from 'node:crypto'
import { semanticEqual } from '#schema/equal.ts'
import { isQualifiedName } from '#schema/formats.ts'
import { jsonPath } from '#schema/json-path.ts'
import type { JsonSchema } from '#schema/json-schema.ts'
import type { Definition, Kind, KubeObject, StoredForm } from '#schema/kind.ts'
import { structuralRoot } from '#schema/structural.ts'
import { customColumns } from './custom-columns.ts'
import type { CustomResourceDefinition } from './custom-resource-definition.ts'
import type { CustomResourceDefinitionVersion } from './custom-resource-definition-spec.ts'
import { isTrue } from './custom-resource-definition-status.ts'

/** Kinds of what is served, by its accepted names; the version that is preferred first. */
export function customKinds(definition: CustomResourceDefinition): readonly Kind[] {
  if (!isTrue(definition, 'Established')) return []
  const served = definition.spec.versions.filter((version) => version.served)
  return served.toSorted((a, b) => compareVersions(a.name, b.name)).map((version) => customKind(definition, version))
}

/** The kind of one version. `storedAs` says how its objects are kept, where they are. */
export function customKind(
  definition: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  storedAs?: StoredForm,
): Kind {
  const { group, scope } = definition.spec
  const names = definition.status.acceptedNames.plural ? definition.status.acceptedNames : definition.spec.names
  const def = definitionOf(definition, version, names)
  return {
    ...{ kind: names.kind, group, version: version.name, apiVersion: `${group}/${version.name}`, plural: names.plural },
    namespaced: scope === 'Namespaced',
    def: { ...def, ...(storedAs && { storedAs }) },
    schema: schemaOf(definition, version, def.schemaName) as unknown as Kind['schema'],
  }
}

export function schemaOf({ spec }: CustomResourceDefinition, { schema }: CustomResourceDefinitionVersion, name = '') {
  return structuralRoot(schema?.openAPIV3Schema, { name, keepsUnknown: spec.preserveUnknownFields === true })
}

function definitionOf(
  definition: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  names: CustomResourceDefinition['status']['acceptedNames'],
): Definition {
  const { group, scope } = definition.spec
  const { scale, status } = version.subresources ?? {}
  const { shortNames, categories } = names
  const isTerminating = isTrue(definition, 'Terminating')
  return {
    ...{ group, version: version.name, kind: names.kind, plural: names.plural, scope },
    ...(names.singular && { singular: names.singular }),
    ...(names.listKind && { listKind: names.listKind }),
    ...(shortNames?.length && { shortNames }),
    ...(categories?.length && { categories }),
    ...(version.schema?.openAPIV3Schema?.description && { doc: version.schema.openAPIV3Schema.description }),
    schemaName: [...group.split('.').reverse(), version.name, names.kind].join('.'),
    storagePrefix: `${group}/${definition.spec.names.plural}`,
    requireVersion: true,
    generationFrom: [],
    ...(status && { status: true }),
    ...(scale && {
      scale: {
        specReplicas: scale.specReplicasPath.replace(/^\./, ''),
        statusReplicas: scale.statusReplicasPath.replace(/^\./, ''),
        selector: (scale.labelSelectorPath ?? '').replace(/^\./, ''),
      },
    }),
    columns: customColumns(version.additionalPrinterColumns),
    selectable: selectableOf(version),
    custom: {
      json: (version.schema?.openAPIV3Schema ?? {}) as JsonSchema,
      ...(scale && { scale }),
      ...(isTerminating && { isTerminating }),
      storageVersionHash: storageVersionHash(definition, names.kind),
    },
    ...(version.deprecated && {
      deprecation: version.deprecationWarning ?? `${group}/${version.name} ${names.kind} is deprecated`,
    }),
    prepare: (object: KubeObject, old: KubeObject | undefined) => prepare(object, old, Boolean(status)),
    prepareStatus,
    warnings: finalizerWarnings,
  }
}

function storageVersionHash({ spec }: CustomResourceDefinition, kind: string): string {
  const stored = spec.versions.find(({ storage }) => storage)?.name ?? ''
  return createHash('sha512').update(`${spec.group}/${stored}/${kind}`).digest().subarray(0, 8).toString('base64')
}

function selectableOf({ selectableFields = [] }: CustomResourceDefinitionVersion): NonNullable<Definition['selectable']> {
  const entries = selectableFields.map(({ jsonPath: path }) => {
    const find = jsonPath(path)
    const read = (object: unknown) => {
      const [found] = find(object)
      return found === undefined || found === null ? '' : String(found)
    }
    return [path.replace(/^\./, ''), read]
  })
  return Object.fromEntries(entries)
}

/** Any change but one of metadata makes a new generation. */
function prepare(object: KubeObject & { status?: unknown }, old: KubeObject | undefined, hasStatus: boolean): void {
  if (!old) {
    if (hasStatus) delete object.status
    object.metadata.generation = 1
  } else if (!semanticEqual(withoutMetadata(object), withoutMetadata(old))) {
    object.metadata.generation = (old.metadata.generation ?? 0) + 1
  }
}

function withoutMetadata({ metadata: _, ...rest }: KubeObject): object {
  return rest
}

/** A write to the status changes nothing else, metadata included. */
function prepareStatus(object: any, old: any): void {
  for (const name of Object.keys({ ...object, ...old })) {
    if (name === 'status' || name === 'metadata') continue
    if (old[name] === undefined) delete object[name]
    else object[name] = old[name]
  }
  const { managedFields } = object.metadata
  object.metadata = { ...old.metadata, ...(managedFields && { managedFields }) }
}

const standardFinalizers = ['orphan', 'foregroundDeletion', 'kubernetes']

function finalizerWarnings({ metadata }: KubeObject, old: KubeObject | undefined): string[] {
  const known = new Set(old?.metadata.finalizers)
  const added = (metadata.finalizers ?? []).filter((name) => !known.has(name)).sort()
  return added.flatMap((name) => {
    const at = `metadata.finalizers: ${JSON.stringify(name)}`
    const problems = isQualifiedName(name).map((problem) => `${at}: ${problem}`)
    if (name.includes('/') || standardFinalizers.includes(name)) return problems
    const wish = 'prefer a domain-qualified finalizer name'
    const reason = 'to avoid accidental conflicts with other finalizer writers'
    return [...problems, `${at}: ${name.includes('.') ? `${wish} including a path (/) ${reason}` : `${wish} ${reason}`}`]
  })
}

/** Stable versions before beta before alpha, higher ones first; other names after them (`CompareKubeAwareVersionStrings`). */
export function compareVersions(a: string, b: string): number {
  const left = rankOf(a)
  const right = rankOf(b)
  if (!left || !right) return left ? -1 : right ? 1 : a < b ? -1 : a > b ? 1 : 0
  const at = left.findIndex((part, i) => part !== right[i])
  return at < 0 ? 0 : (right[at] as number) - (left[at] as number)
}

function rankOf(version: string): number[] | undefined {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version)
  if (!match) return undefined
  const [, major, stage, minor] = match
  return [stage === undefined ? 2 : stage === 'beta' ? 1 : 0, Number(major), Number(minor ?? 0)]
}

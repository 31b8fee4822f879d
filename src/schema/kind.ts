/**
 * `defineKind`: what a kind of object is, declared once. Everything that the server, the client and the
 * commands know about a kind is read from here; what several kinds share is data, and a function appears only
 * where a rule needs two fields.
 *
 * A kind's file ends with two lines that keep compiler errors short:
 *
 *     export interface Deployment extends ObjectOf<typeof kind> {}
 *     export const Deployment: Kind<'Deployment', Deployment> = kind
 */
import type { FieldError, Path } from './field-error.ts'
import type { JsonSchema } from './json-schema.ts'
import { ObjectMeta } from './object-meta.ts'
import type { Field, FieldTypes, ObjectNode, Schema, TypedField } from './words.ts'

export type Scope = 'Namespaced' | 'Cluster'
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection'

/** What every decoded object has. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
}

/** A column of `kubectl get`, as the server's Table sends it. */
export interface Column<T> {
  /** `Ready`, `Up-to-date`: kubectl prints it in capitals. */
  readonly name: string
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  readonly format?: string
  /** 0 is always shown, 1 with `-o wide`. */
  readonly priority?: number
  readonly doc?: string
  /** The cell: text or number; undefined prints as `<none>` where upstream does. */
  value(object: T, context: ColumnContext): string | number | boolean | null | undefined
}

/** `metav1.TableRowCondition`: a row that is Completed will not change any more. */
export interface RowCondition {
  readonly type: 'Completed'
  readonly status: 'True'
  readonly reason: string
  readonly message: string
}

export interface ColumnContext {
  /** Milliseconds since the epoch, for ages. */
  readonly now: number
}

/** Where `scale` finds its parts; dotted paths. */
export interface ScalePaths {
  readonly specReplicas: string
  readonly statusReplicas: string
  /** Either a path to a LabelSelector or to a map of labels. */
  readonly selector: string
}

/** Where `scale` finds its parts in a custom resource, as its definition says: `.spec.replicas`. */
export interface CustomScale {
  readonly specReplicasPath: string
  readonly statusReplicasPath: string
  readonly labelSelectorPath?: string | undefined
}

/** What a custom resource has beside a built-in kind. */
export interface CustomKind {
  /** Schema of the whole object, whose rules take the place of `validate` and its like. */
  readonly json: JsonSchema
  readonly scale?: CustomScale
  /** Its definition is being deleted: nothing may be created any more. */
  readonly isTerminating?: boolean
  /** Of the version that objects are stored in. */
  readonly storageVersionHash?: string
}

/** A subresource other than `status` and `scale`: discovery announces it, `apiserver/registry/subresources/` serves it. */
export interface Subresource {
  /** Kind of the request body or answer, such as `Eviction`. */
  readonly kind: string
  readonly group?: string
  readonly version?: string
  readonly verbs: readonly (Verb | 'connect')[]
  /** Of a subresource that changes one part of the object: sets everything else back to `old`, before validation. */
  prepare?(object: any, old: any, now: string): void
  /** Its rules instead of `validate` and `validateUpdate`; metadata is checked as always. */
  validateUpdate?(object: any, old: any, at: Path): readonly (FieldError | false | undefined | '')[]
}

/** Where an object of this kind differs from the default strategy. All functions are pure and may be asynchronous nowhere. */
export interface Strategy<T> {
  /** Maintains `metadata.generation`: it grows when one of these dotted paths changes. Default ['spec'] where there is a status. */
  readonly generationFrom?: readonly string[]
  /** Dotted paths that an update may not change. */
  readonly immutable?: readonly string[]
  /** PUT of an absent object creates it. */
  readonly createOnUpdate?: boolean
  /** `generateName` is the name, and nothing is added to it. */
  readonly keepsGenerateName?: boolean
  /** An update without `resourceVersion` is refused (default: it overwrites). */
  readonly requireVersion?: boolean
  /** Changes what a client sent before validation: resets what only the server sets. `old` is absent on create. */
  prepare?(object: T, old: T | undefined, now: string): void
  /** The same for a write to `status` at the time `now`; spec and metadata are already those of `old`. */
  prepareStatus?(object: T, old: T, now: string): void
  /** Defaults that need more than one field; runs after the constant ones, on decode as upstream's `SetDefaults_`. */
  defaults?(object: T): void
  /** Rules beyond the schema; `at` is the path of the object's root. Runs on create and on update. */
  validate?(object: T, at: Path): readonly (FieldError | false | undefined | '')[]
  /** Rules for a new object alone; runs after `validate`. */
  validateCreate?(object: T, at: Path): readonly (FieldError | false | undefined | '')[]
  /** Rules about a change; runs after `validate`. */
  validateUpdate?(object: T, old: T, at: Path): readonly (FieldError | false | undefined | '')[]
  validateStatusUpdate?(object: T, old: T, at: Path): readonly (FieldError | false | undefined | '')[]
  /** Lines for `Warning:` headers. */
  warnings?(object: T, old: T | undefined): readonly string[]
  /** The same for a write to `status`. */
  statusWarnings?(object: T): readonly string[]
  /**
   * Seconds of grace for a deletion that asked for `requested` (undefined: nothing asked); undefined: no grace, the
   * object goes at once. Pods and nothing else upstream.
   */
  graceSeconds?(object: T, requested: number | undefined): number | undefined
  /** What the first deletion makes of an object that always waits for others to finish it. */
  markDeleted?(object: T, now: string): T
}

export interface Definition<T = any> extends Strategy<T> {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  /** Default: the kind in lower case. */
  readonly singular?: string
  readonly scope: Scope
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  readonly doc?: string
  /** OpenAPI name of the object, `io.k8s.api.apps.v1.Deployment`. */
  readonly schemaName: string
  /** OpenAPI lists `metadata` as required; elsewhere it does not. */
  readonly requiresMetadata?: boolean
  /** Default: all eight. Virtual kinds (reviews) have ['create'] and are never stored. */
  readonly verbs?: readonly Verb[]
  readonly virtual?: boolean
  /** Whether `status` is a subresource with fields of its own. */
  readonly status?: boolean
  /** A create may set `status` (nodes); elsewhere it is reset. */
  readonly statusOnCreate?: boolean
  readonly scale?: ScalePaths
  readonly subresources?: Readonly<Record<string, Subresource>>
  /** Rule for `metadata.name`, by upstream's validators; default dnsSubdomain. */
  readonly nameFormat?: 'dnsSubdomain' | 'dnsLabel' | 'dns1035Label' | 'pathSegment' | 'any'
  /** Folder below `/registry`, where it is not `<group>/<plural>` or `<plural>`: `minions`, `services/specs`. */
  readonly storagePrefix?: string
  /** The kind in whose form objects are stored, where two served versions share one store (`core/v1 Event`). */
  readonly storedAs?: StoredForm<T>
  /** Present in custom resources. */
  readonly custom?: CustomKind
  /** Warning for whoever asks for this version, whatever they do with it. */
  readonly deprecation?: string
  /** Kind of a list of these objects, where it is not the kind with `List`. */
  readonly listKind?: string
  readonly columns?: readonly Column<T>[]
  /** What a table's row says of the object beside its cells. */
  rowConditions?(object: T): readonly RowCondition[] | undefined
  /** Field selectors beside metadata.name and metadata.namespace: dotted path -> value as text. */
  readonly selectable?: Readonly<Record<string, FieldValue<T>>>
  /** Older names of those: name -> the field that is meant. */
  readonly selectableAliases?: Readonly<Record<string, string>>
}

/** How objects are kept that are stored in another form than they are served in. */
export interface StoredForm<T = any> {
  kind(): Kind<any, any>
  toStored(object: T): unknown
  fromStored(stored: any): T
  /** Whether objects that were stored so must be asked for elsewhere (a webhook); `fromStored` and `toStored` cannot make these. */
  isFar?(stored: any): boolean
  /** Makes those, in their order. Throws where it cannot. */
  fromFar?(stored: readonly any[]): Promise<readonly T[]>
  toFar?(object: T): Promise<unknown>
  /** Whether it would be stored differently today, so that writing it unchanged is no idle write. */
  isOutdated?(stored: any): boolean
}

/** A method type, so that `Kind<'Pod', Pod>` is a `Kind` for those who take any. */
type FieldValue<T> = { of(object: T): string }['of']

/** A kind as everyone uses it: its definition and the schema of the whole object. */
export interface Kind<Name extends string = string, T extends KubeObject = any> {
  readonly kind: Name
  readonly group: string
  readonly version: string
  /** `v1`, `apps/v1`. */
  readonly apiVersion: string
  readonly plural: string
  readonly namespaced: boolean
  readonly def: Definition<T>
  readonly schema: Schema<T> & ObjectNode
  /** Carries T for inference only. */
  readonly object?: T
}

/** The object type of a Kind, or of what `defineKind` returned. */
export type ObjectOf<K> = K extends Kind<any, infer T> ? T : never

type Fields = Record<string, TypedField<any, boolean>>
type Whole<F extends Fields> = KubeObject & FieldTypes<F>

/** Declares a kind. `fields` are those beside apiVersion, kind and metadata (protobuf number 1). */
export function defineKind<const Name extends string, const F extends Fields>(
  definition: Definition<Whole<F>> & { readonly kind: Name; readonly fields: F },
): Kind<Name, Whole<F>> {
  const { fields, ...def } = definition
  const { group, version, kind, plural } = def
  const apiVersion = group ? `${group}/${version}` : version
  return {
    kind,
    group,
    version,
    apiVersion,
    plural,
    namespaced: def.scope === 'Namespaced',
    def,
    schema: rootSchema(def, fields) as unknown as Kind<Name, Whole<F>>['schema'],
  }
}

const typeMeta = {
  apiVersion: {
    number: 0,
    schema: { type: 'string' },
    presence: 'optional',
    doc: 'APIVersion defines group and version of this object.',
  },
  kind: { number: 0, schema: { type: 'string' }, presence: 'optional', doc: 'Kind of this object.' },
} satisfies Record<string, Field>

function rootSchema(def: Definition, fields: Readonly<Record<string, Field>>): ObjectNode {
  const metadata: Field = {
    number: 1,
    schema: ObjectMeta,
    presence: 'always',
    ...(def.requiresMetadata && { isRequired: true }),
    doc: "Standard object's metadata: name, labels and what the server keeps about it.",
  }
  return {
    type: 'object',
    name: def.schemaName,
    fields: { ...typeMeta, metadata, ...fields },
    ...(def.doc && { doc: def.doc }),
  }
}

/** The kind of a list of these objects: `DeploymentList`. */
export function listKindOf(kind: Kind): string {
  return kind.def.listKind ?? `${kind.kind}List`
}

/** The usual last column. */
export const age: Column<KubeObject> = {
  name: 'Age',
  doc: 'Time since the object was created.',
  value: ({ metadata }, { now }) => ageOf(metadata.creationTimestamp, now),
}

/** The only column of kinds without a table of their own upstream, such as roles. */
export const createdAt: Column<KubeObject> = {
  name: 'Created At',
  type: 'date',
  doc: 'When the object was created.',
  value: ({ metadata }) => metadata.creationTimestamp,
}

/** `5d`, `3h20m`, as `duration.HumanDuration` prints it; `<unknown>` without a time. */
export function ageOf(timestamp: string | undefined, now: number): string {
  return timestamp ? humanDuration(now - Date.parse(timestamp)) : '<unknown>'
}

/** Upstream's `duration.HumanDuration`: two significant units at most. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.trunc(seconds / 60)
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  const hours = Math.trunc(minutes / 60)
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm')
  if (hours < 48) return `${hours}h`
  const days = Math.trunc(hours / 24)
  if (hours < 192) return two(days, 'd', hours % 24, 'h')
  if (hours < 24 * 365 * 2) return `${days}d`
  const years = Math.trunc(days / 365)
  if (hours < 24 * 365 * 8) return two(years, 'y', days % 365, 'd')
  return `${years}y`
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`
}

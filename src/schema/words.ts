/**
 * The words that kinds are written in. A schema is a plain object; each interpreter of it is one file of this folder
 * (decode, default, validate, openapi, protobuf, merge, table, ...), compiled once per schema into closures.
 *
 *     export const Probe = object('io.k8s.api.core.v1.Probe', {
 *       timeoutSeconds: optional(3, int32({ min: 1 }), { default: 1, doc: 'Seconds until one attempt counts as failed.' }),
 *     })
 *
 * A field is: protobuf number, schema, options. Four words say when it stands on the wire (upstream's Go tags):
 *   optional  left out when zero          `T`  with omitempty (structs: omitzero)
 *   pointer   kept whenever it was sent   `*T` with omitempty
 *   always    present even when zero      `T`  without omitempty; a struct value, which Go never omits
 *   required  as `always`, and validation demands that it is not empty
 */
import type { JsonSchema } from './json-schema.ts'

declare const typed: unique symbol
interface Typed<T> {
  readonly [typed]: T
}

/** A schema whose decoded values have the TypeScript type T. */
export type Schema<T = unknown> = Node & Typed<T>
export type TypeOf<S> = S extends Typed<infer T> ? T : never

/** What interpreters switch on. */
export type Node = ScalarNode | ObjectNode | ListNode | MapNode

/**
 * Scalars as they stand in JSON. `int64` decodes to a number where that is exact and to a bigint elsewhere. `bytes` is
 * base64 text. `quantity` (resource.Quantity), `time`, `microTime`, `duration` ("1h2m3s") are text in upstream's
 * canonical form. `intOrString` is either. `raw` is any JSON value (RawExtension, FieldsV1, JSON of CRDs).
 */
export type ScalarType =
  | 'string'
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'double'
  | 'bytes'
  | 'quantity'
  | 'time'
  | 'microTime'
  | 'duration'
  | 'intOrString'
  | 'raw'

export interface ScalarNode extends Constraints, FromJson {
  readonly type: ScalarType
}

/** What every node of a custom resource's schema carries (`structural.ts`). */
export interface FromJson {
  /**
   * The JSON schema that this node was made from. Values below it are taken as they are, pruned, and checked by its rules
   * alone: a value of the wrong type is an error of validation.
   */
  readonly json?: JsonSchema
}

/** Checked by `validate`; the messages are upstream's. */
export interface Constraints {
  /** Every allowed value of a string, in upstream's order; '' is allowed only if listed. */
  readonly enum?: readonly string[]
  /** The usual values of a string, for documentation (OpenAPI's enum) only: the kind's own rules check it, with upstream's words. */
  readonly known?: readonly string[]
  readonly min?: number
  readonly max?: number
  readonly maxLength?: number
  /** Name of a format known to `formats.ts`: dnsLabel, dnsSubdomain, qualifiedName, labelValue, path, ip, cidr, ... */
  readonly format?: string
}

export interface ObjectNode extends FromJson {
  readonly type: 'object'
  /** OpenAPI name, such as `io.k8s.api.core.v1.Probe`; '' for the parts of a custom resource. */
  readonly name: string
  readonly fields: Readonly<Record<string, Field>>
  readonly doc?: string
  /** True where unknown fields are kept: custom resources with `x-kubernetes-preserve-unknown-fields`. */
  readonly keepsUnknown?: boolean
  /** Replaced as a whole by server-side apply (`+structType=atomic`). */
  readonly atomic?: boolean
  /** Fields of which one is given: each with the value of the discriminator that stands for it (`+union`). */
  readonly union?: { readonly discriminator?: string; readonly fields: Readonly<Record<string, string>> }
  /** What may stand in its place, in upstream's unions of a schema with something else (JSONSchemaPropsOrBool and its like). */
  readonly alternative?: 'boolean' | 'list' | 'strings'
}

export interface ListNode extends FromJson {
  readonly type: 'list'
  readonly items: Node
  /** Server-side apply (`+listType`); lists are atomic unless they say otherwise. */
  readonly listType?: 'atomic' | 'set' | 'map'
  /** `+listMapKey`, in order. */
  readonly mapKeys?: readonly string[]
  /** Strategic merge patch: `patchMergeKey`. Its presence means `patchStrategy=merge`; '' merges a list of scalars. */
  readonly mergeKey?: string
  /** `patchStrategy` has `retainKeys`. */
  readonly retainKeys?: boolean
  readonly minItems?: number
  readonly maxItems?: number
}

export interface MapNode extends FromJson {
  readonly type: 'map'
  readonly values: Node
  readonly atomic?: boolean
}

export type Presence = 'optional' | 'pointer' | 'always' | 'required'

/** One field of an object. */
export interface Field {
  /** Protobuf field number (`generated.proto`, kubernetes/api v0.36); 0 where there is none (custom resources). */
  readonly number: number
  readonly schema: Node
  readonly presence: Presence
  /** Filled in when the field is absent (or zero, unless a pointer). A function where the value must be fresh. */
  readonly default?: unknown
  /** What OpenAPI gives as default, in version 3 (`+default`): few of those that the server fills in; null: none. */
  readonly publishedDefault?: unknown
  /** One sentence of our own for `kubectl explain`. */
  readonly doc?: string
  /** `patchStrategy=retainKeys` on a struct. */
  readonly retainKeys?: boolean
  /** Each of its fields has owners of its own, said aloud (`+mapType=granular`, `+structType=granular`). */
  readonly isGranular?: boolean
  /** `patchStrategy=replace` on a struct: a strategic merge patch takes its place whole. */
  readonly replacedWhole?: boolean
  /** Whether OpenAPI lists it as required, where its presence does not tell (`isRequired` in `openapi-schema.ts`). */
  readonly isRequired?: boolean
  /** Of a list that is always present and may be empty: Go writes `null` then (`null-lists.ts`). */
  readonly nullWhenEmpty?: boolean
  /** Protobuf numbers of the messages that this field is nested in, the outermost first, while it stands inline in JSON (see `embedded`). */
  readonly embeddedIn?: readonly number[]
}

export interface FieldOptions {
  readonly default?: unknown
  readonly publishedDefault?: unknown
  readonly isGranular?: boolean
  readonly doc?: string
  readonly retainKeys?: boolean
  readonly replacedWhole?: boolean
  readonly isRequired?: boolean
  readonly nullWhenEmpty?: boolean
}

/** A field whose value has type T and may be absent (`Maybe`) or not. */
export type TypedField<T, Maybe extends boolean> = Field & Typed<T> & { readonly maybe?: Maybe }

type MaybeOf<O> = O extends { default: unknown } ? false : true

export function optional<T, const O extends FieldOptions = object>(number: number, schema: Schema<T>, options?: O) {
  return { number, schema, presence: 'optional', ...options } as unknown as TypedField<T, MaybeOf<O>>
}

export function pointer<T, const O extends FieldOptions = object>(number: number, schema: Schema<T>, options?: O) {
  return { number, schema, presence: 'pointer', ...options } as unknown as TypedField<T, MaybeOf<O>>
}

export function always<T>(number: number, schema: Schema<T>, options?: FieldOptions) {
  return { number, schema, presence: 'always', ...options } as unknown as TypedField<T, false>
}

export function required<T>(number: number, schema: Schema<T>, options?: FieldOptions) {
  return { number, schema, presence: 'required', ...options } as unknown as TypedField<T, false>
}

type Fields = Record<string, TypedField<any, boolean>>
type MaybeKeys<F extends Fields> = { [K in keyof F]: F[K] extends TypedField<any, false> ? never : K }[keyof F]
type Simplify<T> = { [K in keyof T]: T[K] }

export type FieldTypes<F extends Fields> = Simplify<
  { [K in Exclude<keyof F, MaybeKeys<F>>]: TypeOf<F[K]> } & { [K in MaybeKeys<F>]?: TypeOf<F[K]> | undefined }
>

/**
 * A struct. Close it with a named interface, which keeps compiler errors short:
 *
 *     const probe = object('io.k8s.api.core.v1.Probe', { ... })
 *     export interface Probe extends TypeOf<typeof probe> {}
 *     export const Probe: Schema<Probe> = probe
 */
export function object<const F extends Fields>(
  name: string,
  fields: F,
  options: Omit<ObjectNode, 'type' | 'name' | 'fields'> = {},
): ObjectNode & Typed<FieldTypes<F>> {
  return { type: 'object', name, fields, ...options } as unknown as ObjectNode & Typed<FieldTypes<F>>
}

/** The fields of a struct that Go embeds: spread them. Inline in JSON, a message of its own in protobuf. */
export function embedded<T>(number: number, schema: Schema<T>) {
  const { fields } = schema as unknown as ObjectNode
  const entries = Object.entries(fields).map(([name, field]) => [
    name,
    { ...field, embeddedIn: [number, ...(field.embeddedIn ?? [])] },
  ])
  return Object.fromEntries(entries) as { [K in keyof T]-?: TypedField<NonNullable<T[K]>, undefined extends T[K] ? true : false> }
}

export function list<T>(items: Schema<T>, options: Omit<ListNode, 'type' | 'items'> = {}): ListNode & Typed<T[]> {
  return { type: 'list', items, ...options } as unknown as ListNode & Typed<T[]>
}

export function map<T>(values: Schema<T>, options: Omit<MapNode, 'type' | 'values'> = {}): MapNode & Typed<Record<string, T>> {
  return { type: 'map', values, ...options } as unknown as MapNode & Typed<Record<string, T>>
}

function scalar<T>(type: ScalarType, constraints: Constraints = {}): ScalarNode & Typed<T> {
  return { type, ...constraints } as unknown as ScalarNode & Typed<T>
}

export const string = (constraints?: Constraints) => scalar<string>('string', constraints)
export const boolean = () => scalar<boolean>('boolean')
export const int32 = (constraints?: Constraints) => scalar<number>('int32', constraints)
export const int64 = (constraints?: Constraints) => scalar<number>('int64', constraints)
export const double = (constraints?: Constraints) => scalar<number>('double', constraints)
export const bytes = () => scalar<string>('bytes')
export const quantity = () => scalar<string>('quantity')
export const time = () => scalar<string>('time')
export const microTime = () => scalar<string>('microTime')
export const duration = () => scalar<string>('duration')
export const intOrString = () => scalar<number | string>('intOrString')
export const raw = <T = unknown>() => scalar<T>('raw')

/** A string with a closed set of values. */
export function oneOf<const V extends string>(...values: V[]): ScalarNode & Typed<V> {
  return scalar<V>('string', { enum: values })
}

/** A string with these values, which `validate` leaves alone: where the kind's own rules check it, or nobody does. */
export function known<const V extends string>(...values: V[]): ScalarNode & Typed<V> {
  return scalar<V>('string', { known: values })
}

/** What a caller may write: every field optional at every depth; the server fills in the rest. */
export type Draft<T> = T extends readonly (infer U)[]
  ? Draft<U>[]
  : T extends object
    ? { [K in keyof T]?: Draft<T[K]> | undefined }
    : T

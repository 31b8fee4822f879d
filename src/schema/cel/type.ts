/** Types of CEL values, as the checker knows them; those of Kubernetes objects also know their fields and largest sizes. */

export type CelTypeKind =
  | 'dyn'
  | 'null'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'timestamp'
  | 'duration'
  | 'list'
  | 'map'
  | 'object'
  | 'opaque'
  | 'type'
  | 'param'
  | 'wrapper'
  | 'error'

export interface CelType {
  readonly kind: CelTypeKind
  /** Of objects, opaque types and type parameters: their name; of others cel-go's name. */
  readonly name: string
  /** Of lists: the element; of maps: key and value; of opaque types their arguments. */
  readonly params: readonly CelType[]
  /** Of objects: what may be selected, by its escaped name; undefined where anything may (`Object` of mutations). */
  readonly fields?: ReadonlyMap<string, CelField>
  /** Largest length of strings and bytes, largest number of elements; undefined where nothing limits it. */
  readonly maxElements?: number
  /** Of lists of custom resources: how `==` and `+` see them. */
  readonly listType?: 'set' | 'map'
  readonly mapKeys?: readonly string[]
  /** Bytes that the smallest value takes in JSON (cost estimates of custom resources). */
  readonly minSize?: number
}

export interface CelField {
  readonly type: CelType
  /** The name in JSON, where escaping changed it. */
  readonly jsonName: string
  readonly required: boolean
}

function simple(kind: CelTypeKind, name: string): CelType {
  return { kind, name, params: [] }
}

export const Dyn = simple('dyn', 'dyn')
export const Null = simple('null', 'null')
export const Bool = simple('bool', 'bool')
export const Int = simple('int', 'int')
export const Uint = simple('uint', 'uint')
export const Double = simple('double', 'double')
export const Str = simple('string', 'string')
export const Bytes = simple('bytes', 'bytes')
export const Timestamp = simple('timestamp', 'timestamp')
export const Duration = simple('duration', 'duration')
/** What an ill-typed expression has, so that its error is told once. */
export const ErrorType = simple('error', '!error!')

export function listOf(element: CelType): CelType {
  return { kind: 'list', name: 'list', params: [element] }
}

export function mapOf(key: CelType, value: CelType): CelType {
  return { kind: 'map', name: 'map', params: [key, value] }
}

export function typeOf(type: CelType): CelType {
  return { kind: 'type', name: 'type', params: [type] }
}

export function opaque(name: string, ...params: CelType[]): CelType {
  return { kind: 'opaque', name, params }
}

export function optionalOf(type: CelType): CelType {
  return opaque('optional_type', type)
}

export function param(name: string): CelType {
  return simple('param', name)
}

/** cel-go's `FormatCheckedType`. */
export function formatType(type: CelType): string {
  switch (type.kind) {
    case 'timestamp':
      return 'timestamp'
    case 'list':
      return `list(${formatType(type.params[0] ?? Dyn)})`
    case 'map':
      return `map(${formatType(type.params[0] ?? Dyn)}, ${formatType(type.params[1] ?? Dyn)})`
    case 'type':
      return type.params[0] ? `type(${formatType(type.params[0])})` : 'type'
    case 'wrapper':
      return `wrapper(${type.name})`
    case 'opaque':
      return type.params.length === 0 ? type.name : `${type.name}(${type.params.map(formatType).join(', ')})`
    default:
      return type.name
  }
}

/** What a schema says about patching one of its fields, and the words in which strategic merge patches fail. */
import { type Reason, StatusError } from './status-error.ts'
import type { Node, ObjectNode } from './words.ts'

export type Json = Record<string, unknown>

/** The directives of a strategic merge patch. */
export const directive = {
  patch: '$patch',
  retainKeys: '$retainKeys',
  deleteFromList: '$deleteFromPrimitiveList',
  elementOrder: '$setElementOrder',
} as const

/** How one field is patched. */
export interface PatchMeta {
  /** Schema of the field's value; of the items, where it is a list. */
  readonly node: Node
  readonly strategy: 'merge' | 'replace' | ''
  readonly retainKeys: boolean
  /** '' for lists of scalars. */
  readonly mergeKey: string
}

/** `LookupPatchMetadataForStruct`: of a field that holds an object. */
export function metaOfObject(node: Node, key: string): PatchMeta {
  const fields = fieldsOf(node)
  const field = Object.hasOwn(fields, key) ? fields[key] : undefined
  if (!field) throw unprocessed(`unable to find api field in struct ${goName(node)} for the json field ${JSON.stringify(key)}`)
  const { schema } = field
  const list = schema.type === 'list' ? schema : undefined
  return {
    node: schema,
    strategy: list?.mergeKey !== undefined ? 'merge' : field.replacedWhole ? 'replace' : '',
    retainKeys: list?.retainKeys ?? field.retainKeys ?? false,
    mergeKey: list?.mergeKey ?? '',
  }
}

/** `LookupPatchMetadataForSlice`: of a field that holds a list. */
export function metaOfList(node: Node, key: string): PatchMeta {
  const meta = metaOfObject(node, key)
  if (meta.node.type !== 'list') throw unprocessed('expected slice or array type, but got: struct')
  if (meta.node.items.type === 'list') throw unprocessed('unexpected slice of slice')
  return { ...meta, node: meta.node.items }
}

function fieldsOf(node: Node): ObjectNode['fields'] {
  if (node.type === 'object') return node.fields
  if (node.type === 'raw') return {}
  throw unprocessed(`merging an object in json but data type is not struct, instead is: ${goKind(node)}`)
}

export function goKind({ type }: Node): string {
  if (type === 'object' || type === 'map') return type === 'map' ? 'map' : 'struct'
  if (type === 'list' || type === 'bytes') return 'slice'
  if (type === 'boolean') return 'bool'
  if (type === 'double') return 'float64'
  return type === 'string' || type === 'int32' || type === 'int64' ? type : 'struct'
}

function goName(node: Node): string {
  const name = node.type === 'object' ? node.name : 'RawExtension'
  return name.slice(name.lastIndexOf('.') + 1)
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Upstream answers 400 to a patch whose form is wrong. */
export function badFormat(of: 'primitive list' | 'retainKeys' | 'setElementOrder list'): StatusError {
  return new StatusError('BadRequest', `invalid patch format of ${of}`)
}

/** An error that upstream hands on without a reason of its own: code 500. */
export function unprocessed(message: string): StatusError {
  return new StatusError('' as Reason, message, { code: 500 })
}

export function listOfLists(): StatusError {
  return new StatusError('Invalid', 'the server rejected our request due to an error in our request', {
    details: {},
    cause: new Error('lists of lists are not supported'),
  })
}

export function noMergeKey(item: Json, key: string): StatusError {
  return unprocessed(`map: ${goText(item)} does not contain declared merge key: ${key}`)
}

export function badType(wanted: 'map[string]interface {}' | '[]interface {}', value: unknown): StatusError {
  return unprocessed(`expected a ${wanted}, but received a ${goType(value)}`)
}

export function badDirective(value: unknown, item: Json): StatusError {
  const text = typeof value === 'string' ? value : `%!s(${goType(value)}=${goText(value)})`
  return unprocessed(`unknown patch type: ${text} in map: ${goText(item)}`)
}

/** Go's dynamic type of a JSON value; equal types are what a patch may merge. */
export function goType(value: unknown): string {
  if (value === null || value === undefined) return '%!s(<nil>)'
  if (Array.isArray(value)) return '[]interface {}'
  if (typeof value === 'object') return 'map[string]interface {}'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  return typeof value === 'bigint' || Number.isInteger(value) ? 'int64' : 'float64'
}

/** A JSON value as Go's `%v` prints it: `map[a:1 b:[x y]]`. */
export function goText(value: unknown): string {
  if (value === null || value === undefined) return '<nil>'
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`
  if (typeof value !== 'object') return String(value)
  const keys = Object.keys(value).sort()
  return `map[${keys.map((key) => `${key}:${goText((value as Json)[key])}`).join(' ')}]`
}

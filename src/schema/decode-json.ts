/**
 * How values below a node with a JSON schema are decoded: nothing is converted, what the schema does not know is dropped, and so is
 * a null that may be neither stored nor replaced by a default (apiextensions' `pruning` and `PruneNonNullableNullsWithoutDefaults`).
 * Keys come out sorted, as Go prints them.
 */
import { copyJson } from './copy.ts'
import type { DecodeRun } from './decode-run.ts'
import { setOwn } from './json-parser.ts'
import { isRecord } from './json-schema.ts'
import type { Field, Node, ObjectNode } from './words.ts'

/** `decodeOther` takes what has no JSON schema: metadata. */
export function jsonDecoder(root: Node, decodeOther: (node: Node) => (value: unknown, run: DecodeRun) => unknown) {
  const decode = (node: Node, value: unknown, run: DecodeRun): unknown => {
    if (!node.json) return decodeOther(node)(value, run)
    if (Array.isArray(value)) return decodeList(node, value, run)
    return isRecord(value) ? decodeRecord(node, value, run) : copyJson(value)
  }
  const decodeList = (node: Node, list: readonly unknown[], run: DecodeRun): unknown => {
    if (keepsAll(node)) return copyJson(list)
    const items = node.type === 'list' ? node.items : nothingKnown
    const depth = run.enter('')
    const out = list.map((item, at) => {
      run.at(depth, at)
      return decode(items, item ?? null, run)
    })
    run.leave(depth)
    return out
  }
  const decodeRecord = (node: Node, record: Record<string, unknown>, run: DecodeRun): unknown => {
    const out: Record<string, unknown> = {}
    const depth = run.enter('')
    for (const key of keysOf(node, record)) {
      const value = Object.hasOwn(record, key) ? record[key] : undefined
      if (value === undefined && !isAlways(node, key)) continue
      run.at(depth, key)
      const child = childOf(node, key)
      if (child === 'kept') setOwn(out, key, copyJson(value))
      else if (child === 'unknown') run.sawUnknown = true
      else if (value !== null || mayBeNull(child) || isAlways(node, key)) setOwn(out, key, decode(child.schema, value, run))
    }
    run.leave(depth)
    return out
  }
  return (value: unknown, run: DecodeRun): unknown => decode(root, value === undefined ? {} : value, run)
}

function keysOf(node: Node, record: Record<string, unknown>): string[] {
  const keys = Object.keys(record)
  if (isAlways(node, 'metadata') && !Object.hasOwn(record, 'metadata')) keys.push('metadata')
  return keys.sort()
}

/** Of an object's metadata: whoever reads an object may rely on it. */
function isAlways(node: Node, key: string): boolean {
  return key === 'metadata' && node.type === 'object' && node.fields.metadata?.presence === 'always'
}

/** Stands for anything; of objects in it nothing is kept. */
const nothingKnown: Node = { type: 'raw', json: {} }

function keepsAll(node: Node): boolean {
  return node.type === 'raw' && node.json?.['x-kubernetes-preserve-unknown-fields'] === true
}

function childOf(node: Node, key: string): Pick<Field, 'schema' | 'default'> | 'kept' | 'unknown' {
  if (node.type === 'map') return { schema: node.values, default: node.values.json?.default }
  const field = node.type === 'object' ? ownField(node, key) : undefined
  if (field) return field
  if (keepsAll(node) || (node.type === 'object' && node.keepsUnknown)) return 'kept'
  // `additionalProperties: true` beside properties: the value is kept, objects in it are emptied.
  return node.type === 'object' && node.json?.additionalProperties ? { schema: nothingKnown } : 'unknown'
}

function ownField({ fields }: ObjectNode, key: string): Field | undefined {
  return Object.hasOwn(fields, key) ? fields[key] : undefined
}

function mayBeNull({ schema, default: fallback }: Pick<Field, 'schema' | 'default'>): boolean {
  if (!schema.json) return false
  return schema.json.nullable === true || fallback !== undefined || schema === nothingKnown
}

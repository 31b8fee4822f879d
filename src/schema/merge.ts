/** Patches: how a partial document changes an object. */
import { badRequest } from './status-error.ts'
import type { Node, Schema } from './words.ts'

/** JSON merge patch, RFC 7386. Answers a new value; `original` may be reused in it. */
export function mergePatch(original: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const result: Record<string, unknown> = isObject(original) ? { ...original } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = mergePatch(result[key], value)
  }
  return result
}

/** Strategic merge patch: lists with a merge key are merged item by item. */
export function strategicMerge(schema: Schema<any> | Node, original: unknown, patch: unknown): unknown {
  return merge(schema as Node, original, patch)
}

function merge(node: Node | undefined, original: unknown, patch: unknown): unknown {
  if (Array.isArray(patch)) return mergeList(node, Array.isArray(original) ? original : [], patch)
  if (!isObject(patch)) return patch
  if (patch.$patch === 'replace') return withoutDirectives(patch)
  const result: Record<string, unknown> = isObject(original) ? { ...original } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue
    if (value === null) delete result[key]
    else result[key] = merge(fieldOf(node, key), result[key], value)
  }
  return result
}

function mergeList(node: Node | undefined, original: readonly unknown[], patch: readonly unknown[]): unknown[] {
  if (node?.type !== 'list' || node.mergeKey === undefined) return [...patch]
  if (node.mergeKey === '') return [...new Set([...original, ...patch])]
  const key = node.mergeKey
  const result = [...original] as Record<string, unknown>[]
  for (const item of patch as Record<string, unknown>[]) {
    if (item.$patch === 'replace') return patch.filter((other) => other !== item)
    const at = result.findIndex((other) => other[key] === item[key])
    if (item.$patch === 'delete') {
      if (at >= 0) result.splice(at, 1)
    } else if (at >= 0) result[at] = merge(node.items, result[at], item) as Record<string, unknown>
    else result.push(merge(node.items, {}, item) as Record<string, unknown>)
  }
  return result
}

function fieldOf(node: Node | undefined, key: string): Node | undefined {
  if (node?.type === 'object') return node.fields[key]?.schema
  return node?.type === 'map' ? node.values : undefined
}

function withoutDirectives(patch: Record<string, unknown>): unknown {
  return Object.fromEntries(Object.entries(patch).filter(([key]) => !key.startsWith('$')))
}

interface JsonPatchOperation {
  readonly op: string
  readonly path: string
  readonly from?: string
  readonly value?: unknown
}

/** JSON patch, RFC 6902. Changes and answers `original`. */
export function jsonPatch(original: unknown, operations: readonly JsonPatchOperation[]): unknown {
  const holder = { root: original }
  for (const { op, path, from = '', value } of operations) {
    if (op === 'test') {
      if (JSON.stringify(read(holder, path)) !== JSON.stringify(value))
        throw new Error(`testing value ${path} failed: test failed`)
    } else if (op === 'remove') take(holder, path)
    else if (op === 'add') put(holder, path, value)
    else if (op === 'replace') {
      take(holder, path)
      put(holder, path, value)
    } else if (op === 'move') put(holder, path, take(holder, from))
    else if (op === 'copy') put(holder, path, structuredClone(read(holder, from)))
    else throw badRequest(`Unexpected kind: ${op}`)
  }
  return holder.root
}

type Holder = { root: unknown }

function steps(path: string): string[] {
  if (path === '') return ['root']
  if (!path.startsWith('/')) throw new Error(`invalid path: ${path}`)
  const parts = path.slice(1).split('/')
  return ['root', ...parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))]
}

function locate(holder: Holder, path: string): { parent: any; key: string } {
  const parts = steps(path)
  const key = parts.pop() as string
  let parent: any = holder
  for (const part of parts) {
    parent = parent?.[part]
    if (typeof parent !== 'object' || parent === null) throw new Error(`doc is missing path: ${path}: missing value`)
  }
  return { parent, key }
}

function read(holder: Holder, path: string): unknown {
  const { parent, key } = locate(holder, path)
  return parent[key]
}

function take(holder: Holder, path: string): unknown {
  const { parent, key } = locate(holder, path)
  if (!Object.hasOwn(parent, key)) throw new Error(`remove operation does not apply: doc is missing path: ${path}: missing value`)
  const value = parent[key]
  if (Array.isArray(parent)) parent.splice(Number(key), 1)
  else delete parent[key]
  return value
}

function put(holder: Holder, path: string, value: unknown): void {
  const { parent, key } = locate(holder, path)
  if (!Array.isArray(parent)) parent[key] = value
  else if (key === '-') parent.push(value)
  else parent.splice(Number(key), 0, value)
}

function isObject(value: unknown): value is Record<string, any> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * JSON patch, RFC 6902, with the liberties and error texts of the library that upstream uses (evanphx/json-patch v4): negative
 * indices count from the end, and `replace` of a field that is not there adds it.
 */
import { copyJson } from './copy.ts'
import { stringifyJson } from './json.ts'
import { setOwn } from './json-parser.ts'

export interface JsonPatchOperation {
  readonly op: string
  readonly path: string
  readonly from?: string
  readonly value?: unknown
}

type Container = unknown[] | Record<string, unknown>

/** Changes and answers `original`. */
export function jsonPatch(original: unknown, operations: readonly JsonPatchOperation[]): unknown {
  let document = original as Container
  const copied = { bytes: 0 }
  for (const operation of operations) document = apply(document, operation, copied)
  return document
}

/** Upstream's `JSONPatchMaxCopyBytes`: thirty copies of an object into itself would make a billion of it. */
const maxCopied = 3 * 1024 * 1024

/** What all `copy` operations of a patch have added. */
interface Copied {
  bytes: number
}

function apply(document: Container, operation: JsonPatchOperation, copied: Copied): Container {
  switch (operation.op) {
    case 'add':
      add(document, operation)
      return document
    case 'remove':
      remove(document, operation)
      return document
    case 'replace':
      return replace(document, operation)
    case 'move':
      move(document, operation)
      return document
    case 'test':
      test(document, operation)
      return document
    case 'copy':
      copy(document, operation, copied)
      return document
    default:
      throw new Error(`Unexpected kind: ${typeof operation.op === 'string' ? operation.op : 'unknown'}`)
  }
}

function add(document: Container, operation: JsonPatchOperation): void {
  const path = pathOf(operation, 'add operation failed to decode path: missing value')
  const place = find(document, path)
  if (!place) throw missing(`add operation does not apply: doc is missing path: "${path}"`)
  within(`error in add for path: '${path}'`, () => put(place, copyJson(operation.value ?? null)))
}

function remove(document: Container, operation: JsonPatchOperation): void {
  const path = pathOf(operation, 'remove operation failed to decode path: missing value')
  const place = find(document, path)
  if (!place) throw missing(`remove operation does not apply: doc is missing path: "${path}"`)
  within(`error in remove for path: '${path}'`, () => take(place))
}

function replace(document: Container, operation: JsonPatchOperation): Container {
  const path = pathOf(operation, 'replace operation failed to decode path: operation missing path field: missing value')
  const value = copyJson(operation.value ?? null)
  if (path === '') {
    if (typeof value !== 'object' || value === null)
      throw new Error('replace operation value must be object or array: %!w(<nil>)')
    return value as Container
  }
  const place = find(document, path)
  if (!place) throw missing(`replace operation does not apply: doc is missing path: ${path}`)
  const { container, key } = place
  if (!Array.isArray(container)) {
    setOwn(container, key, value)
    return document
  }
  const index = attempt(() => indexOf(container, key))
  if (index === undefined) throw missing(`replace operation does not apply: doc is missing key: ${path}`)
  container[index] = value
  return document
}

function move(document: Container, operation: JsonPatchOperation): void {
  const from = fromOf(operation, 'move')
  const source = find(document, from)
  if (!source) throw missing(`move operation does not apply: doc is missing from path: ${from}`)
  const value = within(`error in move for path: '${source.key}'`, () => take(source))
  const path = pathOf(operation, 'move operation failed to decode path: operation missing path field: missing value')
  const target = find(document, path)
  if (!target) throw missing(`move operation does not apply: doc is missing destination path: ${path}`)
  within(`error in move for path: '${path}'`, () => put(target, value))
}

function test(document: Container, operation: JsonPatchOperation): void {
  const path = pathOf(operation, 'test operation failed to decode path: operation missing path field: missing value')
  const wanted = operation.value ?? null
  const place = path === '' ? undefined : find(document, path)
  if (path !== '' && !place) throw missing(`test operation does not apply: is missing path: ${path}`)
  const found = place ? within(`error in test for path: '${path}'`, () => valueAt(place)) : document
  if (!sameJson(found ?? null, wanted)) throw new Error(`testing value ${path} failed: test failed`)
}

function copy(document: Container, operation: JsonPatchOperation, copied: Copied): void {
  const from = fromOf(operation, 'copy')
  const source = find(document, from)
  if (!source) throw missing(`copy operation does not apply: doc is missing from path: ${from}`)
  const value = within(`error in copy for from: '${from}'`, () => valueAt(source))
  const path = pathOf(operation, 'copy operation failed to decode path: missing value')
  const target = find(document, path)
  if (!target) throw missing(`copy operation does not apply: doc is missing destination path: ${path}`)
  copied.bytes += stringifyJson(value ?? null).length
  if (copied.bytes > maxCopied) {
    const size = `the accumulated size increase of copy is ${copied.bytes}, exceeding the limit ${maxCopied}`
    throw new Error(`Unable to complete the copy, ${size}`)
  }
  within('error while adding value during copy', () => put(target, copyJson(value ?? null)))
}

/** The container that holds the last step of a path, and that step. */
interface Place {
  readonly container: Container
  readonly key: string
}

function find(document: Container, path: string): Place | undefined {
  const [, ...steps] = path.split('/').map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  const key = steps.pop()
  if (key === undefined) return undefined
  let container: unknown = document
  for (const step of steps) {
    container = attempt(() => valueAt({ container: container as Container, key: step }))
    if (typeof container !== 'object' || container === null) return undefined
  }
  return { container: container as Container, key }
}

function valueAt({ container, key }: Place): unknown {
  if (Array.isArray(container)) return container[indexOf(container, key)]
  return Object.hasOwn(container, key) ? container[key] : undefined
}

function put({ container, key }: Place, value: unknown): void {
  if (!Array.isArray(container)) return setOwn(container, key, value)
  if (key === '-') {
    container.push(value)
    return
  }
  const index = within(`value was not a proper array index: '${key}'`, () => integer(key))
  const size = container.length + 1
  container.splice(bounded(index, size), 0, value)
}

function take({ container, key }: Place): unknown {
  const value = valueAt({ container, key })
  if (Array.isArray(container)) container.splice(indexOf(container, key), 1)
  else if (Object.hasOwn(container, key)) delete container[key]
  else throw missing(`Unable to remove nonexistent key: ${key}`)
  return value
}

function indexOf(list: readonly unknown[], key: string): number {
  return bounded(integer(key), list.length)
}

function bounded(index: number, size: number): number {
  if (index >= size || index < -size) throw new Error(`Unable to access invalid index: ${index}: invalid index referenced`)
  return index < 0 ? index + size : index
}

function integer(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Number(text)
}

function pathOf({ path }: JsonPatchOperation, complaint: string): string {
  if (typeof path !== 'string') throw new Error(complaint)
  return path
}

function fromOf({ from }: JsonPatchOperation, operation: string): string {
  if (typeof from === 'string') return from
  throw missing(`${operation} operation failed to decode from: operation, missing from field`)
}

/** Numbers are compared as written, so 1 and 1.0 are the same here, as in every JSON reader but upstream's. */
function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => sameJson(item, b[i]))
  }
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>]
  const keys = Object.keys(left)
  if (keys.length !== Object.keys(right).length) return false
  return keys.every((key) => Object.hasOwn(right, key) && sameJson(left[key], right[key]))
}

function missing(text: string): Error {
  return new Error(`${text}: missing value`)
}

function within<T>(context: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw new Error(`${context}: ${(error as Error).message}`, { cause: error })
  }
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch {
    return undefined
  }
}

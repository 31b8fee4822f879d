/** A pass over JSON text known to be valid: finds repeated and unknown keys and measures depth without building values. */
import type { Node } from './words.ts'

/** Go's limit of nesting. */
export const maxDepth = 10_000

/** Strict decoding reports so many errors at most, as `sigs.k8s.io/json`. */
const maxReports = 100

interface Level {
  /** Keys seen, or undefined for an array. */
  readonly keys: string[] | undefined
  /** Built once there are many keys, so that wide objects stay linear. */
  set: Set<string> | undefined
  key: string
  index: number
  /** Undefined where nobody looks. */
  readonly node: Node | undefined
}

const quote = 34
const manyKeys = 16

/**
 * `duplicate field "a.b[0].c"` for every key that stands twice in one object. With a schema also `unknown field "a"`, in the order of the
 * text, as `sigs.k8s.io/json` finds them: it does not look into what it does not know, nor into what reads itself.
 */
export function strictFindings(text: string, schema?: Node): string[] {
  const found = new Set<string>()
  const levels: Level[] = []
  let level: Level | undefined
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === quote) {
      const end = stringEnd(text, i)
      if (level?.keys && isKey(text, end)) {
        level.key = keyText(text, i, end)
        const what = complaint(level, schema !== undefined)
        if (what) found.add(`${what} field "${pathOf(levels)}"`)
        if (found.size >= maxReports) break
      }
      i = end
    } else if (c === 123 || c === 91) {
      const node: Node | undefined = level ? partOf(level) : schema
      level = { keys: c === 123 ? [] : undefined, set: undefined, key: '', index: 0, node }
      levels.push(level)
    } else if (c === 125 || c === 93) {
      levels.pop()
      level = levels.at(-1)
    } else if (c === 44 && level) {
      level.index++
    }
  }
  return [...found]
}

function complaint(level: Level, isTyped: boolean): 'duplicate' | 'unknown' | undefined {
  const repeated = isRepeated(level) ? 'duplicate' : undefined
  if (!isTyped) return repeated
  const { node, key } = level
  if (node?.type === 'map') return repeated
  if (node?.type !== 'object') return undefined
  if (Object.hasOwn(node.fields, key)) return repeated
  return node.keepsUnknown ? undefined : 'unknown'
}

function partOf({ node, key }: Level): Node | undefined {
  if (node?.type === 'list') return node.items
  if (node?.type === 'map') return node.values
  if (node?.type !== 'object' || !Object.hasOwn(node.fields, key)) return undefined
  const part = node.fields[key]?.schema
  return part?.type === 'object' && part.alternative ? undefined : part
}

const looseKey = /"[ \t\r\n]+:/

/**
 * Whether no key stands twice, for certain: there are no more ends of keys in the text than keys in what it was read into. False means only
 * that it has to be looked at.
 */
export function isWithoutRepeats(text: string, value: unknown): boolean {
  if (looseKey.test(text)) return false
  let keys = 0
  for (let at = text.indexOf('":'); at >= 0; at = text.indexOf('":', at + 2)) keys++
  return keys === keysIn(value, 0)
}

/** Deeper than this nobody counts. */
const deepEnough = 500

/** Of all objects in it; NaN where it nests too deep. */
function keysIn(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0
  if (depth > deepEnough) return Number.NaN
  let keys = 0
  if (Array.isArray(value)) for (let i = 0; i < value.length; i++) keys += keysIn(value[i], depth + 1)
  else for (const key in value) keys += 1 + keysIn((value as Record<string, unknown>)[key], depth + 1)
  return keys
}

/** Whether the text nests deeper than `maxDepth`; the text need not be valid. */
export function isTooDeep(text: string): boolean {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === quote) i = stringEnd(text, i)
    else if (c === 123 || c === 91) {
      if (++depth > maxDepth) return true
    } else if (c === 125 || c === 93) depth--
  }
  return false
}

/** Where the object or list that begins at `at` ends, if the text is JSON; undefined for what is no container or does not end. */
export function jsonEnd(text: string, at: number): number | undefined {
  let depth = 0
  for (let i = at; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === quote) i = stringEnd(text, i)
    else if (c === 123 || c === 91) depth++
    else if (c === 125 || c === 93) depth--
    if (depth <= 0) return i === at ? undefined : i + 1
  }
  return undefined
}

/** Place of the closing quote; the end of the text where there is none. */
function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end === -1 ? text.length : end
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0
  while (text.charCodeAt(at - 1 - slashes) === 92) slashes++
  return slashes % 2 === 1
}

function isKey(text: string, end: number): boolean {
  let next = end + 1
  let c = text.charCodeAt(next)
  while (c === 32 || c === 10 || c === 13 || c === 9) c = text.charCodeAt(++next)
  return c === 58
}

function keyText(text: string, start: number, end: number): string {
  const plain = text.slice(start + 1, end)
  return plain.includes('\\') ? (JSON.parse(text.slice(start, end + 1)) as string) : plain
}

function isRepeated(level: Level): boolean {
  const { keys, key, set } = level
  if (!keys) return false
  if (set) {
    if (set.has(key)) return true
    set.add(key)
    return false
  }
  if (keys.includes(key)) return true
  keys.push(key)
  if (keys.length > manyKeys) level.set = new Set(keys)
  return false
}

function pathOf(levels: readonly Level[]): string {
  let path = ''
  for (const { keys, key, index } of levels) {
    if (!keys) path += `[${index}]`
    else path += path ? `.${key}` : key
  }
  return path
}

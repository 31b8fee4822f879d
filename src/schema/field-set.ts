/**
 * Sets of field paths, in the form in which `managedFields` stores them (FieldsV1): nested objects whose keys are path elements.
 *
 *     { 'f:spec': { 'f:replicas': {}, 'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:image': {} } } } }
 *
 * A node is in the set itself when it is empty or has '.'. Sets are never changed once made: operations share what stays the same, and
 * answer their argument where nothing changes. Keys stand in upstream's order (`fieldpath.PathElement.Compare`). Algorithms and texts are
 * those of sigs.k8s.io/structured-merge-diff, package fieldpath.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet
}

type Building = { [element: string]: FieldSet }

export type Path = readonly string[]

const self = '.'

/** The empty set, and a path of which nothing further is in the set. */
export const leaf: FieldSet = Object.freeze({})
export const empty = leaf

/** Of a node below the root: whether its own path is in the set. */
export function isMember(node: FieldSet): boolean {
  return node[self] !== undefined || isEmpty(node)
}

export function isEmpty(set: FieldSet): boolean {
  for (const _ in set) return false
  return true
}

export function fieldSet(...paths: Path[]): FieldSet {
  let set: FieldSet = empty
  for (const path of paths) set = union(set, setOfPath(path, leaf))
  return set
}

function setOfPath(path: Path, end: FieldSet): FieldSet {
  return path.reduceRight<FieldSet>((node, element) => ({ [element]: node }), end)
}

export function has(set: FieldSet, path: Path): boolean {
  let node: FieldSet | undefined = set
  for (const element of path) {
    node = Object.hasOwn(node, element) ? node[element] : undefined
    if (!node) return false
  }
  return path.length > 0 && isMember(node)
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmpty(b)) return a
  if (isEmpty(a)) return b
  return unionOfChildren(a, b)
}

/** Both have children, or '.' at least. */
function unionOfChildren(a: FieldSet, b: FieldSet): FieldSet {
  let out: Building | undefined
  let needsOrder = false
  for (const element in b) {
    const theirs = b[element] as FieldSet
    const ours = (out ?? a)[element]
    const both = ours === undefined ? theirs : element === self ? ours : unionOfNodes(ours, theirs)
    if (both === ours) continue
    out ??= { ...a }
    out[element] = both
    needsOrder ||= ours === undefined
  }
  if (!out) return a
  return needsOrder ? inOrder(out) : out
}

function unionOfNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a
  if (isEmpty(a)) return isMember(b) ? b : inOrder({ [self]: leaf, ...b })
  if (isEmpty(b)) return isMember(a) ? a : inOrder({ [self]: leaf, ...a })
  return unionOfChildren(a, b)
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const out: Building = {}
  for (const element in a) {
    const theirs = b[element]
    if (theirs === undefined || element === self) continue
    const ours = a[element] as FieldSet
    const node = made(intersection(ours, theirs), isMember(ours) && isMember(theirs))
    if (node) out[element] = node
  }
  return out
}

/** What is in `a` and not in `b`; what lies below a path of `b` stays. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return subtract(a, b, false)
}

/** The same, and what lies below a path of `b` goes too. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  return subtract(a, b, true)
}

function subtract(a: FieldSet, b: FieldSet, isRecursive: boolean): FieldSet {
  let out: Building | undefined
  for (const element in b) {
    if (element === self) continue
    const ours = (out ?? a)[element]
    if (ours === undefined) continue
    const theirs = b[element] as FieldSet
    const node = subtractNode(ours, theirs, isRecursive)
    if (node === ours) continue
    out ??= { ...a }
    if (node) out[element] = node
    else delete out[element]
  }
  return out ?? a
}

function subtractNode(ours: FieldSet, theirs: FieldSet, isRecursive: boolean): FieldSet | undefined {
  if (isMember(theirs) && isRecursive) return undefined
  if (ours === theirs) return undefined
  const wasMember = isMember(ours)
  const stays = wasMember && !isMember(theirs)
  const children = subtract(ours, theirs, isRecursive)
  return children === ours && stays === wasMember ? ours : made(children, stays)
}

/** A node with these children; undefined where nothing is left. */
export function made(children: FieldSet, member: boolean): FieldSet | undefined {
  const hadSelf = children[self] !== undefined
  let count = hadSelf ? -1 : 0
  for (const _ in children) count++
  if (count === 0) return member ? leaf : undefined
  if (hadSelf === member) return children
  const { [self]: _, ...rest } = children
  return member ? { [self]: leaf, ...rest } : rest
}

/** Whether `b` has everything that `a` has. */
export function isSubset(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true
  for (const element in a) {
    if (element === self) continue
    const theirs = b[element]
    const ours = a[element] as FieldSet
    if (theirs === undefined || (isMember(ours) && !isMember(theirs)) || !isSubset(ours, theirs)) return false
  }
  return true
}

export function sameSet(a: FieldSet, b: FieldSet): boolean {
  return a === b || (isSubset(a, b) && isSubset(b, a))
}

/** Every path, those of one level before what lies below them, as upstream lists conflicts. */
export function pathsOf(set: FieldSet, prefix: Path = []): Path[] {
  const elements = Object.keys(set).filter((element) => element !== self)
  const here = elements.filter((element) => isMember(set[element] as FieldSet)).map((element) => [...prefix, element])
  return [...here, ...elements.flatMap((element) => pathsOf(set[element] as FieldSet, [...prefix, element]))]
}

/** `.spec.containers[name="a"].args[0]` */
export function pathText(path: Path): string {
  return path.map(elementText).join('')
}

function elementText(element: string): string {
  const rest = element.slice(2)
  if (element[0] === 'f') return `.${rest}`
  if (element[0] === 'i') return `[${rest}]`
  const value = JSON.parse(rest)
  if (element[0] === 'v') return `[=${valueText(value)}]`
  return `[${Object.entries(value)
    .map(([name, inner]) => `${name}=${valueText(inner)}`)
    .join(',')}]`
}

/** As Go prints it: text in quotes, the rest bare. */
function valueText(value: unknown): string {
  return JSON.stringify(value)
}

/** `k:{"containerPort":80,"protocol":"TCP"}`; `names` are sorted. */
export function keyElement(names: readonly string[], values: readonly unknown[]): string {
  let text = 'k:{'
  for (let i = 0; i < names.length; i++) {
    if (values[i] === undefined) continue
    text += `${text.length > 3 ? ',' : ''}${goText(names[i])}:${goText(values[i])}`
  }
  return `${text}}`
}

export function valueElement(value: unknown): string {
  return `v:${goText(value)}`
}

const escaped = /["\\<>&\p{Cc}\p{Cs}\u2028\u2029]/u

/** JSON as Go writes it: what could end a script in HTML is escaped. */
export function goText(value: unknown): string {
  if (typeof value === 'string' && !escaped.test(value)) return `"${value}"`
  if (typeof value === 'bigint' || typeof value === 'number') return String(value)
  const text = JSON.stringify(value)
  return text.replace(/\\\\|\\[bf]|[<>&\u2028\u2029]/g, (found) => escapes[found] ?? found)
}

/** What Go writes otherwise than JavaScript. */
const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
  '\\b': '\\u0008',
  '\\f': '\\u000c',
}

/** The same node with its keys in upstream's order. */
export function inOrder(node: FieldSet): FieldSet {
  const elements = Object.keys(node)
  let sorted = true
  for (let i = 1; i < elements.length && sorted; i++) {
    sorted = compareElements(elements[i - 1] as string, elements[i] as string) <= 0
  }
  if (sorted) return node
  return Object.fromEntries(elements.sort(compareElements).map((element) => [element, node[element] as FieldSet]))
}

const ranks: Readonly<Record<string, number>> = { '.': 0, f: 1, k: 2, v: 3, i: 4 }

/** '.', then fields, keys, values, indexes. */
export function compareElements(a: string, b: string): number {
  if (a === b) return 0
  const rank = (ranks[a[0] as string] as number) - (ranks[b[0] as string] as number)
  if (rank !== 0) return rank
  if (a[0] === 'f') return compareText(a, b)
  if (a[0] === 'i') return Number(a.slice(2)) - Number(b.slice(2))
  return compareInText(a, b) ?? compareValues(JSON.parse(a.slice(2)), JSON.parse(b.slice(2)))
}

const quote = 0x22
const backslash = 0x5c

/** The order of two JSON texts whose first difference lies inside of text that needs no unescaping; undefined elsewhere. */
function compareInText(a: string, b: string): number | undefined {
  let isText = false
  for (let i = 2; i < a.length && i < b.length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left === backslash || right === backslash) return undefined
    if (left === right) {
      if (left === quote) isText = !isText
      continue
    }
    if (!isText) return undefined
    if (left === quote || right === quote) return left === quote ? -1 : 1
    return byteRank(left) - byteRank(right)
  }
  return undefined
}

/** By bytes of UTF-8. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right) return byteRank(left) - byteRank(right)
  }
  return a.length - b.length
}

/** In UTF-8, what takes two units of UTF-16 comes after everything else. */
function byteRank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

/** Numbers, text, booleans, lists, maps, null (upstream's `value.Compare`). */
function compareValues(a: unknown, b: unknown): number {
  const rank = rankOf(a) - rankOf(b)
  if (rank !== 0) return rank
  if (typeof a === 'string') return compareText(a, b as string)
  if (typeof a !== 'object' || a === null) return Number(a) - Number(b)
  const [left, right] = [Object.entries(a), Object.entries(b as object)]
  for (let i = 0; i < left.length || i < right.length; i++) {
    const [l, r] = [left[i], right[i]]
    if (!l || !r) return l ? 1 : -1
    const order = compareText(l[0], r[0]) || compareValues(l[1], r[1])
    if (order !== 0) return order
  }
  return 0
}

function rankOf(value: unknown): number {
  if (typeof value === 'number') return 0
  if (typeof value === 'string') return 1
  if (typeof value === 'boolean') return 2
  return Array.isArray(value) ? 3 : value === null ? 5 : 4
}

/** The text of FieldsV1, byte for byte as upstream writes it. */
export function serializeFieldSet(set: FieldSet): string {
  return texts.get(set) ?? JSON.stringify(set)
}

const texts = new WeakMap<FieldSet, string>()
const shared = new Map<string, FieldSet>()

/** Longer texts and more of them are not worth the memory. */
const longestShared = 8 << 10
const mostShared = 1024

/** The one set of this text: objects of one template have the same managers, who own the same. It keeps its text. */
export function sharedSet(set: FieldSet): FieldSet {
  if (texts.has(set)) return set
  const text = JSON.stringify(set)
  const known = shared.get(text)
  if (known || text.length > longestShared) return known ?? set
  if (shared.size >= mostShared) shared.clear()
  shared.set(text, set)
  texts.set(set, text)
  return set
}

/** What `sharedSet` has of this text. */
export function sharedSetOf(text: string): FieldSet | undefined {
  return shared.get(text)
}

/** The text of a set that is shared. */
export function keptText(set: FieldSet): string | undefined {
  return texts.get(set)
}

/**
 * A set that somebody sent: keys made canonical, elements of unknown types left out. Throws where upstream's parser does; the text is
 * what stands after `error decoding set: `.
 */
export function parseFieldSet(value: unknown): FieldSet {
  return parseNode(value ?? {}) ?? empty
}

function parseNode(value: unknown): FieldSet | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('readObjectMapCB: expect { or n')
  const out: Building = {}
  let hasSelf = false
  for (const [key, inner] of Object.entries(value)) {
    if (key === self) {
      hasSelf = true
      continue
    }
    const element = canonicalElement(key)
    if (element === undefined) continue
    const node = parseNode(inner) ?? leaf
    out[element] = out[element] ? unionOfNodes(out[element], node) : node
  }
  if (isEmpty(out)) return undefined
  return inOrder(hasSelf ? { [self]: leaf, ...out } : out)
}

function canonicalElement(key: string): string | undefined {
  const fail = (why: string) => new Error(`parsing key as path element: ${why}`)
  if (key.length < 2) throw fail('key must be 2 characters long:')
  if (key[1] !== ':') throw fail(`missing colon: ${key}`)
  const rest = key.slice(2)
  switch (key[0]) {
    case 'f':
      return key
    case 'i':
      if (!/^[+-]?\d+$/.test(rest)) throw fail(`strconv.Atoi: parsing ${JSON.stringify(rest)}: invalid syntax`)
      return `i:${Number(rest)}`
    case 'v':
      return valueElement(parsed(rest, fail))
    case 'k': {
      const fields = parsed(rest, fail)
      if (typeof fields !== 'object' || fields === null) throw fail('expect { or n')
      const names = Object.keys(fields).sort()
      return keyElement(
        names,
        names.map((name) => (fields as Record<string, unknown>)[name]),
      )
    }
    default:
      return undefined
  }
}

function parsed(text: string, fail: (why: string) => Error): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw fail((error as Error).message)
  }
}

/**
 * Who owns what after a creation. Objects of one template have the same fields, and so one set, which is worked out once: what an object is
 * compared by is how it is built, as text, not what its values are.
 */
import { difference, type FieldSet, isEmpty, sharedSet, union } from './field-set.ts'
import { identityOf, type Managers, type Versions, type Writer } from './managed-fields.ts'
import { comparison, resetRoots, unowned } from './managed-update.ts'
import { type deduced, isObject, itemElement, type ListShape, type MapShape, type Shape, shapeAt, soleKey } from './typed.ts'
import { equalValues } from './typed-compare.ts'

export interface Creation {
  /** The object before its creation: the zero value of its kind, the same for all of them. */
  readonly zero: unknown
  readonly object: unknown
  readonly writer: Writer
}

/** The same as `managersAfterUpdate` of an object that nobody manages yet. */
export function managersAfterCreate(versions: Versions, { zero, object, writer }: Creation): Managers {
  const set = ownedSet(versions, zero, object)
  if (isEmpty(set)) return new Map()
  const { manager, apiVersion, subresource, time } = writer
  const entry = { manager: manager || 'unknown', operation: 'Update', apiVersion, subresource, time, set } as const
  return new Map([[identityOf(entry), entry]])
}

/** By shape, and by what is reset; then by how the object is built. */
const known = new WeakMap<Shape, WeakMap<FieldSet, Map<string, FieldSet>>>()

/** Longer texts and more of them are not worth the memory. */
const longest = 8 << 10
const most = 64

function ownedSet(versions: Versions, zero: unknown, object: unknown): FieldSet {
  const build = buildOf(versions, zero, object)
  if (build === undefined || build.length > longest) return newSet(versions, zero, object)
  const sets = setsFor(versions)
  let set = sets.get(build)
  if (!set) {
    if (sets.size >= most) sets.clear()
    set = sharedSet(newSet(versions, zero, object))
    sets.set(build, set)
  }
  return set
}

function setsFor({ shape, reset }: Versions): Map<string, FieldSet> {
  let byReset = known.get(shape)
  if (!byReset) known.set(shape, (byReset = new WeakMap()))
  let sets = byReset.get(reset)
  if (!sets) byReset.set(reset, (sets = new Map()))
  return sets
}

function newSet(versions: Versions, zero: unknown, object: unknown): FieldSet {
  const { added, modified } = comparison(versions, zero, object)
  return difference(union(modified, added), unowned)
}

/** Undefined where it takes more than this to tell. */
function buildOf({ shape, reset }: Versions, zero: unknown, object: unknown): string | undefined {
  const build = new Build(resetRoots(reset))
  build.both(shape, zero, object)
  return build.isKnown ? build.text : undefined
}

/** Walks as `compareTyped` and `addedSet` do, and writes down all that their results depend on. */
class Build {
  text = ''
  isKnown = true
  readonly #skipped: ReadonlySet<string>
  #depth = 0

  constructor(skipped: ReadonlySet<string>) {
    this.#skipped = skipped
  }

  both(shape: Shape, zero: unknown, value: unknown): void {
    if (shape.type === 'deduced') {
      this.isKnown = false
    } else if (shape.type === 'map' && !shape.atomic && isObject(zero) && isObject(value)) {
      this.#fields(shape, zero, value)
    } else if (shape.type === 'list' && shape.kind !== 'atomic' && !equalValues(zero, value)) {
      if (Array.isArray(zero) && zero.length === 0 && Array.isArray(value) && value.length > 0) this.#items(shape, value)
      else this.isKnown = false
    } else this.text += equalValues(zero, value) ? '=' : '!'
  }

  #fields(shape: MapShape, zero: Record<string, unknown>, value: Record<string, unknown>): void {
    for (const key in zero) if (zero[key] !== undefined && value[key] === undefined) this.isKnown = false
    const isRoot = this.#depth++ === 0
    this.text += '{'
    for (const key in value) {
      const inner = value[key]
      if (inner === undefined || (isRoot && this.#skipped.has(key))) continue
      const at = this.#enter(shape, key)
      if (!at) continue
      const before = Object.hasOwn(zero, key) ? zero[key] : undefined
      if (before === undefined) this.added(at, inner)
      else this.both(at, before, inner)
    }
    this.text += '}'
    this.#depth--
  }

  added(shape: Shape, value: unknown): void {
    if (typeof value !== 'object' || value === null || shape.type === 'scalar') return
    if (Array.isArray(value)) {
      if (shape.type === 'list' && shape.kind !== 'atomic') this.#items(shape, value)
    } else if (shape.type === 'deduced' || (shape.type === 'map' && !shape.atomic)) {
      this.#added(shape, value as Record<string, unknown>)
    }
  }

  #added(shape: MapShape | typeof deduced, value: Record<string, unknown>): void {
    this.text += '{'
    for (const key in value) {
      const inner = value[key]
      if (inner === undefined) continue
      const at = this.#enter(shape, key)
      if (at && typeof inner === 'object') this.added(at, inner)
    }
    this.text += '}'
  }

  /** Writes down a key that may be there, and answers the shape of what stands in it. */
  #enter(shape: MapShape | typeof deduced, key: string): Shape | undefined {
    const field = shape.type === 'map' ? shape.field(key) : undefined
    const at = field ? field.shape() : shapeAt(shape, key)
    if (field) this.text += field.letter
    else if (at) this.text += `${key.length} ${key}`
    return at
  }

  #items(shape: ListShape, list: readonly unknown[]): void {
    const items = shape.items()
    const key = soleKey(shape)
    this.text += '['
    for (const item of list) {
      const name = key !== undefined && isObject(item) ? item[key] : undefined
      const element = typeof name === 'string' ? name : itemElement(shape, item)
      this.text += `${typeof name === 'string' ? '' : '@'}${element.length} ${element}`
      this.added(items, item)
    }
    this.text += ']'
  }
}

/**
 * Lists that Go writes as `null` when they are empty: fields without `omitempty` that nobody set. Within this program they are empty lists
 * (`nullWhenEmpty`, `words.ts`); these functions lead from there to what stands on the wire, and back.
 */
import type { Node } from './words.ts'

export interface NullLists {
  /** The object as it is written; shares all that does not change, and is the same object where nothing does. */
  toWire<T>(object: T): T
  /** Makes empty lists of the nulls of an object that was read, within the object. */
  fromWire<T>(object: T): T
}

type Json = Record<string, unknown>

interface Part {
  readonly name: string
  /** Of what lies below; undefined for the list itself. */
  readonly below: NullLists | undefined
  readonly isList: boolean
}

const known = new WeakMap<Node, NullLists | undefined>()

/** Undefined for a schema that has none of them, which is nearly every one. */
export function nullLists(node: Node): NullLists | undefined {
  if (!known.has(node)) {
    // A struct may contain itself; none that does has such a list.
    known.set(node, undefined)
    known.set(node, compile(node))
  }
  return known.get(node)
}

function compile(node: Node): NullLists | undefined {
  if (node.json) return undefined
  if (node.type === 'list') return ofItems(nullLists(node.items))
  if (node.type !== 'object') return undefined
  const parts: Part[] = []
  for (const [name, { schema, nullWhenEmpty }] of Object.entries(node.fields)) {
    const below = nullLists(schema)
    if (below || nullWhenEmpty) parts.push({ name, below, isList: nullWhenEmpty === true })
  }
  return parts.length === 0 ? undefined : ofParts(parts)
}

function ofItems(item: NullLists | undefined): NullLists | undefined {
  if (!item) return undefined
  return {
    toWire(list: any) {
      let copy: unknown[] | undefined
      for (let i = 0; i < list.length; i++) {
        const written = item.toWire(list[i])
        if (written === list[i]) continue
        copy ??= [...list]
        copy[i] = written
      }
      return copy ?? list
    },
    fromWire(list: any) {
      for (const one of list) item.fromWire(one)
      return list
    },
  }
}

function ofParts(parts: readonly Part[]): NullLists {
  return {
    toWire(object: any) {
      let copy: Json | undefined
      for (const { name, below, isList } of parts) {
        const value = object[name]
        if (value === undefined || value === null) continue
        const written = isList && value.length === 0 ? null : below ? below.toWire(value) : value
        if (written === value) continue
        copy ??= { ...object } as Json
        copy[name] = written
      }
      return copy ?? object
    },
    fromWire(object: any) {
      for (const { name, below, isList } of parts) {
        const value = object[name]
        if (value === null && isList) object[name] = []
        else if (value !== undefined && value !== null) below?.fromWire(value)
      }
      return object
    },
  }
}

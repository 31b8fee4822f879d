/** The objects an informer knows, found by key, namespace, owner, or an index of the caller's own. */
import type { KubeObject } from '#schema/kind.ts'
import type { Ref } from './client.ts'

/** The keys under which `object` stands in an index. */
export type IndexKeys<T> = (object: T) => readonly string[]

interface Index<T> {
  readonly keys: IndexKeys<T>
  readonly entries: Map<string, Map<string, T>>
}

/** `namespace/name`, or the name alone. */
export function keyOf(ref: Ref): string {
  return ref.namespace ? `${ref.namespace}/${ref.name}` : ref.name
}

/** The inverse of `keyOf`. */
export function refOfKey(key: string): Ref {
  const slash = key.indexOf('/')
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/** Names of the indexes that every store has. */
export const byNamespace = 'namespace'
/** By the UID of every owner. */
export const byOwner = 'owner'
/** By the UID of the one owner that is the controller. */
export const byController = 'controller'

/** Invariant: each index holds exactly the objects of `#objects`. Iteration is in the order of first insertion. */
export class IndexedStore<T extends KubeObject> {
  #objects = new Map<string, T>()
  #indexes = new Map<string, Index<T>>()

  constructor() {
    this.addIndex(byNamespace, ({ metadata }) => [metadata.namespace ?? ''])
    this.addIndex(byOwner, ({ metadata }) => (metadata.ownerReferences ?? []).map(({ uid }) => uid))
    this.addIndex(byController, ({ metadata }) =>
      (metadata.ownerReferences ?? []).filter(({ controller }) => controller).map(({ uid }) => uid),
    )
  }

  get size(): number {
    return this.#objects.size
  }

  keys(): readonly string[] {
    return [...this.#objects.keys()]
  }

  get(at: Ref): T | undefined {
    return this.#objects.get(keyOf(at))
  }

  values(): readonly T[] {
    return [...this.#objects.values()]
  }

  /** Adding an index that exists does nothing, so several users may ask for the same. */
  addIndex(name: string, keys: IndexKeys<T>): void {
    if (this.#indexes.has(name)) return
    const index: Index<T> = { keys, entries: new Map() }
    this.#indexes.set(name, index)
    for (const [key, object] of this.#objects) insert(index, key, object)
  }

  /** Objects that stand in index `name` under `value`. */
  indexed(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name)
    if (!index) throw new Error(`there is no index ${name}`)
    return [...(index.entries.get(value)?.values() ?? [])]
  }

  /** By what `keyOf` answers. */
  at(key: string): T | undefined {
    return this.#objects.get(key)
  }

  /** Answers the object that stood there before. */
  set(object: T, key = keyOf(object.metadata)): T | undefined {
    const old = this.#objects.get(key)
    for (const index of this.#indexes.values()) replace(index, key, { old, object })
    this.#objects.set(key, object)
    return old
  }

  delete(at: Ref): T | undefined {
    const key = keyOf(at)
    const old = this.#objects.get(key)
    if (!old) return undefined
    for (const index of this.#indexes.values()) remove(index, key, old)
    this.#objects.delete(key)
    return old
  }
}

/** Most changes leave an object under the keys under which it stands. */
function replace<T>(index: Index<T>, key: string, { old, object }: { old: T | undefined; object: T }): void {
  if (!old) return insert(index, key, object)
  const before = index.keys(old)
  const after = index.keys(object)
  if (before.length === after.length && before.every((value, at) => value === after[at])) {
    for (const value of after) index.entries.get(value)?.set(key, object)
    return
  }
  remove(index, key, old)
  insert(index, key, object)
}

function insert<T>({ keys, entries }: Index<T>, key: string, object: T): void {
  for (const value of keys(object)) {
    const at = entries.get(value)
    if (at) at.set(key, object)
    else entries.set(value, new Map([[key, object]]))
  }
}

function remove<T>({ keys, entries }: Index<T>, key: string, object: T): void {
  for (const value of keys(object)) {
    const at = entries.get(value)
    at?.delete(key)
    if (at?.size === 0) entries.delete(value)
  }
}

/**
 * The objects beside nodes and pods that plugins look at, and what the scheduler assumes about them until the API server shows it.
 *
 * Guarantees: an assumed object hides the observed one until `forget`, or until an object of at least the version that `confirm` named was observed.
 */

import type { Ref } from '#client/client.ts'
import { keyOf } from '#client/indexed-store.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'

type K<T extends KubeObject> = Kind<string, T>

export interface Objects {
  get<T extends KubeObject>(kind: K<T>, at: Ref): T | undefined
  /** What was last seen of it, whatever is assumed. */
  observed<T extends KubeObject>(kind: K<T>, at: Ref): T | undefined
  list<T extends KubeObject>(kind: K<T>, namespace?: string): readonly T[]
  /** Grows with every change to objects of the kind. */
  generation(kind: Kind): number
  assume<T extends KubeObject>(kind: K<T>, object: T): void
  /** The server has accepted what was assumed, in this form; new objects are assumed until they are seen. */
  confirm<T extends KubeObject>(kind: K<T>, object: T): void
  forget(kind: Kind, at: Ref): void
  isAssumed(kind: Kind, at: Ref): boolean
}

interface Shelf {
  generation: number
  readonly observed: Map<string, KubeObject>
  readonly assumed: Map<string, { readonly object: KubeObject; readonly until?: bigint }>
  readonly lists: Map<string, readonly KubeObject[]>
}

export class ObjectCache implements Objects {
  #shelves = new Map<string, Shelf>()

  #shelf({ kind }: Kind): Shelf {
    const known = this.#shelves.get(kind)
    if (known) return known
    const shelf: Shelf = { generation: 0, observed: new Map(), assumed: new Map(), lists: new Map() }
    this.#shelves.set(kind, shelf)
    return shelf
  }

  get<T extends KubeObject>(kind: K<T>, at: Ref): T | undefined {
    const { observed, assumed } = this.#shelf(kind)
    const key = keyOf(at)
    return (assumed.get(key)?.object ?? observed.get(key)) as T | undefined
  }

  observed<T extends KubeObject>(kind: K<T>, at: Ref): T | undefined {
    return this.#shelf(kind).observed.get(keyOf(at)) as T | undefined
  }

  list<T extends KubeObject>(kind: K<T>, namespace = ''): readonly T[] {
    const { observed, assumed, lists } = this.#shelf(kind)
    const known = lists.get(namespace)
    if (known) return known as readonly T[]
    const found: KubeObject[] = []
    for (const [key, object] of observed) {
      if (!namespace || object.metadata.namespace === namespace) found.push(assumed.get(key)?.object ?? object)
    }
    for (const [key, { object }] of assumed) {
      if (!observed.has(key) && (!namespace || object.metadata.namespace === namespace)) found.push(object)
    }
    lists.set(namespace, found)
    return found as unknown as readonly T[]
  }

  generation(kind: Kind): number {
    return this.#shelf(kind).generation
  }

  /** The informer has seen it. */
  set(kind: Kind, object: KubeObject): void {
    const shelf = this.#shelf(kind)
    const key = keyOf(object.metadata)
    shelf.observed.set(key, object)
    const assumed = shelf.assumed.get(key)
    if (assumed?.until !== undefined && versionOf(object) >= assumed.until) shelf.assumed.delete(key)
    touch(shelf)
  }

  delete(kind: Kind, at: Ref): void {
    const shelf = this.#shelf(kind)
    shelf.observed.delete(keyOf(at))
    shelf.assumed.delete(keyOf(at))
    touch(shelf)
  }

  assume<T extends KubeObject>(kind: K<T>, object: T): void {
    const shelf = this.#shelf(kind)
    shelf.assumed.set(keyOf(object.metadata), { object })
    touch(shelf)
  }

  confirm<T extends KubeObject>(kind: K<T>, object: T): void {
    const shelf = this.#shelf(kind)
    const key = keyOf(object.metadata)
    const until = versionOf(object)
    const observed = shelf.observed.get(key)
    if (observed ? versionOf(observed) >= until : !shelf.assumed.has(key)) shelf.assumed.delete(key)
    else shelf.assumed.set(key, { object, until })
    touch(shelf)
  }

  forget(kind: Kind, at: Ref): void {
    const shelf = this.#shelf(kind)
    if (shelf.assumed.delete(keyOf(at))) touch(shelf)
  }

  isAssumed(kind: Kind, at: Ref): boolean {
    return this.#shelf(kind).assumed.has(keyOf(at))
  }
}

function touch(shelf: Shelf): void {
  shelf.generation++
  shelf.lists.clear()
}

export function versionOf({ metadata }: KubeObject): bigint {
  const { resourceVersion = '' } = metadata
  return /^\d+$/.test(resourceVersion) ? BigInt(resourceVersion) : 0n
}

/**
 * The cache of one kind, shared by all controllers of a process: an informer, and over it what this process has written
 * and the informer has not seen yet.
 *
 * Guarantee: whoever wrote an object through `wrote` or `deleted` reads that state or a newer one, never an older one.
 * Assumption: resource versions are decimal numbers that grow with every write (KEP-5504).
 */
import assert from 'node:assert/strict'
import { selects } from '#api/meta/v1/label-selector.ts'
import type { Client, Ref } from '#client/client.ts'
import { byController, type IndexKeys, keyOf } from '#client/indexed-store.ts'
import type { Selection } from '#client/informer.ts'
import { type Handlers, type Informer, type InformerOptions, startInformer } from '#client/informer.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'

const orphans = 'orphans'

/** A write that the informer has not passed yet. */
interface Pending<T> {
  readonly object: T
  readonly version: number
  /** `gone`: shown as absent. `ending`: shown as the informer has it, with a deletion time. */
  readonly state: 'written' | 'gone' | 'ending'
}

export class KindCache<T extends KubeObject> {
  readonly kind: Kind<string, T>
  readonly informer: Informer<T>
  #pending = new Map<string, Pending<T>>()
  #keys = new Map<string, IndexKeys<T>>()

  constructor(client: Client, kind: Kind<string, T>, options: InformerOptions) {
    this.kind = kind
    this.informer = startInformer(client, kind, { ...options, onVersion: (version) => this.#forget(versionOf(version)) })
    this.informer.addIndex(orphans, ({ metadata }) => (controllerUids(metadata).length === 0 ? [metadata.namespace ?? ''] : []))
  }

  addHandlers(handlers: Handlers<T>): () => void {
    return this.informer.addHandlers(handlers)
  }

  get(at: Ref): T | undefined {
    return this.#see(keyOf(at), this.informer.get(at))
  }

  list(selection: Selection = {}): readonly T[] {
    const { namespace, labels, selector } = selection
    return this.#merge(
      this.informer.list(selection),
      ({ metadata }) =>
        (!namespace || metadata.namespace === namespace) &&
        (!selector || selects(selector, metadata.labels)) &&
        Object.entries(labels ?? {}).every(([key, value]) => metadata.labels?.[key] === value),
    )
  }

  /** Objects whose controller reference has this UID. */
  controlledBy(uid: string): readonly T[] {
    return this.#merge(this.informer.indexed(byController, uid), ({ metadata }) => controllerUids(metadata).includes(uid))
  }

  /** Objects of a namespace that nobody controls. */
  orphans(namespace: string): readonly T[] {
    return this.#merge(
      this.informer.indexed(orphans, namespace),
      ({ metadata }) => (metadata.namespace ?? '') === namespace && controllerUids(metadata).length === 0,
    )
  }

  /** Several controllers may declare the same index, but not two under one name. */
  addIndex(name: string, keys: IndexKeys<T>): void {
    assert((this.#keys.get(name) ?? keys) === keys, `two indexes of ${this.kind.plural} are called ${name}`)
    this.#keys.set(name, keys)
    this.informer.addIndex(name, keys)
  }

  indexed(name: string, value: string): readonly T[] {
    return this.#merge(this.informer.indexed(name, value), (object) => this.#keys.get(name)?.(object).includes(value) ?? false)
  }

  /** The server answered a write with this state. */
  wrote(object: T): void {
    const version = versionOf(object.metadata.resourceVersion)
    if (version <= versionOf(this.informer.resourceVersion)) return
    const key = keyOf(object.metadata)
    const before = this.#pending.get(key)
    if (before && before.version >= version) return
    this.#pending.set(key, { object, version, state: 'written' })
  }

  /** The server accepted the deletion of this object; how far that got is not known. */
  deleted(object: T): void {
    const { metadata } = object
    const lingers = this.kind.def.graceSeconds || (metadata.finalizers?.length ?? 0) > 0
    const version = versionOf(metadata.resourceVersion)
    this.#pending.set(keyOf(metadata), { object, version, state: lingers ? 'ending' : 'gone' })
  }

  #merge(known: readonly T[], matches: (object: T) => boolean): readonly T[] {
    if (this.#pending.size === 0) return known
    const seen: T[] = []
    for (const object of known) {
      const key = keyOf(object.metadata)
      if (!this.#pending.has(key)) seen.push(object)
    }
    for (const key of this.#pending.keys()) {
      const object = this.#see(key, this.informer.get((this.#pending.get(key) as Pending<T>).object.metadata))
      if (object && matches(object)) seen.push(object)
    }
    return seen
  }

  #see(key: string, known: T | undefined): T | undefined {
    const pending = this.#pending.get(key)
    if (!pending) return known
    if (pending.state === 'written') {
      return known && versionOf(known.metadata.resourceVersion) >= pending.version ? known : pending.object
    }
    if (!known || known.metadata.uid !== pending.object.metadata.uid) return known
    if (pending.state === 'gone') return undefined
    return known.metadata.deletionTimestamp ? known : ending(known)
  }

  /** Drops what the informer has passed. A deletion is passed when its object is absent, replaced or marked. */
  #forget(version: number): void {
    for (const [key, pending] of this.#pending) {
      if (pending.version > version) continue
      const known = this.informer.get(pending.object.metadata)
      const stillThere = known && known.metadata.uid === pending.object.metadata.uid && !known.metadata.deletionTimestamp
      if (pending.state === 'written' || !stillThere) this.#pending.delete(key)
    }
  }
}

function versionOf(resourceVersion: string): number {
  return Number(resourceVersion || 0)
}

function controllerUids({ ownerReferences = [] }: KubeObject['metadata']): readonly string[] {
  return ownerReferences.filter(({ controller }) => controller).map(({ uid }) => uid)
}

/** The exact time is the server's to set; controllers ask only whether there is one. */
function ending<T extends KubeObject>(object: T): T {
  return { ...object, metadata: { ...object.metadata, deletionTimestamp: object.metadata.creationTimestamp } }
}

/** `Cluster` as a controller is handed it: reads from the shared caches, writes with the controller's own client. */
import type { Client, DeleteOptions, Patch, Ref } from '#client/client.ts'
import { createEventRecorder, type EventRecorder } from '#client/events.ts'
import { keyOf, refOfKey } from '#client/indexed-store.ts'
import type { Handlers, Selection } from '#client/informer.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { copyObject } from '#schema/copy.ts'
import { decode } from '#schema/decode.ts'
import { semanticEqual as same } from '#schema/equal.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { conflict, hasReason, modified, notFound } from '#schema/status-error.ts'
import type { Draft, Schema } from '#schema/words.ts'
import type { KindCache } from './cache.ts'
import { ChangeNotes } from './change-notes.ts'
import type { Changes, Cluster, StatusOptions } from './controller.ts'
import { slowStart } from './slow-start.ts'

export interface ControllerClusterOptions {
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly client: Client
  /** Name in Events. */
  readonly component: string
  readonly caches: ReadonlyMap<Kind, KindCache<any>>
  readonly onError: (error: unknown) => void
}

type Writable = Draft<KubeObject>

export class ControllerCluster implements Cluster<any, any> {
  readonly clock: Clock
  readonly random: Random
  readonly live: Client
  readonly onError: (error: unknown) => void
  #caches: ReadonlyMap<Kind, KindCache<any>>
  #recorder: EventRecorder
  #signal: AbortSignal
  #notes = new Map<Kind, ChangeNotes>()

  constructor(options: ControllerClusterOptions) {
    const { clock, random, client, component, signal, onError } = options
    this.clock = clock
    this.random = random
    this.live = client
    this.onError = onError
    this.#caches = options.caches
    this.#signal = signal
    this.#recorder = createEventRecorder(client, { clock, random, component, signal, onError })
  }

  get(kind: Kind, at: Ref): any {
    return this.#cache(kind).get(at)
  }

  list(kind: Kind, selection?: Selection): readonly any[] {
    return this.#cache(kind).list(selection)
  }

  owned(kind: Kind, owner: KubeObject): readonly any[] {
    return this.#cache(kind).controlledBy(owner.metadata.uid)
  }

  orphans(kind: Kind, namespace: string): readonly any[] {
    return this.#cache(kind).orphans(namespace)
  }

  indexed(kind: Kind, at: { readonly index: string; readonly value: string }): readonly any[] {
    return this.#cache(kind).indexed(at.index, at.value)
  }

  /** From the informer alone: what it has not told of yet will be noted when it does. */
  changes(kind: Kind, { metadata }: KubeObject, { whole = false } = {}): Changes {
    const { informer } = this.#cache(kind)
    const taken = this.#notesOf(kind).take(keyOf(metadata))
    const noted = whole ? undefined : taken
    const objects = noted
      ? [...noted].map((key) => [key, informer.get(refOfKey(key))] as const)
      : informer.list({ namespace: metadata.namespace }).map((object) => [keyOf(object.metadata), object] as const)
    return { whole: !noted, objects: new Map(objects) }
  }

  /** `object` has changed, which concerns `owner`. */
  noteChange(kind: Kind, owner: Ref, object: KubeObject): void {
    this.#notesOf(kind).note(keyOf(owner), keyOf(object.metadata))
  }

  /** The owner is gone. */
  forgetChanges(owner: Ref): void {
    for (const notes of this.#notes.values()) notes.forget(keyOf(owner))
  }

  #notesOf(kind: Kind): ChangeNotes {
    let notes = this.#notes.get(kind)
    if (!notes) this.#notes.set(kind, (notes = new ChangeNotes()))
    return notes
  }

  watch(kind: Kind, handlers: Handlers<any>): () => void {
    return this.#cache(kind).addHandlers(handlers)
  }

  async create(kind: Kind, draft: Draft<any>, owner?: KubeObject): Promise<any> {
    this.#signal.throwIfAborted()
    const created = await this.live.create(kind, owner ? childOf(kind, draft, owner) : draft)
    this.#caches.get(kind)?.wrote(created)
    return created
  }

  async createMany(kind: Kind, drafts: readonly Draft<any>[], owner: KubeObject): Promise<number> {
    const { done, error } = await slowStart(drafts, (draft) => this.create(kind, draft, owner))
    if (error) throw error
    return done
  }

  async update(kind: Kind, object: Draft<any>): Promise<any> {
    this.#signal.throwIfAborted()
    const updated = await this.live.update(kind, object)
    this.#caches.get(kind)?.wrote(updated)
    return updated
  }

  async patch(kind: Kind, object: KubeObject, patch: Patch): Promise<any> {
    this.#signal.throwIfAborted()
    const patched = await this.live.patch(kind, object, patch)
    this.#caches.get(kind)?.wrote(patched)
    return patched
  }

  async delete(kind: Kind, object: KubeObject, options: DeleteOptions = {}): Promise<void> {
    this.#signal.throwIfAborted()
    const preconditions = { uid: object.metadata.uid, ...options.preconditions }
    try {
      await this.live.delete(kind, object, { ...options, preconditions })
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error
    }
    this.#caches.get(kind)?.deleted(object)
  }

  /**
   * Somebody else's write to what is wanted is no reason to compute the status anew: it is written onto that. A status
   * that somebody else has changed in between is, or what they said would be lost.
   */
  async status(
    kind: Kind,
    object: KubeObject & { status?: unknown },
    status: Draft<any>,
    { onlyOnto, seen = object.status }: StatusOptions = {},
  ): Promise<any> {
    this.#signal.throwIfAborted()
    const schema = kind.schema.fields.status?.schema
    if (!schema) throw new Error(`${kind.kind} has no status`)
    const wanted = decode(schema as Schema, copyObject(schema as Schema, status))
    const { annotations } = object.metadata
    let current: any = this.#caches.get(kind)?.get(object.metadata) ?? object
    if (current.metadata.uid !== object.metadata.uid) throw notFound(kind, object.metadata.name)
    for (let tries = 0; ; tries++) {
      if (!onlyOnto && current !== object && !same(current.status, seen)) throw conflict(kind, object.metadata.name, modified)
      const noted = { ...current.metadata.annotations, ...annotations }
      if (same(current.status, wanted) && same(current.metadata.annotations, noted)) return current
      const resourceVersion = onlyOnto ?? current.metadata.resourceVersion
      const next = { ...current, metadata: { ...current.metadata, annotations: noted, resourceVersion }, status: wanted }
      try {
        const written = await this.live.update(kind, next as Writable, { subresource: 'status' })
        this.#caches.get(kind)?.wrote(written)
        return written
      } catch (error) {
        if (onlyOnto || !hasReason(error, 'Conflict') || tries >= 3) throw error
        current = await this.live.get(kind, object)
        if (current.metadata.uid !== object.metadata.uid) throw error
      }
    }
  }

  event(object: KubeObject, event: { type: 'Normal' | 'Warning'; reason: string; message: string; action?: string }): void {
    this.#recorder.record(object, event)
  }

  flushEvents(): Promise<void> {
    return this.#recorder.flush()
  }

  #cache(kind: Kind): KindCache<any> {
    const cache = this.#caches.get(kind)
    if (!cache) throw new Error(`${kind.kind} is read without being declared`)
    return cache
  }
}

/** The draft as a child of `owner`: its namespace, a name beginning with the owner's, and the controller reference. */
function childOf(kind: Kind, draft: Draft<KubeObject>, owner: KubeObject): Draft<KubeObject> {
  const { name, namespace, uid } = owner.metadata
  const { metadata = {} } = draft
  const reference = {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  }
  return {
    ...draft,
    metadata: {
      ...metadata,
      ...(!metadata.name && !metadata.generateName && { generateName: `${name}-` }),
      ...(kind.namespaced && !metadata.namespace && { namespace }),
      ownerReferences: [...(metadata.ownerReferences ?? []), reference],
    },
  }
}

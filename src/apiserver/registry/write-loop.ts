/**
 * The one way in which an existing object changes: read, transform, admit, prepare, validate, compare-and-swap; whole
 * again when somebody else was faster (upstream's `GuaranteedUpdate`).
 *
 * Guarantees: no update is lost, and none is decided on a state that was not the newest when it was written. A write that
 * changes nothing writes nothing. A client that named a resource version gets a conflict instead of a second attempt.
 */
import { applyDefaults } from '#schema/default.ts'
import { root } from '#schema/field-error.ts'
import type { KubeObject } from '#schema/kind.ts'
import { conflict, invalid, modified, notFound, type StatusError } from '#schema/status-error.ts'
import { admitMutating, admitValidating } from './admit.ts'
import { afterDelete } from './after-delete.ts'
import { createObject } from './create-object.ts'
import { leaseFor } from './event-lease.ts'
import { hooksFor, withHooks } from './hooks.ts'
import { mayGo } from './namespace.ts'
import { dedupOwnerReferences } from './owner-references.ts'
import { sameJson } from './same-json.ts'
import type { Entry, Storage } from './storage.ts'
import { keptOf, type Part, prepareUpdate } from './strategy.ts'
import { causeOf, type WriteContext } from './write-context.ts'

export interface Change {
  readonly context: WriteContext
  readonly part: Part
  /** The wanted state, in a copy of its own; `current` is shared. Undefined `current`: the object is to be created. */
  next(current: any): any
  readonly preconditions?: Preconditions
  /** PUT of a kind that allows it, and server-side apply; runs before the creation is stored. */
  readonly createWhenAbsent?: ((object: KubeObject) => Promise<void>) | undefined
  /** For subresources of another kind: admission sees their body instead of the object. */
  readonly admits?: false
}

export interface Preconditions {
  readonly uid?: string | undefined
  readonly resourceVersion?: string | undefined
}

/** What a write answers; `row` is absent after a dry run. */
export interface Outcome {
  readonly object: any
  readonly entry?: Entry
  readonly created?: boolean
}

export async function writeLoop(change: Change): Promise<Outcome> {
  const { context } = change
  const storage = await context.registry.storage(context.kind)
  const key = storage.keyOf(context.namespace, context.name)
  let entry = await storage.cachedNear(key)
  let fresh = false
  for (;;) {
    let outcome: Attempt
    try {
      if (!entry && !fresh) throw notFound(context.kind, context.name)
      outcome = entry ? await attempt(change, { storage, entry }) : await createAbsent(change)
    } catch (error) {
      if (fresh) throw error
      const newest = await storage.get(key)
      fresh = true
      if (entry && newest?.row.revision === entry.row.revision) throw error
      entry = newest
      continue
    }
    if (outcome.type === 'done') return outcome.outcome
    if (outcome.type === 'unchanged') {
      const newest = fresh ? entry : await storage.get(key)
      if (newest && newest.row.revision === entry?.row.revision) return { object: newest.object, entry: newest }
      entry = newest
    } else entry = outcome.current
    fresh = true
  }
}

type Attempt =
  | { readonly type: 'done'; readonly outcome: Outcome }
  | { readonly type: 'unchanged' }
  | { readonly type: 'beaten'; readonly current: Entry | undefined }

async function createAbsent({ context, next, createWhenAbsent, preconditions }: Change): Promise<Attempt> {
  if (!createWhenAbsent) throw notFound(context.kind, context.name)
  if (preconditions?.uid) throw goneFor(context, preconditions.uid)
  const object = await next(undefined)
  delete object.metadata.resourceVersion
  await admitMutating(context, { operation: 'CREATE', object })
  applyDefaults(context.kind, object)
  dedupOwnerReferences(object, context.warn, true)
  return { type: 'done', outcome: { ...(await createObject(context, object, createWhenAbsent)), created: true } }
}

/** Somebody deleted what the client wanted to change. */
function goneFor({ kind, name }: WriteContext, uid: string): StatusError {
  return conflict(kind, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: `)
}

interface Place {
  readonly storage: Storage
  readonly entry: Entry
}

async function attempt(change: Change, { storage, entry }: Place): Promise<Attempt> {
  const { context, part } = change
  const old = entry.object
  checkPreconditions(context, { entry, preconditions: change.preconditions })
  const object = await change.next(old)
  if (change.admits !== false) {
    await admitMutating(context, { operation: 'UPDATE', object, old })
    applyDefaults(context.kind, object, keptOf(context, { part, old }))
  }
  dedupOwnerReferences(object, context.warn, true)
  checkVersion(context, object, old)
  const hooks = typeof part === 'string' ? hooksFor(context.registry.hooks, context.kind, part) : []
  const run = async () => {
    const ready = prepareUpdate(context, object, { old, part })
    if (change.admits !== false) await admitValidating(context, { operation: 'UPDATE', object: ready, old })
    const result = await store(change, { storage, entry, ready })
    return { done: result.type === 'done' && !context.dryRun, result }
  }
  return hooks.length > 0 ? withHooks(hooks, { object, old, context }, run) : (await run()).result
}

async function store({ context }: Change, { storage, entry, ready }: Place & { ready: KubeObject }): Promise<Attempt> {
  const old = entry.object
  if (mayGo(context.kind, ready, old)) return removeFinished(context, { storage, entry, ready })
  const isSame = sameJson(ready, old) || differsInTimesOnly(ready, old)
  if (isSame && !storage.isOutdated(entry) && !(await storage.isStale(entry.row.key))) return { type: 'unchanged' }
  if (context.dryRun) return { type: 'done', outcome: { object: ready } }
  const lease = await leaseFor(context)
  const written = await storage.update(entry, ready, { cause: causeOf(context), ...(lease && { lease }) })
  if (!written.ok) return { type: 'beaten', current: written.current }
  return { type: 'done', outcome: { object: written.entry.object, entry: written.entry } }
}

/** A write that changed nothing but when its writer was last seen (upstream's `IgnoreManagedFieldsTimestampsTransformer`). */
function differsInTimesOnly(ready: KubeObject, old: KubeObject): boolean {
  const { managedFields: now } = ready.metadata
  const { managedFields: before } = old.metadata
  if (!now || !before || now === before || now.length !== before.length) return false
  if (!sameJson({ ...ready, metadata: { ...ready.metadata, managedFields: before } }, old)) return false
  return now.every((entry, i) => sameJson({ ...entry, time: undefined }, { ...before[i], time: undefined }))
}

/** The last finalizer of a deleted object is gone, so the update deletes it; the client sees the object it sent. */
async function removeFinished(context: WriteContext, { storage, entry, ready }: Place & { ready: KubeObject }): Promise<Attempt> {
  if (context.dryRun) return { type: 'done', outcome: { object: ready } }
  const removed = await storage.remove(entry, causeOf(context))
  if (!removed.ok && removed.current) return { type: 'beaten', current: removed.current }
  if (removed.ok) await afterDelete(context, removed.entry.object)
  return { type: 'done', outcome: { object: ready } }
}

/** The text is that of upstream's `storage.Preconditions.Check` inside a conflict. */
function checkPreconditions(
  context: WriteContext,
  { entry, preconditions }: { entry: Entry; preconditions: Preconditions | undefined },
) {
  const { uid, resourceVersion } = entry.object.metadata
  const refuse = (field: string, wanted: string, found: string) => {
    const detail = `Precondition failed: ${field} in precondition: ${wanted}, ${field} in object meta: ${found}`
    const why = `StorageError: invalid object, Code: 4, Key: ${entry.row.key}, ResourceVersion: 0, AdditionalErrorMsg: ${detail}`
    return conflict(context.kind, context.name, why)
  }
  if (preconditions?.uid && preconditions.uid !== uid) throw refuse('UID', preconditions.uid, uid)
  const wanted = preconditions?.resourceVersion
  if (wanted && wanted !== resourceVersion) throw refuse('ResourceVersion', wanted, resourceVersion)
}

/** Without a version the update overwrites, where the kind allows that. */
function checkVersion({ kind, name }: WriteContext, object: KubeObject, old: KubeObject): void {
  const wanted = object.metadata.resourceVersion
  if (wanted && wanted !== '0') {
    if (wanted !== old.metadata.resourceVersion) throw conflict(kind, name, modified)
    return
  }
  if (kind.def.requireVersion) {
    const error = root.child('metadata', 'resourceVersion').invalid(0, 'must be specified for an update')
    throw invalid({ group: kind.group, kind: kind.plural }, name, [error])
  }
  object.metadata.resourceVersion = old.metadata.resourceVersion
}

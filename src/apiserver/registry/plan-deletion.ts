/** What a DELETE does to an object: nothing yet, a mark, or the end (upstream's `rest.BeforeDelete` and `Store.Delete`). */
import { formatTime } from '#lib/clock.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { ObjectMeta } from '#schema/object-meta.ts'
import { conflict } from '#schema/status-error.ts'
import { isNamespace } from './namespace.ts'
import type { DeleteOptions } from './options.ts'

export type DeletionPlan =
  /** The deletion under way already does what is asked. */
  | { readonly type: 'pending' }
  /** Goes at once. */
  | { readonly type: 'remove' }
  /** Is marked first; `thenRemove` when nothing else holds it. */
  | { readonly type: 'mark'; readonly object: KubeObject; readonly thenRemove: boolean }

export interface ToDelete {
  readonly object: any
  readonly options: DeleteOptions
  readonly now: number
}

type Metadata = { -readonly [K in keyof ObjectMeta]: ObjectMeta[K] }

export function planDeletion(kind: Kind, { object, options, now }: ToDelete): DeletionPlan {
  if (!isNamespace(kind)) checkPreconditions(kind, object, options)
  else return planNamespace({ object, options, now })
  const waiting = !object.metadata.deletionTimestamp && kind.def.markDeleted?.(object, formatTime(now))
  if (waiting) return { type: 'mark', object: waiting, thenRemove: false }
  const grace = planGrace(kind, { object, options, now })
  if (grace === 'pending') return { type: 'pending' }
  const finalizers = collectionFinalizers(kind, object.metadata, options)
  const metadata: Metadata = { ...(grace ?? object.metadata), finalizers }
  if (finalizers.length === 0) delete metadata.finalizers
  const held = finalizers.length > 0
  if (grace) return { type: 'mark', object: { ...object, metadata }, thenRemove: !held && !grace.deletionGracePeriodSeconds }
  if (!held) return { type: 'remove' }
  const marked = { ...object, metadata: markAsDeleting(metadata, now) }
  return { type: 'mark', object: sameMark(marked, object) ? object : marked, thenRemove: false }
}

function checkPreconditions(kind: Kind, { metadata }: KubeObject, { preconditions }: DeleteOptions): void {
  const resource = { group: kind.group, plural: kind.kind }
  const { uid, resourceVersion } = preconditions ?? {}
  if (uid !== undefined && uid !== metadata.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`
    throw conflict(resource, metadata.name, why)
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`
    throw conflict(resource, metadata.name, why)
  }
}

/** The marked metadata of a graceful deletion, undefined where the kind knows none or has none left. */
function planGrace(kind: Kind, { object, options, now }: ToDelete): Metadata | 'pending' | undefined {
  const { graceSeconds } = kind.def
  if (!graceSeconds) return undefined
  const { metadata } = object as KubeObject
  const requested = options.gracePeriodSeconds
  const asked = requested !== undefined && requested < 0 ? 1 : requested
  if (metadata.deletionTimestamp) return shorten(metadata, asked, now)
  const seconds = graceSeconds(object, asked)
  if (seconds === undefined) return undefined
  return {
    ...metadata,
    deletionTimestamp: formatTime(now + seconds * 1000),
    deletionGracePeriodSeconds: seconds,
    ...(metadata.generation && { generation: metadata.generation + 1 }),
  }
}

/** A deletion under way may only become shorter. */
function shorten(metadata: ObjectMeta, asked: number | undefined, now: number): Metadata | 'pending' | undefined {
  const current = metadata.deletionGracePeriodSeconds ?? 0
  if (current === 0) return undefined
  if (asked === undefined || asked >= current) return 'pending'
  const wanted = Date.parse(metadata.deletionTimestamp as string) + (asked - current) * 1000
  const late = wanted < now
  return {
    ...metadata,
    deletionTimestamp: formatTime(late ? now : wanted),
    deletionGracePeriodSeconds: late && asked !== 0 ? 1 : asked,
  }
}

const orphan = 'orphan'
const foreground = 'foregroundDeletion'

/** The object's finalizers with those that tell the garbage collector what is to become of the dependents. */
function collectionFinalizers(kind: Kind, metadata: ObjectMeta, options: DeleteOptions): string[] {
  const present = metadata.finalizers ?? []
  if (kind.kind === 'Event') return present
  const wanted = wantedFinalizer(kind, present, options)
  const kept = present.filter((finalizer) => finalizer !== orphan && finalizer !== foreground)
  if (wanted && present.includes(wanted) && kept.length === present.length - 1) return present
  return wanted ? [...kept, wanted] : kept
}

/** Explicit wishes first, then a finalizer that is there already, then the kind's habit. */
function wantedFinalizer(kind: Kind, present: readonly string[], options: DeleteOptions): string | undefined {
  if (options.orphanDependents !== undefined) return options.orphanDependents ? orphan : undefined
  if (options.propagationPolicy === 'Orphan') return orphan
  if (options.propagationPolicy === 'Foreground') return foreground
  if (options.propagationPolicy === 'Background') return undefined
  const standing = present.find((finalizer) => finalizer === orphan || finalizer === foreground)
  return standing ?? (orphansByDefault.has(kind.plural) ? orphan : undefined)
}

/** Kinds whose dependents have always been left behind when nobody said otherwise. */
const orphansByDefault = new Set(['replicationcontrollers', 'jobs'])

/** For kinds without grace that finalizers hold. */
function markAsDeleting(metadata: Metadata, now: number): Metadata {
  const { deletionTimestamp, generation } = metadata
  const later = deletionTimestamp === undefined || Date.parse(deletionTimestamp) > now
  return {
    ...metadata,
    ...(!deletionTimestamp && generation && { generation: generation + 1 }),
    deletionTimestamp: later ? formatTime(now) : deletionTimestamp,
    deletionGracePeriodSeconds: 0,
  }
}

function sameMark({ metadata: a }: KubeObject, { metadata: b }: KubeObject): boolean {
  return (
    a.deletionTimestamp === b.deletionTimestamp &&
    a.deletionGracePeriodSeconds === b.deletionGracePeriodSeconds &&
    (a.finalizers ?? []).join() === (b.finalizers ?? []).join()
  )
}

/** A namespace turns Terminating and goes when its own finalizers are gone (upstream's namespace `REST.Delete`). */
function planNamespace({ object, options, now }: ToDelete): DeletionPlan {
  const { metadata, spec = {}, status = {} } = object
  const uid = options.preconditions?.uid
  if (uid !== undefined && uid !== metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`
    throw conflict({ group: '', plural: 'namespaces' }, metadata.name, why)
  }
  const held = (spec.finalizers ?? []).length > 0
  if (metadata.deletionTimestamp) {
    return held || (metadata.finalizers ?? []).length > 0 ? { type: 'pending' } : { type: 'remove' }
  }
  const wanted = wantedFinalizer({ kind: 'Namespace', plural: 'namespaces' } as Kind, metadata.finalizers ?? [], options)
  const kept = (metadata.finalizers ?? []).filter((finalizer: string) => finalizer !== orphan && finalizer !== foreground)
  const finalizers = wanted ? [...kept, wanted] : kept
  const marked: Metadata = { ...metadata, deletionTimestamp: formatTime(now) }
  if (finalizers.length > 0) marked.finalizers = finalizers
  return {
    type: 'mark',
    object: { ...object, metadata: marked, status: { ...status, phase: 'Terminating' } },
    thenRemove: false,
  }
}

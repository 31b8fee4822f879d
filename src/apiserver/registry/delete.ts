/** DELETE of one object. */
import { DeleteOptions as DeleteOptionsSchema } from '#api/meta/v1/delete-options.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { notFound, qualified } from '#schema/status-error.ts'
import type { Request, Response } from '../request.ts'
import { admitMutating, admitValidating } from './admit.ts'
import { afterDelete } from './after-delete.ts'
import { deletedStatus } from './answer.ts'
import { type DeleteOptions, deleteOptions } from './options.ts'
import { planDeletion } from './plan-deletion.ts'
import { readBody } from './read-object.ts'
import type { Registry } from './registry.ts'
import type { Entry, Storage } from './storage.ts'
import { causeOf, type WriteContext, writeContext } from './write-context.ts'

export async function remove(registry: Registry, request: Request, kind: Kind): Promise<Response> {
  const options = await readDeleteOptions(request)
  const { object, deleted } = await deleteObject(deleteContext(registry, request, { kind, options }), options)
  const status = !deleted && options.orphanDependents === false ? 202 : 200
  const whole = !deleted || answersDeleted(kind)
  return { type: 'object', status, object: whole ? object : deletedStatus(kind, object.metadata) }
}

/** Whether a deletion answers the object (upstream's `ReturnDeletedObject`); else it is a Status. */
export function answersDeleted(kind: Kind): boolean {
  return returnsObject.has(qualified(kind))
}

const returnsObject = new Set([
  'pods',
  'persistentvolumes',
  'persistentvolumeclaims',
  'podtemplates',
  'resourcequotas',
  'serviceaccounts',
  'services',
  'namespaces',
  'csidrivers.storage.k8s.io',
  'csinodes.storage.k8s.io',
  'csistoragecapacities.storage.k8s.io',
  'storageclasses.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'volumeattributesclasses.storage.k8s.io',
  'deviceclasses.resource.k8s.io',
  'devicetaintrules.resource.k8s.io',
  'resourceclaims.resource.k8s.io',
  'resourceclaimtemplates.resource.k8s.io',
  'resourcepoolstatusrequests.resource.k8s.io',
  'resourceslices.resource.k8s.io',
])

export async function readDeleteOptions(request: Request): Promise<DeleteOptions> {
  return deleteOptions((await readBody(request, { kind: 'DeleteOptions', schema: DeleteOptionsSchema }))?.value, request.query)
}

export function deleteContext(
  registry: Registry,
  request: Request,
  { kind, options, name }: { kind: Kind; options: DeleteOptions; name?: string },
): WriteContext {
  const raw = { ...options, kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1' }
  const dryRun = (options.dryRun ?? []).length > 0
  const context = writeContext(registry, request, {
    kind,
    options: { dryRun, raw, fieldManager: '', fieldValidation: 'Ignore', force: undefined },
  })
  warnOfOrphans(context, options)
  return name === undefined ? context : { ...context, name }
}

/** Of the kinds that leave their dependents behind unless told otherwise, upstream says so of jobs alone. */
function warnOfOrphans({ kind, warn }: WriteContext, { propagationPolicy, orphanDependents }: DeleteOptions): void {
  if (kind.plural !== 'jobs' || kind.group !== 'batch' || propagationPolicy !== undefined || orphanDependents !== undefined)
    return
  const advice = 'set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning'
  warn(`child pods are preserved by default when jobs are deleted; ${advice}`)
}

export interface Deletion {
  /** The last state, or what waits for its end. */
  readonly object: any
  /** False while grace or finalizers hold it. */
  readonly deleted: boolean
}

/** Marks, updates or removes; whole again when somebody else changes the object meanwhile. */
export async function deleteObject(
  context: WriteContext,
  options: DeleteOptions,
  { admits = true }: { readonly admits?: boolean } = {},
): Promise<Deletion> {
  const storage = await context.registry.storage(context.kind)
  let entry = await storage.get(storage.keyOf(context.namespace, context.name))
  for (;;) {
    if (!entry) throw notFound(context.kind, context.name)
    const result: Attempt = await attempt(context, { storage, entry, options, admits })
    if (result.type === 'done') return result.deletion
    entry = result.current
  }
}

interface Place {
  readonly storage: Storage
  readonly entry: Entry
  readonly options: DeleteOptions
  readonly admits: boolean
}

type Attempt =
  | { readonly type: 'done'; readonly deletion: Deletion }
  | { readonly type: 'beaten'; readonly current: Entry | undefined }

async function attempt(context: WriteContext, { storage, entry, options, admits }: Place): Promise<Attempt> {
  const old = entry.object
  const plan = planDeletion(context.kind, { object: old, options, now: context.registry.clock.now() })
  if (plan.type === 'pending') return { type: 'done', deletion: { object: old, deleted: false } }
  if (admits) {
    await admitMutating(context, { operation: 'DELETE', object: undefined, old })
    await admitValidating(context, { operation: 'DELETE', object: undefined, old })
  }
  if (plan.type === 'remove') return removeEntry(context, { storage, entry })
  const { object } = plan
  if (object === old) return { type: 'done', deletion: { object: old, deleted: false } }
  if (context.dryRun) return { type: 'done', deletion: { object, deleted: plan.thenRemove } }
  const written = await storage.update(entry, object, { cause: causeOf(context) })
  if (!written.ok) return { type: 'beaten', current: written.current }
  if (!plan.thenRemove) return { type: 'done', deletion: { object: written.entry.object, deleted: false } }
  return removeEntry(context, { storage, entry: written.entry }, true)
}

/** `marked`: the deletion is on record, so whoever finishes it first does what was asked. */
async function removeEntry(
  context: WriteContext,
  { storage, entry }: { storage: Storage; entry: Entry },
  marked = false,
): Promise<Attempt> {
  const done = (object: KubeObject): Attempt => ({ type: 'done', deletion: { object, deleted: true } })
  if (context.dryRun) return done(entry.object)
  const removed = await storage.remove(entry, causeOf(context))
  if (removed.ok) {
    await afterDelete(context, removed.entry.object)
    return done(removed.entry.object)
  }
  if (!removed.current && marked) return done(entry.object)
  return { type: 'beaten', current: removed.current }
}

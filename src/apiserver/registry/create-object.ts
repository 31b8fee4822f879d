/** Stores a new object: system fields, hooks, preparation, validation, validating admission, and the compare with nothing. */
import { copyJson } from '#schema/copy.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { alreadyExists, forbidden, hasReason, type Reason, StatusError } from '#schema/status-error.ts'
import { admitValidating } from './admit.ts'
import { leaseFor } from './event-lease.ts'
import { hooksFor, withHooks } from './hooks.ts'
import type { Storage } from './storage.ts'
import { fillSystemFields, prepareCreate } from './strategy.ts'
import { causeOf, type WriteContext } from './write-context.ts'
import type { Outcome } from './write-loop.ts'

/** Tries for a generated name (upstream's `maxNameGenerationCreateAttempts`). */
const nameAttempts = 8

/** `object` has passed mutating admission and belongs to the registry from here on. `demand`, where present, may still refuse the creation. */
export async function createObject(
  context: WriteContext,
  object: KubeObject,
  demand?: (object: KubeObject) => Promise<void>,
): Promise<Outcome> {
  const generates = Boolean(object.metadata.generateName) && !object.metadata.name
  for (let attempt = 1; ; attempt++) {
    try {
      return await createOnce(context, generates ? anotherOf(context, object) : object, demand)
    } catch (error) {
      if (!generates || attempt === nameAttempts || !hasReason(error, 'AlreadyExists')) throw error
    }
  }
}

/** For one attempt, which names it, and may only look at what lies below unless hooks change that. */
function anotherOf({ registry, kind }: WriteContext, object: KubeObject): KubeObject {
  if (hooksFor(registry.hooks, kind, 'main').length > 0) return copyJson(object) as KubeObject
  return { ...object, metadata: { ...object.metadata } }
}

async function createOnce(
  context: WriteContext,
  object: KubeObject,
  demand: ((object: KubeObject) => Promise<void>) | undefined,
): Promise<Outcome> {
  const { registry, kind } = context
  if (kind.def.custom?.isTerminating) throw endingKind(kind, object.metadata.name ?? '')
  fillSystemFields(object, context)
  const hooks = hooksFor(registry.hooks, kind, 'main')
  const run = async () => {
    const ready = prepareCreate(context, object)
    if (demand) await demand(ready)
    await admitValidating(context, { operation: 'CREATE', object: ready, name: ready.metadata.name })
    return { done: !context.dryRun, result: await insert(context, ready) }
  }
  return hooks.length > 0 ? withHooks(hooks, { object, old: undefined, context }, run) : (await run()).result
}

function endingKind(kind: Kind, name: string): StatusError {
  return forbidden(kind, name, 'create not allowed while custom resource definition is terminating')
}

async function insert(context: WriteContext, object: KubeObject): Promise<Outcome> {
  const storage = await context.registry.storage(context.kind)
  const key = storage.keyOf(context.namespace, object.metadata.name)
  if (object.metadata.resourceVersion && object.metadata.resourceVersion !== '0') throw versionOnCreate()
  if (context.dryRun) {
    const existing = await storage.get(key)
    if (existing) throw exists(context, object, existing.object)
    return { object }
  }
  const lease = await leaseFor(context)
  const written = await storage.create(key, object, { cause: causeOf(context), ...(lease && { lease }) })
  if (!written.ok) throw exists(context, object, written.current?.object ?? (await gone(storage, key)))
  return { object: written.entry.object, entry: written.entry }
}

async function gone(storage: Storage, key: string): Promise<KubeObject | undefined> {
  return (await storage.get(key))?.object
}

/** Upstream leaves this error without a reason. */
function versionOnCreate(): StatusError {
  return new StatusError('' as Reason, 'resourceVersion should not be set on objects to be created', { code: 500 })
}

function exists({ kind }: WriteContext, { metadata }: KubeObject, existing: KubeObject | undefined): StatusError {
  const plain = alreadyExists(kind, metadata.name)
  const text = metadata.generateName
    ? `${plain.message}, the server was not able to generate a unique name for the object`
    : plain.message
  const prefix = existing?.metadata.deletionTimestamp ? 'object is being deleted: ' : ''
  const retry = metadata.generateName ? { retryAfterSeconds: 1 } : {}
  return new StatusError('AlreadyExists', `${prefix}${text}`, { details: { ...plain.details, ...retry } })
}

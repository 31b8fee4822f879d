/** POST of a collection. */
import { applyDefaults } from '#schema/default.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { Request, Response } from '../request.ts'
import { admitMutating } from './admit.ts'
import { answer } from './answer.ts'
import { createObject } from './create-object.ts'
import { trackWrite } from './field-managers.ts'
import { writeOptions } from './options.ts'
import { dedupOwnerReferences } from './owner-references.ts'
import { readObject } from './read-object.ts'
import type { Registry } from './registry.ts'
import { ensureNamespace, wipeSystemFields } from './strategy.ts'
import { type WriteContext, writeContext } from './write-context.ts'
import type { Outcome } from './write-loop.ts'

export async function create(registry: Registry, request: Request, kind: Kind): Promise<Response> {
  const options = writeOptions(request.query, 'CreateOptions')
  const object = await readObject(request, kind, { kinds: registry.kinds, options })
  const context = { ...writeContext(registry, request, { kind, options }), name: object.metadata.name ?? '' }
  return answer({ ...(await admitAndCreate(context, object)), created: true })
}

/** A decoded object with defaults, on its way into the store. */
export async function admitAndCreate(context: WriteContext, object: KubeObject): Promise<Outcome> {
  wipeSystemFields(object)
  ensureNamespace(object, context.namespace)
  dedupOwnerReferences(object, context.warn, false)
  trackWrite(context, object, undefined)
  await admitMutating(context, { operation: 'CREATE', object })
  applyDefaults(context.kind, object)
  dedupOwnerReferences(object, context.warn, true)
  return createObject(context, object)
}

/** PUT of one object, or of a part of it: its status, or what another subresource is about. */
import { copyJson } from '#schema/copy.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { badRequest } from '#schema/status-error.ts'
import { demand } from '../authz/authorize.ts'
import type { Request, Response } from '../request.ts'
import { attributesFor } from '../stages/authorize.ts'
import { answer } from './answer.ts'
import { trackWrite } from './field-managers.ts'
import { writeOptions } from './options.ts'
import { dedupOwnerReferences } from './owner-references.ts'
import { readObject } from './read-object.ts'
import type { Registry } from './registry.ts'
import { ensureNamespace, type Part } from './strategy.ts'
import { type WriteContext, writeContext } from './write-context.ts'
import { writeLoop } from './write-loop.ts'

export async function update(registry: Registry, request: Request, kind: Kind): Promise<Response> {
  const options = writeOptions(request.query, 'UpdateOptions')
  const object = await readObject(request, kind, { kinds: registry.kinds, options })
  const context = writeContext(registry, request, { kind, options })
  checkAddress(context, object)
  dedupOwnerReferences(object, context.warn, false)
  const outcome = await writeLoop({
    context,
    part: partOf(request, kind),
    next: (current) => tracked(context, object, current),
    preconditions: { uid: object.metadata.uid },
    createWhenAbsent: kind.def.createOnUpdate && !context.subresource ? mayCreate(context) : undefined,
  })
  return answer(outcome)
}

/** A copy with the entries of its managers; what the client sent of them is only looked at. */
function tracked(
  context: WriteContext,
  { metadata: { managedFields, ...metadata }, ...rest }: KubeObject,
  live: KubeObject | undefined,
) {
  const object = copyJson({ ...rest, metadata }) as KubeObject
  if (managedFields) object.metadata.managedFields = managedFields
  trackWrite(context, object, live)
  return object
}

export function partOf({ info: { subresource } }: Request, kind: Kind): Part {
  if (subresource === 'status') return 'status'
  return kind.def.subresources?.[subresource] ?? 'main'
}

/** The object must be the one that the path names. */
export function checkAddress(context: WriteContext, object: KubeObject): void {
  ensureNamespace(object, context.namespace)
  const { name = '' } = object.metadata
  if (name === '') {
    const why = 'name must be provided'
    throw badRequest(`the name of the object (${context.name} based on URL) was undeterminable: ${why}`)
  }
  if (name !== context.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${context.name})`)
  }
}

/** A write that turns out to be a creation needs the right to create. */
export function mayCreate({ registry, request, user }: WriteContext): (object: KubeObject) => Promise<void> {
  return async () => demand(registry.authorizer, attributesFor(request, user, 'create'))
}

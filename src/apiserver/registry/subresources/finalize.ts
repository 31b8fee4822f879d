/** `namespaces/finalize`: the one way to change a namespace's `spec.finalizers`. */
import { Namespace } from '#api/core/v1/namespace.ts'
import type { Request, Response } from '../../request.ts'
import { answer } from '../answer.ts'
import { writeOptions } from '../options.ts'
import { readObject } from '../read-object.ts'
import type { Registry } from '../registry.ts'
import { checkAddress } from '../update.ts'
import { writeContext } from '../write-context.ts'
import { writeLoop } from '../write-loop.ts'

/** The status stays as it is; a deleted namespace whose last finalizer goes is gone. */
export async function finalizeNamespace(registry: Registry, request: Request): Promise<Response> {
  const options = writeOptions(request.query, 'UpdateOptions')
  const sent = (await readObject(request, Namespace, { kinds: registry.kinds, options })) as Namespace
  const context = writeContext(registry, request, { kind: Namespace, options })
  checkAddress(context, sent)
  const next = (current: Namespace) => ({ ...structuredClone(sent), status: structuredClone(current.status) })
  return answer(await writeLoop({ context, part: 'whole', next, preconditions: { uid: sent.metadata.uid } }))
}

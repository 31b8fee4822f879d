/** Eviction (`policy/v1`): deletes a pod on behalf of somebody who empties a node. */
import { Pod } from '#api/core/v1/pod.ts'
import { Eviction } from '#api/policy/v1/eviction.ts'
import { badRequest } from '#schema/status-error.ts'
import type { Request, Response } from '../../request.ts'
import { admitMutating, admitValidating } from '../admit.ts'
import { deleteContext, deleteObject } from '../delete.ts'
import { type DeleteOptions, deleteOptions, type WriteOptions, writeOptions } from '../options.ts'
import { readObject } from '../read-object.ts'
import type { Registry } from '../registry.ts'
import { ensureNamespace } from '../strategy.ts'
import { writeContext } from '../write-context.ts'

/** The deletion itself passes no admission of its own, as upstream. */
export async function evict(registry: Registry, request: Request): Promise<Response> {
  const { name, namespace } = request.info
  const options = writeOptions(request.query, 'CreateOptions')
  const eviction = (await readObject(request, Eviction, { kinds: registry.kinds, options })) as Eviction
  ensureNamespace(eviction, namespace)
  const context = writeContext(registry, request, { kind: Eviction, options })
  await admitMutating(context, { operation: 'CREATE', object: eviction })
  if (eviction.metadata.name !== name) throw badRequest('name in URL does not match name in Eviction object')
  await admitValidating(context, { operation: 'CREATE', object: eviction })
  const how = withDryRun(eviction, options)
  await deleteObject(deleteContext(registry, request, { kind: Pod, options: how, name }), how, { admits: false })
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }
  return { type: 'object', status: 201, object: status }
}

function withDryRun({ deleteOptions: given }: Eviction, { dryRun }: WriteOptions): DeleteOptions {
  const options = deleteOptions(given ?? {}, new URLSearchParams())
  return dryRun && !options.dryRun ? { ...options, dryRun: ['All'] } : options
}

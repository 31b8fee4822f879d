/** Deletes an object, and waits until it is gone. */
import { watchEvents } from '#client/watch-lines.ts'
import { hasReason } from '#schema/status-error.ts'
import { pathOf, type Resource } from './discovery.ts'
import { KubectlError } from './errors.ts'
import { collect, type Json, type Session, statusError } from './session.ts'

export interface Place {
  readonly resource: Resource
  readonly namespace: string
  readonly name: string
}

export interface DeletionOptions {
  /** Seconds; negative leaves it to the object. */
  readonly gracePeriod?: number
  readonly propagationPolicy?: string
  readonly query?: Record<string, string>
}

/** Answers the uid of what is being deleted, where the server says it. */
export async function deleteObject(
  session: Session,
  { resource, namespace, name }: Place,
  options: DeletionOptions,
): Promise<string | undefined> {
  const { gracePeriod = -1, propagationPolicy, query } = options
  const body = {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    ...(gracePeriod >= 0 && { gracePeriodSeconds: gracePeriod }),
    ...(propagationPolicy && { propagationPolicy }),
    ...(query?.dryRun && { dryRun: [query.dryRun] }),
  }
  const answer = await session.request('DELETE', pathOf(resource, { namespace, name }), { body, query })
  return answer.kind === 'Status' ? answer.details?.uid : answer.metadata?.uid
}

export async function deleteAndWait(session: Session, place: Place, options: DeletionOptions): Promise<void> {
  const uid = await deleteObject(session, place, options)
  await waitGone(session, place, { uid })
}

/** Returns when no object with this uid is there any more; throws after `timeout` milliseconds. */
export async function waitGone(
  session: Session,
  place: Place,
  { uid, timeout }: { uid?: string | undefined; timeout?: number } = {},
): Promise<void> {
  const { resource, namespace, name } = place
  const signal = timeout === undefined ? undefined : AbortSignal.timeout(Math.max(Math.ceil(timeout), 1))
  const isGone = (object: Json | undefined) => !object || (uid !== undefined && object.metadata?.uid !== uid)
  const path = pathOf(resource, { namespace })
  const fieldSelector = `metadata.name=${name}`
  try {
    for (;;) {
      const current = await session.get(path, { query: { fieldSelector }, signal })
      if (isGone(current.items?.[0])) return
      const query = { fieldSelector, watch: 'true', resourceVersion: current.metadata?.resourceVersion }
      const answer = await session.raw('GET', path, { query, signal })
      if (answer.status >= 300) throw statusError(answer.status, await collect(answer.body))
      try {
        for await (const events of watchEvents(answer.body)) {
          if (events.some(({ type }) => type === 'DELETED')) return
        }
      } finally {
        answer.body.destroy()
      }
    }
  } catch (error) {
    if (signal?.aborted) throw new KubectlError(`timed out waiting for the condition on ${resource.plural}/${name}`)
    if (hasReason(error, 'Forbidden', 'MethodNotAllowed')) return
    throw error
  }
}

/** One object as it is now, and each time it changes. */
import { watchEvents } from '#client/watch-lines.ts'
import { hasReason } from '#schema/status-error.ts'
import { pathOf } from './discovery.ts'
import { collect, type Json, type Session, statusError } from './session.ts'
import type { Place } from './wait-gone.ts'

export interface Seen {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: Json
}

/** Ends only with the signal, which it throws; a watch that ends is begun again from the newest state. */
export async function* followObject(
  session: Session,
  { resource, namespace, name }: Place,
  signal?: AbortSignal,
): AsyncGenerator<Seen> {
  const path = pathOf(resource, { namespace })
  const fieldSelector = `metadata.name=${name}`
  for (let last: string | undefined, known = false; ; ) {
    const list = await session.get(path, { query: { fieldSelector }, signal })
    const [current] = list.items ?? []
    if (current && current.metadata?.resourceVersion !== last) {
      yield { type: known ? 'MODIFIED' : 'ADDED', object: { apiVersion: list.apiVersion, kind: resource.kind, ...current } }
      last = current.metadata?.resourceVersion
    }
    if (!current && known) yield { type: 'DELETED', object: {} }
    known ||= Boolean(current)
    const query = { fieldSelector, watch: 'true', resourceVersion: list.metadata?.resourceVersion }
    const answer = await session.raw('GET', path, { query, signal })
    if (answer.status >= 300) throw statusError(answer.status, await collect(answer.body))
    try {
      for await (const events of watchEvents(answer.body)) {
        for (const { type, object } of events) {
          if (type === 'BOOKMARK') continue
          known = type !== 'DELETED'
          last = object.metadata.resourceVersion
          yield { type, object }
        }
      }
    } catch (error) {
      if (!hasReason(error, 'Expired', 'Gone')) throw error
    } finally {
      answer.body.destroy()
    }
  }
}

/** Answers of the verbs. */
import type { Kind } from '#schema/kind.ts'
import type { Response } from '../request.ts'
import type { Outcome } from './write-loop.ts'

/** An object that was read or written; its bytes are made only if somebody sends them. */
export function answer(outcome: Outcome, status = outcome.created ? 201 : 200): Response {
  const { object, entry } = outcome
  if (!entry || entry.object !== object) return { type: 'object', status, object }
  return {
    type: 'object',
    status,
    object,
    get bytes() {
      return entry.bytes
    },
  }
}

/** What a deletion answers where the object itself is not returned. */
export function deletedStatus({ group, plural }: Kind, { name, uid }: { name: string; uid: string }): object {
  const details = { name, ...(group && { group }), kind: plural, uid }
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }
}

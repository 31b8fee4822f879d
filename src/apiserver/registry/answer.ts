/** Answers of the verbs. */
import type { Kind } from '#schema/kind.ts'
import type { Response } from '../request.ts'
import type { Entry } from './storage.ts'
import type { Outcome } from './write-loop.ts'

/** An object that was read or written. */
export function answer(outcome: Outcome, status = outcome.created ? 201 : 200): Response {
  const { object, entry } = outcome
  if (!entry || entry.object !== object) return { type: 'object', status, object }
  return new EntryAnswer(entry, status)
}

/** Its object is decoded, and its bytes are made, only if somebody asks. */
export class EntryAnswer {
  readonly type = 'object'
  readonly status: number
  #entry: Entry

  constructor(entry: Entry, status = 200) {
    this.#entry = entry
    this.status = status
  }

  get object(): unknown {
    return this.#entry.object
  }

  get bytes(): Uint8Array {
    return this.#entry.line
  }
}

/** What a deletion answers where the object itself is not returned. */
export function deletedStatus({ group, plural }: Kind, { name, uid }: { name: string; uid: string }): object {
  const details = { name, ...(group && { group }), kind: plural, uid }
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }
}

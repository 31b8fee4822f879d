/** What the sqlite engine and its worker say to each other. */
import type { Version } from './ledger.ts'
import type { LeaseChange } from './sqlite-facts.ts'
import type { Lease } from './store.ts'

export interface WorkerOptions {
  readonly path: string
  /** The file may not grow beyond this; 0: as far as the disk goes. */
  readonly maxBytes: number
  readonly reserveBytes: number
  /**
   * Written to the write-ahead log before it is copied to the database in the background. It then begins anew in the same place: a log that
   * grows makes every fsync nearly twice as dear, for the file's size has to be written too.
   */
  readonly checkpointBytes: number
}

export interface CheckpointerOptions {
  readonly path: string
  /** Shared: at `paused` 1 while nothing may be copied, at `copying` 1 while something is. */
  readonly signals: Int32Array
}

export const [paused, copying] = [0, 1] as const

/** One group of writes, packed so that its values travel as one transferred buffer and its texts as one string. */
export interface Packed {
  /** Key, user and request of each row in turn. */
  readonly text: string
  /** `width` numbers for each row, in the order in which `pack` puts them. */
  readonly numbers: Float64Array
  readonly values: Uint8Array<ArrayBuffer>
}

export const width = 12

export type Request =
  /** Comes first, and is answered by what is `Found`. */
  | { readonly type: 'load' }
  /** Comes next, and is answered `ready`. */
  | { readonly type: 'open' }
  | {
      readonly type: 'commit'
      readonly rows: Packed
      readonly leases: readonly LeaseChange[]
      /** Only deletions: the reserve may be used for it. */
      readonly urgent: boolean
      /** A commit that found the disk full ends its epoch: later ones of the same epoch were decided on top of it and fail too. */
      readonly epoch: number
    }
  | {
      readonly type: 'compact'
      readonly revision: number
      /** The newest revision, since its row may leave. */
      readonly newest: number
      /** `id` of the rows that leave. */
      readonly forgotten: Float64Array
    }
  /** Asks whether there is space again. */
  | { readonly type: 'probe' }
  | { readonly type: 'close' }

/** What the file says apart from its rows. */
export interface Head {
  readonly compactRevision: number
  /** The newest one, unless a row has a newer. */
  readonly revision: number
  readonly sequence: number
  readonly leases: readonly Lease[]
  readonly lastLease: number
}

/** Rows of the file. */
export interface Rows extends Pick<Packed, 'numbers' | 'values'> {
  /** As a JSON array: each becomes a string of its own, which stays; parts of a longer one are slower to compare. */
  readonly keys: string
  /** User and request of each row in turn; empty for what is compacted, of which nobody can ask. */
  readonly causes: string
}

/** Of the file at the start: its head, its rows, and that these were all; or at any time why it is refused, with findings where it is damaged. */
export type Found =
  | { readonly type: 'head'; readonly head: Head }
  | { readonly type: 'rows'; readonly rows: Rows }
  | { readonly type: 'loaded' }
  | { readonly type: 'refused'; readonly message: string; readonly findings?: readonly string[] }

/** Answers to `commit`, `compact` and `probe` come in the order of the questions. */
export type Answer =
  | { readonly type: 'ready'; readonly bytes: number }
  /** `took`: milliseconds of the last commit, from the last row on. */
  | { readonly type: 'done'; readonly bytes: number; readonly took: number }
  /** Nothing of the request was done. */
  | { readonly type: 'full' }
  | { readonly type: 'failed'; readonly message: string }

export function pack(writes: readonly Version[]): Packed {
  let text = ''
  const numbers = new Float64Array(writes.length * width)
  let size = 0
  for (const { row } of writes) size += row.value.byteLength
  const values = Buffer.allocUnsafeSlow(size)
  let at = 0
  let offset = 0
  for (const { row, sequence, deleted, cause } of writes) {
    const { key, value, revision, subRevision, createRevision, version, lease } = row
    const { user, request, time } = cause ?? nobody
    text += key
    text += user
    text += request
    numbers[at++] = sequence
    numbers[at++] = revision
    numbers[at++] = subRevision
    numbers[at++] = deleted ? 1 : 0
    numbers[at++] = createRevision
    numbers[at++] = version
    numbers[at++] = lease
    numbers[at++] = time
    numbers[at++] = value.byteLength
    numbers[at++] = key.length
    numbers[at++] = user.length
    numbers[at++] = request.length
    values.set(value, offset)
    offset += value.byteLength
  }
  return { text, numbers, values }
}

const nobody = { user: '', request: '', time: 0 }

/** What etcd's errors mean to us: ours by name, and those after which the same request may be sent again. Texts are those of etcd's rpctypes. */
import { type ServiceError, status } from '@grpc/grpc-js'
import { StoreError, type StoreErrorCode } from '../store.ts'
import { EtcdError } from './etcd-error.ts'

const known: readonly (readonly [text: string, code: StoreErrorCode])[] = [
  ['required revision has been compacted', 'Compacted'],
  ['required revision is a future revision', 'FutureRevision'],
  ['database space exceeded', 'NoSpace'],
  ['requested lease not found', 'LeaseNotFound'],
  ['lease already exists', 'LeaseExists'],
  ['duplicate key given in txn request', 'DuplicateKey'],
]

export function asStoreError(error: unknown): Error {
  if (error instanceof StoreError) return error
  const { details = '', message } = error as Partial<ServiceError> & Error
  for (const [text, code] of known) if (details.includes(text)) return new StoreError(code, details, { cause: error as Error })
  return new EtcdError(details || message, { cause: error as Error })
}

const passing: ReadonlySet<number> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  // A stream that was reset, and a member that is stopping.
  status.INTERNAL,
  status.CANCELLED,
])

/** Whether another member, or the same one later, may answer. The request may have been carried out all the same. */
export function isPassing(error: unknown): boolean {
  const { code, details = '' } = error as Partial<ServiceError>
  if (code === undefined) return false
  if (passing.has(code)) return true
  if (code === status.RESOURCE_EXHAUSTED) return details.includes('too many requests')
  return code === status.UNKNOWN && /context|stopped|leader|connection|EOF|dropped/.test(details)
}

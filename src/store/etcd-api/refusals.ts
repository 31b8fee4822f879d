/** Errors as etcd's clients know them: code and text to the letter (etcd's rpctypes/error.go). */
import { status } from '@grpc/grpc-js'
import { StoreError, type StoreErrorCode } from '../store.ts'

export class Refusal extends Error {
  readonly code: number
  readonly details: string

  constructor(code: number, details: string, options?: ErrorOptions) {
    super(details, options)
    this.code = code
    this.details = details
  }
}

const ofStore: Readonly<Record<StoreErrorCode, readonly [code: number, text: string]>> = {
  Compacted: [status.OUT_OF_RANGE, 'etcdserver: mvcc: required revision has been compacted'],
  FutureRevision: [status.OUT_OF_RANGE, 'etcdserver: mvcc: required revision is a future revision'],
  NoSpace: [status.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded'],
  LeaseNotFound: [status.NOT_FOUND, 'etcdserver: requested lease not found'],
  LeaseExists: [status.FAILED_PRECONDITION, 'etcdserver: lease already exists'],
  DuplicateKey: [status.INVALID_ARGUMENT, 'etcdserver: duplicate key given in txn request'],
  Closed: [status.UNAVAILABLE, 'etcdserver: server stopped'],
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof StoreError) {
    const [code, text] = ofStore[error.code]
    return new Refusal(code, text, { cause: error })
  }
  return new Refusal(status.UNKNOWN, error instanceof Error ? error.message : String(error), { cause: error as Error })
}

export function invalid(text: string): Refusal {
  return new Refusal(status.INVALID_ARGUMENT, `etcdserver: ${text}`)
}

/**
 * etcd's txns on the store's, which know no txns within txns and no puts that keep a part of what stands.
 *
 * What needs more than the store has is decided against one revision and then written under the condition that nothing of what was
 * looked at has changed; otherwise it is decided anew.
 */
import { status } from '@grpc/grpc-js'
import type { CompareMessage, PutMessage, RangeAnswer, RequestOp, ResponseOp, TxnAnswer, TxnMessage } from '../etcd/messages.ts'
import type { Cause, Compare, Operation, OperationResult, Row, Store } from '../store.ts'
import { holds } from '../txn.ts'
import { answerRange, arrange, isPlain } from './answer-range.ts'
import { invalid, Refusal } from './refusals.ts'
import { compareOf, keyOf, kvOf, type Span, spanOf } from './wire.ts'

export interface Answered {
  readonly answer: TxnAnswer
  readonly revision: number
}

/** etcd's `--max-txn-ops`. */
const mostOperations = 128
const mostTries = 100

export async function answerTxn(store: Store, request: TxnMessage, cause: Cause): Promise<Answered> {
  checkSize(request, mostOperations)
  if (isFlat(request)) return answerFlat(store, request, cause)
  for (let tries = 0; tries < mostTries; tries++) {
    const answered = await new Plan(store).carryOut(request, cause)
    if (answered) return answered
  }
  throw new Refusal(status.UNAVAILABLE, 'etcdserver: request timed out')
}

function checkSize({ compare, success, failure }: TxnMessage, left: number): void {
  const size = Math.max(compare.length, success.length, failure.length)
  if (size > left) throw invalid('too many operations in txn request')
  for (const { request_txn: inner } of [...success, ...failure]) if (inner) checkSize(inner, left - size)
}

function isFlat({ success, failure }: TxnMessage): boolean {
  return [...success, ...failure].every(({ request_txn: inner, request_put: put, request_range: range }) => {
    return !inner && !put?.ignore_value && !put?.ignore_lease && !(range?.revision && range.revision > 0)
  })
}

async function answerFlat(store: Store, { compare, success, failure }: TxnMessage, cause: Cause): Promise<Answered> {
  const result = await store.txn({
    compare: compare.map(compareOf),
    success: success.map(operationOf),
    failure: failure.map(operationOf),
    cause,
  })
  const branch = result.succeeded ? success : failure
  const responses = branch.map((one, i) => responseOf(one, result.results[i] as OperationResult, result.revision))
  return { answer: { succeeded: result.succeeded, responses }, revision: result.revision }
}

function operationOf(request: RequestOp): Operation {
  const { request_range: range, request_put: put, request_delete_range: deletion } = request
  if (put) return { op: 'put', key: keyOf(put.key), value: put.value ?? new Uint8Array(), lease: put.lease ?? 0 }
  if (deletion) return { op: 'delete', ...spanOf(deletion) }
  if (!range) throw invalid('key is not provided')
  return { op: 'range', ...spanOf(range), limit: isPlain(range) && !range.count_only ? (range.limit ?? 0) : 0 }
}

function responseOf(request: RequestOp, result: OperationResult, revision: number): ResponseOp {
  const header = { cluster_id: 0, member_id: 0, raft_term: 0, revision }
  const { request_range: range, request_put: put, request_delete_range: deletion } = request
  if (result.op === 'range') return { response_range: { ...arrange(range ?? { key: new Uint8Array() }, result), header } }
  if (result.op === 'put') {
    const previous = put?.prev_kv && result.previous ? kvOf(result.previous) : null
    return { response_put: { header, prev_kv: previous } }
  }
  const rows = deletion?.prev_kv ? result.deleted.map(kvOf) : []
  return { response_delete_range: { header, deleted: result.deleted.length, prev_kvs: rows } }
}

/** Builds a part of the answer out of the results of the operations, of which it takes its own from the front. */
type Build = (results: OperationResult[], revision: number) => ResponseOp

class Plan {
  #store: Store
  #at = 0
  #guards: Compare[] = []
  #operations: Operation[] = []

  constructor(store: Store) {
    this.#store = store
  }

  /** Undefined where something changed in between. */
  async carryOut(request: TxnMessage, cause: Cause): Promise<Answered | undefined> {
    this.#at = (await this.#store.status()).revision
    const build = await this.#txn(request)
    const result = await this.#store.txn({ compare: this.#guards, success: this.#operations, cause })
    if (!result.succeeded) return undefined
    const { response_txn: answer } = build([...result.results], result.revision)
    return { answer: answer as TxnAnswer, revision: result.revision }
  }

  /** All comparisons are of what stands before the first write, as in etcd. */
  async #txn({ compare, success, failure }: TxnMessage): Promise<Build> {
    let succeeded = true
    for (const one of compare) succeeded = (await this.#holds(one)) && succeeded
    const builds: Build[] = []
    for (const one of succeeded ? success : failure) builds.push(await this.#operation(one))
    return (results, revision) => ({
      response_txn: { succeeded, responses: builds.map((build) => build(results, revision)) },
    })
  }

  async #operation(request: RequestOp): Promise<Build> {
    const { request_txn: inner, request_put: put, request_range: range } = request
    if (inner) return this.#txn(inner)
    if (range?.revision && range.revision > 0) {
      const { answer }: { answer: RangeAnswer } = await answerRange(this.#store, range)
      return () => ({ response_range: answer })
    }
    this.#operations.push(put ? await this.#put(put) : operationOf(request))
    return (results, revision) => responseOf(request, results.shift() as OperationResult, revision)
  }

  async #put(put: PutMessage): Promise<Operation> {
    const { value = new Uint8Array(), lease = 0, ignore_value: keepValue, ignore_lease: keepLease } = put
    if (keepValue && value.byteLength > 0) throw invalid('value is provided')
    if (keepLease && lease !== 0) throw invalid('lease is provided')
    const key = keyOf(put.key)
    if (!keepValue && !keepLease) return { op: 'put', key, value, lease }
    const [row] = await this.#look({ key })
    if (!row) throw invalid('key not found')
    return { op: 'put', key, value: keepValue ? row.value : value, lease: keepLease ? row.lease : lease }
  }

  async #holds(message: CompareMessage): Promise<boolean> {
    const compare = compareOf(message)
    const rows = await this.#look(compare)
    return rows.length === 0 ? holds(compare, undefined) : rows.every((row) => holds(compare, row))
  }

  /** The rows as of the plan's revision, and guards that they stay so: each of them, and no newer one among them. */
  async #look({ key, end }: Span): Promise<readonly Row[]> {
    const span = end === undefined ? { key } : { key, end }
    const { rows } = await this.#store.range({ ...span, revision: this.#at })
    if (end === undefined) this.#guards.push({ key, target: 'revision', op: '=', operand: rows[0]?.revision ?? 0 })
    else {
      this.#guards.push({ key, end, target: 'revision', op: '<', operand: this.#at + 1 })
      for (const row of rows) this.#guards.push({ key: row.key, target: 'revision', op: '=', operand: row.revision })
    }
    return rows
  }
}

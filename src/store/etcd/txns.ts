/**
 * Txns on etcd, each carried out once at most however often it must be sent: see `slots.ts`. What became of a txn whose answer was lost
 * is read from its slot. None is carried out on a state that was moved in since this server began.
 */
import type { Random } from '#lib/random.ts'
import { hasCode, type Operation, type OperationResult, type Row, type Txn, type TxnResult } from '../store.ts'
import { checkBranches } from '../txn.ts'
import { EtcdError, movedAway } from './etcd-error.ts'
import type { KeySpace } from './key-space.ts'
import { KeyTurns } from './key-turns.ts'
import type { Members } from './members.ts'
import type { CompareMessage, KeyValue, RangeAnswer, RangeMessage, RequestOp, TxnAnswer, TxnMessage } from './messages.ts'
import type { Places } from './places.ts'
import { hasMoved, movesSpan, unmoved } from './revision-offset.ts'
import { type Mark, markOf, type Slot, Slots } from './slots.ts'

export interface TxnOptions {
  readonly members: Members
  readonly keys: KeySpace
  readonly places: Places
  /** Of this server, unlike all others on this etcd. */
  readonly name: string
  readonly random: Random
  /** Another state was moved in: nothing is written any more. */
  onMoved(): void
}

type Branch = Mark['branch']

export class Txns {
  #options: TxnOptions
  #turns = new KeyTurns()
  #slots: Slots
  /** Unlike that of any other process. */
  #process: string
  #count = 0
  #pending = new Set<Promise<unknown>>()

  constructor(options: TxnOptions) {
    this.#options = options
    this.#slots = new Slots(options.keys.internal, options.name)
    this.#process = options.random.uuid()
  }

  async run(request: Txn): Promise<TxnResult> {
    checkBranches(request)
    const running = this.#runInTurn(request)
    this.#pending.add(running)
    try {
      return await running
    } finally {
      this.#pending.delete(running)
    }
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending)
  }

  async #runInTurn(request: Txn): Promise<TxnResult> {
    const release = await this.#turns.take(keysOf(request))
    try {
      if (!writes(request.success) && !writes(request.failure)) return await this.#plain(request)
      const slot = await this.#slots.take()
      try {
        return await this.#marked(request, slot)
      } finally {
        this.#slots.give(slot)
      }
    } catch (error) {
      // A full etcd lets deletions through, and a mark is none.
      if (hasCode(error, 'NoSpace') && !puts(request.success) && !puts(request.failure)) return await this.#unmarked(request)
      throw error
    } finally {
      release()
    }
  }

  /** Reads alone. */
  async #plain(request: Txn): Promise<TxnResult> {
    const { members } = this.#options
    const { answer } = await members.call<TxnMessage, TxnAnswer>('KV.Txn', this.#inner(request))
    return this.#result(request, answer, answer.header?.revision ?? 0)
  }

  /** It may be carried out more than once. */
  async #unmarked(request: Txn): Promise<TxnResult> {
    const { members, keys } = this.#options
    const outer: TxnMessage = { compare: [unmoved(keys)], success: [{ request_txn: this.#inner(request) }], failure: [] }
    const { answer } = await members.call<TxnMessage, TxnAnswer>('KV.Txn', outer)
    if (!answer.succeeded) this.#refuseMoved()
    return this.#result(request, answer.responses[0]?.response_txn as TxnAnswer, answer.header?.revision ?? 0)
  }

  #refuseMoved(): never {
    this.#options.onMoved()
    throw movedAway()
  }

  async #marked(request: Txn, slot: Slot): Promise<TxnResult> {
    const { members, keys } = this.#options
    const txn = this.#newName()
    const mark = (branch: Branch) => Buffer.from(JSON.stringify({ ...request.cause, txn, branch } satisfies Mark))
    const inner = this.#inner(request, (branch) => this.#markOperations(request, branch, { slot, value: mark(branch) }))
    for (let tries = 0; ; tries++) {
      const outer = this.#guarded(request, inner, slot)
      const { answer, attempts } = await members.call<TxnMessage, TxnAnswer>('KV.Txn', outer)
      if (answer.succeeded) return this.#accept(request, answer, slot)
      const [first, second, ...rest] = answer.responses
      const row = first?.response_range?.kvs[0]
      const found = attempts > 1 ? await this.#findMark(row, slot, txn) : undefined
      if (found) {
        slot.revision = row?.mod_revision ?? 0
        return this.#recall(request, found)
      }
      if (hasMoved(keys, second?.response_range?.kvs ?? [])) this.#refuseMoved()
      if (slot.revision === (row?.mod_revision ?? 0)) {
        const late = attempts > 1 ? await this.#burn(slot, txn) : undefined
        if (late) return this.#recall(request, late)
        return this.#result(request, { succeeded: false, responses: rest }, answer.header?.revision ?? 0)
      }
      slot.revision = row?.mod_revision ?? 0
      // With the slot moved on it was not, and cannot be, carried out. Its former state was left by an earlier process, or call.
      if (tries > 5) throw new EtcdError(`two API servers on one etcd are called alike: ${slot.key}`)
    }
  }

  /**
   * Under the condition that the slot is what it was. Where the other branch only reads, both are put beside it: etcd counts against its
   * quota what stands in the outermost txn alone, and lets pass what it does not count.
   */
  #guarded(request: Txn, inner: TxnMessage, slot: Slot): TxnMessage {
    const { keys } = this.#options
    const guards: CompareMessage[] = [slotCompare(slot), unmoved(keys)]
    const looks: RequestOp[] = [{ request_range: { key: Buffer.from(slot.key) } }, { request_range: movesSpan(keys) }]
    if (writes(request.failure)) return { compare: guards, success: [{ request_txn: inner }], failure: looks }
    return { compare: [...guards, ...inner.compare], success: inner.success, failure: [...looks, ...inner.failure] }
  }

  #accept(request: Txn, answer: TxnAnswer, slot: Slot): TxnResult {
    const revision = answer.header?.revision ?? 0
    const done = writes(request.failure) ? (answer.responses[0]?.response_txn as TxnAnswer) : answer
    const operations = done.succeeded ? request.success : (request.failure ?? [])
    const hasWritten = puts(operations) || done.responses.some((one) => (one.response_delete_range?.deleted ?? 0) > 0)
    if (hasWritten) slot.revision = revision
    return this.#result(request, done, revision)
  }

  /**
   * Before it is told that a txn had no effect which was sent more than once: so that none of those sent before can have one later. Answers
   * the mark where one already had.
   */
  async #burn(slot: Slot, txn: string): Promise<{ revision: number; branch: Branch } | undefined> {
    const { members } = this.#options
    const key = Buffer.from(slot.key)
    const value = Buffer.from(JSON.stringify({ txn: this.#newName() }))
    const request: TxnMessage = {
      compare: [slotCompare(slot)],
      success: [{ request_put: { key, value } }],
      failure: [{ request_range: { key } }],
    }
    const { answer } = await members.call<TxnMessage, TxnAnswer>('KV.Txn', request)
    const row = answer.responses[0]?.response_range?.kvs[0]
    const found = answer.succeeded ? undefined : await this.#findMark(row, slot, txn)
    slot.revision = answer.succeeded ? (answer.header?.revision ?? 0) : (row?.mod_revision ?? 0)
    return found
  }

  #newName(): string {
    return `${this.#process}.${this.#count++}`
  }

  /** The mark of this txn among those that the slot held since; undefined: it was never carried out. */
  async #findMark(newest: KeyValue | undefined, slot: Slot, txn: string) {
    let row = newest
    while (row && row.mod_revision > slot.revision) {
      const mark = markOf(row.value)
      if (mark?.txn === txn) return { revision: row.mod_revision, branch: mark.branch }
      if (row.version === 1) return undefined
      const read = { key: Buffer.from(slot.key), revision: row.mod_revision - 1 }
      row = (await this.#read(read)).kvs[0]
    }
    return undefined
  }

  /** What a txn must have answered whose answer was lost. */
  async #recall(request: Txn, { revision, branch }: { revision: number; branch: Branch }): Promise<TxnResult> {
    const { keys, places } = this.#options
    const operations = branch === 'success' ? request.success : (request.failure ?? [])
    const results: OperationResult[] = []
    for (const [i, operation] of operations.entries()) {
      const { op, key } = operation
      if (op === 'range') {
        results.push(await this.#recallRange(operation, [operations.slice(0, i), operations.slice(i + 1)], revision))
        continue
      }
      const { kvs } = await this.#readPast(keys.span(key, op === 'put' ? undefined : operation.end), revision - 1)
      const rows = this.#rows(kvs)
      if (op === 'put') results.push({ op, ...(rows[0] && { previous: rows[0] }) })
      else results.push({ op, deleted: rows })
    }
    places.note(keys.toPublic(revision), orderOf(operations, results))
    return { succeeded: branch === 'success', revision: keys.toPublic(revision), results }
  }

  /** It saw what the operations before it had written, and nothing of those behind it. No key is written twice in a txn. */
  async #recallRange(
    { key, end, limit = 0 }: Operation & { op: 'range' },
    [before, behind]: readonly [readonly Operation[], readonly Operation[]],
    revision: number,
  ): Promise<OperationResult> {
    const span = this.#options.keys.span(key, end)
    const written = before
      .filter(({ op }) => op !== 'range')
      .map((one) => this.#options.keys.span(one.key, 'end' in one ? one.end : undefined))
    if (written.length === 0 || !writes(behind)) {
      const { kvs, more, count } = await this.#readPast(
        { ...span, limit },
        written.length === 0 && writes(behind) ? revision - 1 : revision,
      )
      return { op: 'range', rows: this.#rows(kvs), more, count }
    }
    const isWritten = ({ key }: KeyValue) => written.some((one) => within(key, one))
    const [old, fresh] = [await this.#readPast(span, revision - 1), await this.#readPast(span, revision)]
    const all = [...old.kvs.filter((kv) => !isWritten(kv)), ...fresh.kvs.filter(isWritten)].sort((a, b) =>
      Buffer.compare(a.key, b.key),
    )
    const rows = limit > 0 ? all.slice(0, limit) : all
    return { op: 'range', rows: this.#rows(rows), more: rows.length < all.length, count: all.length }
  }

  /** Nothing where it is compacted. */
  async #readPast(request: RangeMessage, revision: number): Promise<RangeAnswer> {
    return this.#read({ ...request, revision }).catch((error) => {
      if (!hasCode(error, 'Compacted')) throw error
      return { kvs: [], more: false, count: 0 }
    })
  }

  async #read(request: RangeMessage): Promise<RangeAnswer> {
    return (await this.#options.members.call<RangeMessage, RangeAnswer>('KV.Range', request)).answer
  }

  #inner(request: Txn, marks: (branch: Branch) => RequestOp[] = () => []): TxnMessage {
    const { keys } = this.#options
    return {
      compare: request.compare.map((one) => keys.compareOf(one)),
      success: [...request.success.map((one) => this.#operation(one)), ...marks('success')],
      failure: [...(request.failure ?? []).map((one) => this.#operation(one)), ...marks('failure')],
    }
  }

  #operation(operation: Operation): RequestOp {
    const { keys } = this.#options
    if (operation.op === 'put') {
      const { key, value, lease = 0 } = operation
      return { request_put: { ...keys.span(key), value, lease, prev_kv: true } }
    }
    const span = keys.span(operation.key, operation.end)
    if (operation.op === 'delete') return { request_delete_range: { ...span, prev_kv: true } }
    return { request_range: { ...span, limit: operation.limit ?? 0 } }
  }

  /** Last, so that they take no other write's place; and not where there is nothing to delete, since that must take no revision. */
  #markOperations(request: Txn, branch: Branch, { slot, value }: { slot: Slot; value: Buffer }): RequestOp[] {
    const operations = branch === 'success' ? request.success : (request.failure ?? [])
    const mark: RequestOp = { request_put: { key: Buffer.from(slot.key), value } }
    if (puts(operations)) return [mark]
    const deletions = operations.filter(({ op }) => op === 'delete')
    return deletions.reduceRight<RequestOp[]>((otherwise, deletion) => {
      const { key, end } = deletion as { key: string; end?: string }
      const span = this.#options.keys.span(key, end)
      const exists: CompareMessage = { ...span, target: 0, result: 1, version: 0 }
      return [{ request_txn: { compare: [exists], success: [mark], failure: otherwise } }]
    }, [])
  }

  #result(request: Txn, answer: TxnAnswer, raw: number): TxnResult {
    const { keys, places } = this.#options
    const operations = answer.succeeded ? request.success : (request.failure ?? [])
    const revision = keys.toPublic(raw)
    const results = operations.map((operation, i): OperationResult => {
      const one = answer.responses[i]
      if (operation.op === 'put') {
        const [previous] = this.#rows(one?.response_put?.prev_kv ? [one.response_put.prev_kv] : [])
        return { op: 'put', ...(previous && { previous }) }
      }
      if (operation.op === 'delete') return { op: 'delete', deleted: this.#rows(one?.response_delete_range?.prev_kvs ?? []) }
      const { kvs = [], more = false, count = 0 } = one?.response_range ?? {}
      return { op: 'range', rows: this.#rows(kvs), more, count }
    })
    places.note(revision, orderOf(operations, results))
    return { succeeded: answer.succeeded, revision, results }
  }

  #rows(kvs: readonly KeyValue[]): Row[] {
    const { keys, places } = this.#options
    const rows: Row[] = []
    for (const kv of kvs) {
      const key = keys.fromStored(kv.key)
      if (key !== undefined) rows.push(keys.rowOf(kv, key, places.of(keys.toPublic(kv.mod_revision), key)))
    }
    return rows
  }
}

function slotCompare({ key, revision }: Slot): CompareMessage {
  return { key: Buffer.from(key), target: 2, result: 0, mod_revision: revision }
}

function within(key: Uint8Array, span: Pick<RangeMessage, 'key' | 'range_end'>): boolean {
  if (!span.range_end?.length) return Buffer.compare(key, span.key) === 0
  return Buffer.compare(key, span.key) >= 0 && Buffer.compare(key, span.range_end) < 0
}

function puts(operations: readonly Operation[] = []): boolean {
  return operations.some(({ op }) => op === 'put')
}

function writes(operations: readonly Operation[] = []): boolean {
  return operations.some(({ op }) => op !== 'range')
}

/** Keys written, in order. */
function orderOf(operations: readonly Operation[], results: readonly OperationResult[]): string[] {
  return results.flatMap((result, i) => {
    if (result.op === 'put') return [operations[i]?.key as string]
    return result.op === 'delete' ? result.deleted.map(({ key }) => key) : []
  })
}

/** Undefined where it is not known beforehand which keys are concerned. */
function keysOf({ compare, success, failure = [] }: Txn): string[] | undefined {
  const parts = [...compare, ...success, ...failure]
  if (parts.some((part) => 'end' in part && part.end !== undefined)) return undefined
  return [...new Set(parts.map(({ key }) => key))]
}

/**
 * Whether everything that clients were told fits one order: that of the revisions, which every answer carries. A model of the store as small as
 * can be goes through the events of a watch, and each call has to answer what the model says at its revision; and no call may have a
 * revision below one that was answered before it began.
 */

import type { Operation, OperationResult, RangeResult, Row, StoreEvent, TxnResult } from '../store.ts'
import { holds, inRange } from '../txn.ts'
import type { Call } from './recorded-store.ts'

type State = Map<string, Row>

/** What is wrong, a line each. `events` are all that came after `base`, in order. */
export function judgeRevisions(calls: readonly Call[], events: readonly StoreEvent[], base = 0): string[] {
  return new Judge(calls, events, base).run()
}

class Judge {
  #problems: string[] = []
  #calls: readonly Call[]
  #events: Map<number, StoreEvent[]>
  #base: number
  /** Revisions whose write somebody was told of. */
  #claimed = new Set<number>()

  constructor(calls: readonly Call[], events: readonly StoreEvent[], base: number) {
    this.#calls = calls
    this.#events = Map.groupBy(events, ({ row }) => row.revision)
    this.#base = base
  }

  run(): string[] {
    this.#judgeTime()
    const writes = new Map<number, Call>()
    const reads = new Map<number, Call[]>()
    for (const call of this.#calls) {
      if (!call.answer) continue
      const { revision } = call.answer
      if (call.type === 'txn' && hasWritten(call.answer)) {
        if (writes.has(revision)) this.#problems.push(`revision ${revision} was given twice`)
        writes.set(revision, call)
        continue
      }
      const at = (call.type === 'range' && call.request.revision) || revision
      reads.set(at, [...(reads.get(at) ?? []), call])
    }
    const state: State = new Map()
    const revisions = [...new Set([this.#base, ...this.#events.keys(), ...writes.keys(), ...reads.keys()])].sort((a, b) => a - b)
    for (const revision of revisions) {
      if (revision < this.#base) continue
      this.#advance(state, revision, writes.get(revision))
      for (const call of reads.get(revision) ?? []) this.#compare(call, answerOf(call, new Map(state), revision))
    }
    return this.#problems
  }

  #judgeTime(): void {
    const marks = this.#calls
      .filter(({ answer }) => answer)
      .flatMap((call) => [
        { at: call.called, call, isCall: true },
        { at: call.answered, call, isCall: false },
      ])
      .sort((a, b) => a.at - b.at)
    let known = 0
    for (const { call, isCall } of marks) {
      const { answer } = call
      if (!answer) continue
      if (!isCall) known = Math.max(known, answer.revision)
      else if (call.type === 'txn' && hasWritten(answer as TxnResult) ? answer.revision <= known : answer.revision < known) {
        this.#problems.push(`${show(call)} began when revision ${known} was known, and has ${answer.revision}`)
      }
    }
  }

  #advance(state: State, revision: number, call: Call | undefined): void {
    const events = this.#events.get(revision) ?? []
    if (call?.type === 'txn') {
      this.#claimed.add(revision)
      const before = new Map(state)
      this.#compare(call, answerOf(call, state, revision))
      const expected = changesBetween(before, state)
      const found = events.map(shortEvent).sort()
      if (JSON.stringify(expected) !== JSON.stringify(found)) {
        this.#problems.push(`${show(call)} at ${revision}: the watch told ${found}, not ${expected}`)
      }
      return
    }
    if (events.length === 0) return
    const cause = this.#unanswered(state, events, revision)
    if (!cause) this.#problems.push(`nobody asked for ${events.map(shortEvent)}`)
    for (const { type, row } of events) {
      if (type === 'put') state.set(row.key, row)
      else state.delete(row.key)
    }
  }

  /** A txn whose answer was lost, or the end of a lease, that makes just these events of the state. */
  #unanswered(state: State, events: readonly StoreEvent[], revision: number): boolean {
    const found = JSON.stringify(events.map(shortEvent).sort())
    const makes = (after: State) => JSON.stringify(changesBetween(state, after)) === found
    for (const call of this.#calls) {
      if (call.type === 'revoke') {
        const after = new Map([...state].filter(([, { lease }]) => lease !== call.lease))
        if (makes(after)) return true
      }
      if (call.type !== 'txn' || call.answer || call.isCounted) continue
      const after = new Map(state)
      answerOf(call, after, revision)
      if (!makes(after)) continue
      call.isCounted = true
      return true
    }
    return false
  }

  #compare(call: Call, expected: unknown): void {
    const [found, wanted] = [JSON.stringify(shortAnswer(call)), JSON.stringify(expected)]
    if (found !== wanted) this.#problems.push(`${show(call)} at ${call.answer?.revision} answered ${found}, not ${wanted}`)
  }
}

function hasWritten({ results }: TxnResult): boolean {
  return results.some((one) => one.op === 'put' || (one.op === 'delete' && one.deleted.length > 0))
}

/** What the model answers; a txn changes the state. */
function answerOf(call: Call, state: State, revision: number): unknown {
  if (call.type === 'range') return shortRange(rangeOf(state, call.request))
  if (call.type !== 'txn') return undefined
  const { compare, success, failure = [] } = call.request
  const succeeded = compare.every((one) => {
    const rows = rowsIn(state, one)
    return rows.length === 0 ? holds(one, undefined) : rows.every((row) => holds(one, row))
  })
  let places = 0
  const results = (succeeded ? success : failure).map((operation): unknown => {
    if (operation.op === 'range') return shortRange(rangeOf(state, operation))
    if (operation.op === 'put') {
      const previous = state.get(operation.key)
      state.set(operation.key, written(operation, previous, { revision, subRevision: places++ }))
      return previous ? shortRow(previous) : null
    }
    const deleted = rowsIn(state, operation)
    for (const { key } of deleted) state.delete(key)
    places += deleted.length
    return deleted.map(shortRow)
  })
  return { succeeded, results }
}

function written(
  { key, value, lease = 0 }: Operation & { op: 'put' },
  previous: Row | undefined,
  at: Pick<Row, 'revision' | 'subRevision'>,
): Row {
  const { createRevision = at.revision, version = 0 } = previous ?? {}
  return { key, value, ...at, createRevision, version: version + 1, lease }
}

function rowsIn(state: State, { key, end }: { readonly key: string; readonly end?: string }): Row[] {
  const span = { key, ...(end !== undefined && { end }) }
  const rows = [...state.values()].filter((row) => inRange(row.key, span))
  return rows.sort((a, b) => (a.key < b.key ? -1 : 1))
}

function rangeOf(state: State, span: { readonly key: string; readonly end?: string; readonly limit?: number }) {
  const all = rowsIn(state, span)
  const rows = span.limit ? all.slice(0, span.limit) : all
  return { rows, count: all.length, more: rows.length < all.length }
}

function shortAnswer({ type, answer }: Call): unknown {
  if (type === 'range') return shortRange(answer as RangeResult)
  const { succeeded, results } = answer as TxnResult
  return { succeeded, results: results.map(shortResult) }
}

function shortResult(result: OperationResult): unknown {
  if (result.op === 'put') return result.previous ? shortRow(result.previous) : null
  return result.op === 'delete' ? result.deleted.map(shortRow) : shortRange(result)
}

function shortRange({ rows, count, more }: Pick<RangeResult, 'rows' | 'count' | 'more'>): unknown {
  return [rows.map(shortRow), count, more]
}

function shortRow({ key, value, revision, createRevision, version, lease }: Row): string {
  return `${key}=${Buffer.from(value)} ${revision} ${createRevision} ${version} ${lease}`
}

function shortEvent({ type, row }: StoreEvent): string {
  return type === 'put' ? `put ${shortRow(row)}` : `delete ${row.key}`
}

function changesBetween(before: State, after: State): string[] {
  const gone = [...before.keys()].filter((key) => !after.has(key)).map((key) => `delete ${key}`)
  const put = [...after.values()].filter((row) => before.get(row.key) !== row).map((row) => `put ${shortRow(row)}`)
  return [...gone, ...put].sort()
}

function show(call: Call): string {
  return JSON.stringify(call.type === 'revoke' ? { revoke: call.lease } : call.request, (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString() : value,
  )
}

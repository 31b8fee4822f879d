/** What the program of the power cut test says about a store while it works on it, and the judgement over what is left of the store. */
import assert from 'node:assert/strict'
import { checkLinearizable } from '#testing/linearizability.ts'
import type { Ledger } from '../ledger.ts'
import type { Lease, Row, StoreEvent } from '../store.ts'
import { type Input, type Output, Recording, storeModel } from './recorded-client.ts'

export const keys = Array.from({ length: 6 }, (_, i) => `/k/${i}`)

/** Two keys hang on each lease. */
export function keysOfLease(id: number): [string, string] {
  return [`/l/${id}/a`, `/l/${id}/b`]
}

/** Revision, number within it, type, key, value. */
export type ToldEvent = readonly [revision: number, sub: number, type: StoreEvent['type'], key: string, value: string]

/** In the order of a lease's life. */
export const lifeOfLease = ['granting', 'granted', 'attaching', 'attached', 'revoking', 'revoked'] as const
export type LeaseState = (typeof lifeOfLease)[number]

export type Told =
  | { readonly id: number; readonly input: Input }
  | { readonly id: number; readonly output: Output }
  | { readonly events: readonly ToldEvent[] }
  | { readonly compacted: number }
  | { readonly lease: number; readonly is: LeaseState }
  | { readonly end: true }

export function toldOf({ type, row }: StoreEvent): ToldEvent {
  return [row.revision, row.subRevision, type, row.key, Buffer.from(row.value).toString('latin1')]
}

export interface Recovered {
  readonly ledger: Ledger
  readonly rows: readonly Row[]
  readonly leases: readonly Lease[]
}

/** Where a store was when the program began. */
export interface Beginning {
  readonly rows: readonly Row[]
  readonly leases: readonly Lease[]
  /** The first revision of which its watch is to hear. */
  readonly from: number
}

export const nothing: Beginning = { rows: [], leases: [], from: 2 }

/** What those who asked know of a store by now. */
export class Heard {
  #recording = new Recording()
  #events: ToldEvent[] = []
  #leases = new Map<number, LeaseState>()
  #from: number
  ended = false

  constructor({ rows, leases, from }: Beginning) {
    this.#from = from
    for (const { id } of leases) this.#leases.set(id, rows.some(({ lease }) => lease === id) ? 'attached' : 'granted')
    // What was found is what was written: nothing of the life before may show up later.
    for (const [i, { key, value, revision }] of rows.entries()) {
      if (!keys.includes(key)) continue
      this.#recording.called(-1 - i, { op: 'put', key, value: Buffer.from(value).toString() })
      this.#recording.answered(-1 - i, { ok: true, revision })
    }
  }

  /** The first revision of which nobody was told. */
  get next(): number {
    return (this.#events.at(-1)?.[0] ?? this.#from - 1) + 1
  }

  hear(told: Told): void {
    if ('input' in told) this.#recording.called(told.id, told.input)
    else if ('output' in told) this.#recording.answered(told.id, told.output)
    else if ('events' in told) this.#events.push(...told.events)
    else if ('lease' in told) this.#leases.set(told.lease, told.is)
    else if ('end' in told) this.ended = true
    else assert.fail(`a watch was told that ${told.compacted} is compacted, and had heard all before`)
  }

  judge(found: Recovered, what: string): void {
    this.#judgeRows(found, what)
    this.#judgeWatch(found, what)
    this.#judgeLeases(found, what)
  }

  /** No acknowledged write is lost, and nothing is there that nobody wrote. */
  #judgeRows({ rows }: Recovered, what: string): void {
    const outputs = keys.map((key) => {
      const row = rows.find((one) => one.key === key)
      const output: Output = { ok: true, revision: row?.revision ?? 0, ...(row && { value: Buffer.from(row.value).toString() }) }
      return { key, output }
    })
    const verdict = checkLinearizable(storeModel, this.#recording.history(outputs))
    if (!verdict.ok) assert.fail(`${what}: ${JSON.stringify({ stuck: verdict.stuck, longest: verdict.longest.slice(-5) })}`)
  }

  /** What a watch was told is so, and what it is told next follows on it: no event is missing, none comes twice. */
  #judgeWatch({ ledger }: Recovered, what: string): void {
    const { next } = this
    assert(ledger.durable >= next - 1, `${what}: a watch was told of ${next - 1}, and the store ends at ${ledger.durable}`)
    const rest = ledger.eventsFrom(next)
    assert(rest, `${what}: a watch that goes on at ${next} is told that it is compacted`)
    assertUnbroken([...this.#events, ...rest.map(toldOf)], { from: this.#from, to: ledger.durable, what })
    const kept = (ledger.eventsFrom(ledger.compactRevision) ?? []).map(toldOf)
    const first = kept[0]?.[0] ?? 0
    const told = this.#events.filter(([revision]) => revision >= first)
    const from = told[0]?.[0] ?? next
    assert.deepEqual(
      told,
      kept.filter(([revision]) => revision >= from && revision < next),
      `${what}: what a watch was told`,
    )
  }

  /** Leases and the keys on them come and go as one. */
  #judgeLeases({ rows, leases }: Recovered, what: string): void {
    for (const { id } of leases) assert(this.#leases.has(id), `${what}: nobody asked for lease ${id}`)
    for (const [id, is] of this.#leases) {
      const age = lifeOfLease.indexOf(is)
      const isThere = leases.some((lease) => lease.id === id)
      const attached = keysOfLease(id).filter((key) => rows.some((row) => row.key === key && row.lease === id))
      const of = `${what}: lease ${id}, ${is},`
      if (age === 1 || age === 2 || age === 3) assert(isThere, `${of} is lost`)
      if (age === 3) assert.equal(attached.length, 2, `${of} has lost keys`)
      if (age < 2) assert.equal(attached.length, 0, `${of} has keys that nobody wrote`)
      if (age === 4) assert.equal(attached.length, isThere ? 2 : 0, `${of} is revoked by halves`)
      if (age === 5) assert(!isThere && attached.length === 0, `${of} is back`)
      assert(attached.length !== 1, `${of} has one of two keys that were written at once`)
    }
  }
}

function assertUnbroken(events: readonly ToldEvent[], { from, to, what }: { from: number; to: number; what: string }): void {
  let [revision, sub] = [from - 1, 0]
  for (const event of events) {
    const follows = event[0] === revision ? event[1] === sub + 1 : event[0] === revision + 1 && event[1] === 0
    assert(follows, `${what}: after ${revision}.${sub} a watch hears of ${event.join(' ')}`)
    ;[revision, sub] = event
  }
  assert.equal(revision, to, `${what}: a watch hears the last event`)
}

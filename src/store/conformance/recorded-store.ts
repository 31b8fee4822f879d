/** Clients that use the whole of the store at once (txns of several keys, ranges, old revisions, leases, compaction), and what they were told. */
import type { Random } from '#lib/random.ts'
import {
  type Compare,
  hasCode,
  type Operation,
  prefixEnd,
  type RangeRequest,
  type RangeResult,
  type Store,
  type Txn,
  type TxnResult,
} from '../store.ts'

interface Timed {
  /** Numbers in the order of time. */
  readonly called: number
  answered: number
}

export type Call = Timed &
  (
    | { readonly type: 'txn'; readonly request: Txn; answer?: TxnResult; isCounted?: boolean }
    | { readonly type: 'range'; readonly request: RangeRequest; answer?: RangeResult }
    | { readonly type: 'revoke'; readonly lease: number; readonly answer?: undefined }
  )

interface Client {
  readonly store: Store
  readonly calls: Call[]
  readonly random: Random
  readonly name: string
  readonly keys: number
  /** What its keys begin with; default `/k/`. */
  readonly below?: string
  /** Nothing is compacted. */
  readonly isGentle?: boolean
}

const cause = { user: 'client', time: 1, request: '' }

function allOf({ below = '/k/' }: Client): { readonly key: string; readonly end: string } {
  return { key: below, end: prefixEnd(below) }
}

/** Time for all clients of a run. */
let time = 0

/** One call of a client's choice; one that fails for want of an answer throws, and may have happened. */
export async function callOnce(client: Client, round: number): Promise<void> {
  const { random } = client
  const chance = random.next()
  if (chance < 0.55) return recordTxn(client, txnOf(client, round))
  if (chance < 0.75) return recordRange(client, { ...allOf(client), ...(random.next() < 0.5 && { limit: 3 }) })
  if (chance < 0.9) return readOld(client)
  if (chance < 0.97) return useLease(client, round)
  if (!client.isGentle) return compact(client)
}

async function recordTxn({ store, calls }: Client, request: Txn): Promise<void> {
  const call: Call = { type: 'txn', request, called: time++, answered: Number.POSITIVE_INFINITY }
  calls.push(call)
  try {
    call.answer = await store.txn(request)
    call.answered = time++
  } catch (error) {
    // It was refused as a whole.
    if (hasCode(error, 'LeaseNotFound')) calls.splice(calls.indexOf(call), 1)
    else throw error
  }
}

async function recordRange({ store, calls }: Client, request: RangeRequest): Promise<void> {
  const call: Call = { type: 'range', request, called: time++, answered: Number.POSITIVE_INFINITY }
  call.answer = await store.range(request)
  call.answered = time++
  calls.push(call)
}

function txnOf(client: Client, round: number): Txn {
  const { random, name, keys, calls, below = '/k/' } = client
  const all = allOf(client)
  const key = () => `${below}${Math.floor(random.next() * keys)}`
  const value = Buffer.from(`${name}.${round}`)
  const puts = [...new Set([key(), key(), key()])].map((one): Operation => ({ op: 'put', key: one, value }))
  const chance = random.next()
  const compare = compareOf(client, key(), newestOf(calls))
  const read: Operation = { op: 'range', ...all }
  if (chance < 0.3) return { compare: [compare], success: [read, ...puts, read], failure: [read], cause }
  if (chance < 0.6) return { compare: [], success: puts.slice(0, 2), cause }
  if (chance < 0.75)
    return { compare: [compare], success: puts.slice(0, 1), failure: [{ op: 'delete', key: key() }, read], cause }
  if (chance < 0.85) {
    const from = Math.floor(random.next() * keys)
    return { compare: [], success: [{ op: 'delete', key: `${below}${from}`, end: `${below}${from + 2}` }, read], cause }
  }
  return { compare: [compare], success: [{ op: 'delete', key: key() }], failure: [read], cause }
}

function compareOf(client: Client, key: string, newest: number): Compare {
  const chance = client.random.next()
  if (chance < 0.3) return { key, target: 'createRevision', op: '=', operand: 0 }
  if (chance < 0.5) return { key, target: 'version', op: '>', operand: 1 }
  if (chance < 0.7) return { ...allOf(client), target: 'revision', op: '<', operand: Math.max(1, newest - 2) }
  if (chance < 0.8) return { key, target: 'lease', op: '!=', operand: 0 }
  return { key, target: 'revision', op: '>', operand: Math.max(1, newest - 5) }
}

function newestOf(calls: readonly Call[]): number {
  return calls.findLast(({ answer }) => answer)?.answer?.revision ?? 1
}

async function readOld(client: Client): Promise<void> {
  const revision = newestOf(client.calls) - Math.floor(client.random.next() * 10)
  if (revision < 1) return
  await recordRange(client, { ...allOf(client), revision }).catch((error) => {
    if (!hasCode(error, 'Compacted')) throw error
  })
}

async function useLease(client: Client, round: number): Promise<void> {
  const { store, calls, random, name, keys, below = '/k/' } = client
  const { id } = await store.grantLease(600)
  const value = Buffer.from(`${name}.${round}`)
  const first = Math.floor(random.next() * keys)
  const success = [first, (first + 1) % keys].map((one): Operation => ({ op: 'put', key: `${below}${one}`, value, lease: id }))
  await recordTxn(client, { compare: [], success, cause })
  calls.push({ type: 'revoke', lease: id, called: time++, answered: Number.POSITIVE_INFINITY })
  await store.revokeLease(id)
}

async function compact({ store, calls }: Client): Promise<void> {
  const revision = newestOf(calls) - 15
  if (revision < 1) return
  await store.compact(revision).catch((error) => {
    if (!hasCode(error, 'Compacted') && !hasCode(error, 'FutureRevision')) throw error
  })
}

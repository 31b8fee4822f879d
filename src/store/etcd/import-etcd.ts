/**
 * Moves a state into etcd: from another engine, or out of a backup.
 *
 * Guarantees: a move that was cut short is known to be so by whoever opens the store, and by the next move, which begins anew. The
 * state's revisions begin above all that were ever issued, and those count as compacted: whoever watched must list again. Keys that are not
 * the API's get the names in etcd that they had; where others stand there, nothing is moved.
 */
import { bump } from '../backup.ts'
import { compactKey } from '../compactor.ts'
import { hasCode, type Lease, type Row, StoreError } from '../store.ts'
import { EtcdError } from './etcd-error.ts'
import { KeySpace } from './key-space.ts'
import { Members, type MembersOptions } from './members.ts'
import type { DeleteMessage, KeyValue, RangeAnswer, RangeMessage, RequestOp, TxnAnswer, TxnMessage } from './messages.ts'
import { noteMove, readStanding, writeOffset } from './revision-offset.ts'

export interface EtcdImport {
  /** Asked for twice, and the same each time. */
  rows(): AsyncIterable<Row> | Iterable<Row>
  readonly leases: readonly Lease[]
  readonly above: number
  /** What stands below the prefix goes; otherwise it is an error that there is something. */
  readonly replace: boolean
}

/** etcd takes 128 operations and 1.5 MB in one txn. */
const mostOperations = 100
const mostBytes = 1 << 20
const underWay = 8
const mostTold = 5

export interface Imported {
  /** At which the state begins. */
  readonly revision: number
  readonly rows: number
}

export async function importEtcd(options: MembersOptions & { readonly prefix: string }, state: EtcdImport): Promise<Imported> {
  const members = new Members(options)
  try {
    return await new Move(members, new KeySpace(options.prefix)).run(state)
  } finally {
    members.close()
  }
}

class Move {
  #members: Members
  #keys: KeySpace

  constructor(members: Members, keys: KeySpace) {
    this.#members = members
    this.#keys = keys
  }

  async run({ rows, leases, above, replace }: EtcdImport): Promise<Imported> {
    const { isMoving, offset: before } = await readStanding(this.#members, this.#keys)
    const mayReplace = replace || isMoving
    const count = await this.#count()
    if (count > 0 && !mayReplace)
      throw new EtcdError(`etcd holds ${count} keys below ${this.#keys.toStored('/registry')} already`)
    await this.#checkOthers(rows())
    await noteMove(this.#members, this.#keys)
    if (count > 0) await this.#clear()
    for (const { id, ttl, remaining = ttl } of leases) await this.#grant(id, Math.max(1, remaining))
    const written = await this.#write(rows())
    const raw = (await this.#range({ ...this.#keys.all(true), count_only: true })).header?.revision ?? 0
    // Somebody may have used this etcd before, with an offset of its own.
    const revision = Math.max(above, raw + before) + bump
    await writeOffset(this.#members, this.#keys, revision - raw)
    const newest = (await this.#range({ ...this.#keys.all(true), count_only: true })).header?.revision ?? raw
    await this.#members.callOnce('KV.Compact', { revision: newest }, (error) => hasCode(error, 'Compacted'))
    return { revision: revision - raw + newest, rows: written }
  }

  /** Keys that are not the API's may have been somebody else's in etcd before. */
  async #checkOthers(rows: AsyncIterable<Row> | Iterable<Row>): Promise<void> {
    const taken: string[] = []
    let batch: Row[] = []
    const look = async () => {
      for (const [i, kv] of (await this.#standing(batch)).entries()) {
        const { key, value } = batch[i] as Row
        if (this.#keys.holds(key) || (kv && !Buffer.from(kv.value).equals(value))) taken.push(key)
      }
      batch = []
    }
    for await (const row of rows) {
      if (isOfApi(row) || isOfEngine(row)) continue
      batch.push(row)
      if (batch.length >= mostOperations) await look()
    }
    if (batch.length > 0) await look()
    if (taken.length === 0) return
    const told = taken.slice(0, mostTold).join(', ') + (taken.length > mostTold ? ` and ${taken.length - mostTold} more` : '')
    throw new EtcdError(`keys that are no part of the API have other values in etcd, and are not overwritten: ${told}`)
  }

  async #standing(rows: readonly Row[]): Promise<(KeyValue | undefined)[]> {
    const success = rows.map(({ key }): RequestOp => ({ request_range: { key: Buffer.from(key) } }))
    const { answer } = await this.#members.call<TxnMessage, TxnAnswer>('KV.Txn', { compare: [], success, failure: [] })
    return answer.responses.map(({ response_range: range }) => range?.kvs[0])
  }

  async #count(): Promise<number> {
    return (await this.#range({ ...this.#keys.span('/registry/', '/registry0'), count_only: true })).count
  }

  async #range(request: RangeMessage): Promise<RangeAnswer> {
    return (await this.#members.call<RangeMessage, RangeAnswer>('KV.Range', request)).answer
  }

  async #clear(): Promise<void> {
    await this.#members.call<DeleteMessage, unknown>('KV.DeleteRange', this.#keys.span('/registry/', '/registry0'))
  }

  async #grant(id: number, ttl: number): Promise<void> {
    try {
      await this.#members.call('Lease.LeaseGrant', { ID: id, TTL: ttl })
    } catch (error) {
      if (!hasCode(error, 'LeaseExists')) throw error
    }
  }

  async #write(rows: AsyncIterable<Row> | Iterable<Row>): Promise<number> {
    let count = 0
    const writing = new Set<Promise<void>>()
    let [batch, bytes]: [RequestOp[], number] = [[], 0]
    const send = async () => {
      const sent = this.#send(batch)
      sent.finally(() => writing.delete(sent)).catch(() => {})
      writing.add(sent)
      batch = []
      bytes = 0
      if (writing.size >= underWay) await Promise.race(writing)
    }
    for await (const row of rows) {
      if (isOfEngine(row)) continue
      const { value, lease } = row
      const key = isOfApi(row) ? this.#keys.span(row.key).key : Buffer.from(row.key)
      if (batch.length >= mostOperations || (bytes > 0 && bytes + value.byteLength > mostBytes)) await send()
      batch.push({ request_put: { key, value, lease } })
      bytes += key.byteLength + value.byteLength
      count++
    }
    if (batch.length > 0) await send()
    await Promise.all(writing)
    return count
  }

  /** May be carried out twice: it puts the same. */
  async #send(success: readonly RequestOp[]): Promise<void> {
    const { answer } = await this.#members.call<TxnMessage, TxnAnswer>('KV.Txn', { compare: [], success, failure: [] })
    if (!answer.succeeded) throw new StoreError('Closed', 'etcd refused a part of the state')
  }
}

function isOfApi({ key }: Row): boolean {
  return key.startsWith('/registry/')
}

/** What the engines keep for themselves is of the moment. */
function isOfEngine({ key }: Row): boolean {
  return key === compactKey || key.startsWith('.nami/')
}

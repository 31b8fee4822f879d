/**
 * Moves a state into etcd: from another engine, or out of a backup.
 *
 * Guarantees: a move that was cut short is known to be so by whoever opens the store, and by the next move, which begins anew. The
 * state's revisions begin above all that were ever issued, and those count as compacted: whoever watched must list again.
 */
import { bump } from '../backup.ts'
import { hasCode, type Lease, type Row, StoreError } from '../store.ts'
import { EtcdError } from './etcd-error.ts'
import { KeySpace } from './key-space.ts'
import { Members, type MembersOptions } from './members.ts'
import type { DeleteMessage, RangeAnswer, RangeMessage, RequestOp, TxnAnswer, TxnMessage } from './messages.ts'
import { noteMove, readStanding, writeOffset } from './revision-offset.ts'

export interface EtcdImport {
  readonly rows: AsyncIterable<Row> | Iterable<Row>
  readonly leases: readonly Lease[]
  readonly above: number
  /** What stands below the prefix goes; otherwise it is an error that there is something. */
  readonly replace: boolean
}

/** etcd takes 128 operations and 1.5 MB in one txn. */
const mostOperations = 100
const mostBytes = 1 << 20
const underWay = 8

/** Answers the revision at which the state begins. */
export async function importEtcd(options: MembersOptions & { readonly prefix: string }, state: EtcdImport): Promise<number> {
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

  async run({ rows, leases, above, replace }: EtcdImport): Promise<number> {
    const { isMoving, offset: before } = await readStanding(this.#members, this.#keys)
    const mayReplace = replace || isMoving
    const count = await this.#count()
    if (count > 0 && !mayReplace)
      throw new EtcdError(`etcd holds ${count} keys below ${this.#keys.toStored('/registry')} already`)
    await noteMove(this.#members, this.#keys)
    if (count > 0) await this.#clear()
    for (const { id, ttl, remaining = ttl } of leases) await this.#grant(id, Math.max(1, remaining))
    await this.#write(rows)
    const raw = (await this.#range({ ...this.#keys.all(true), count_only: true })).header?.revision ?? 0
    // Somebody may have used this etcd before, with an offset of its own.
    const revision = Math.max(above, raw + before) + bump
    await writeOffset(this.#members, this.#keys, revision - raw)
    const newest = (await this.#range({ ...this.#keys.all(true), count_only: true })).header?.revision ?? raw
    await this.#members.callOnce('KV.Compact', { revision: newest }, (error) => hasCode(error, 'Compacted'))
    return revision - raw + newest
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

  async #write(rows: EtcdImport['rows']): Promise<void> {
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
    for await (const { key, value, lease } of rows) {
      // Below the prefix or nowhere: what the engines keep beside the API's keys is of the moment.
      if (!key.startsWith('/registry/')) continue
      if (batch.length >= mostOperations || (bytes > 0 && bytes + value.byteLength > mostBytes)) await send()
      batch.push({ request_put: { ...this.#keys.span(key), value, lease } })
      bytes += key.length + value.byteLength
    }
    if (batch.length > 0) await send()
    await Promise.all(writing)
  }

  /** May be carried out twice: it puts the same. */
  async #send(success: readonly RequestOp[]): Promise<void> {
    const { answer } = await this.#members.call<TxnMessage, TxnAnswer>('KV.Txn', { compare: [], success, failure: [] })
    if (!answer.succeeded) throw new StoreError('Closed', 'etcd refused a part of the state')
  }
}

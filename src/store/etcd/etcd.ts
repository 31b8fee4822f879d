/**
 * The engine on an etcd cluster, for several API servers. All of the contract is etcd's own; what is added is that a write is carried
 * out once at most although it is sent again (`txns.ts`), that its cause is kept (`slots.ts`), that all watches are fed by one
 * (`feed.ts`), and that a cluster that moved in keeps its revisions (`key-space.ts`).
 *
 * When another state is moved into its etcd, by a migration or a restore, the store ends: revisions count from elsewhere then, and what
 * was read before stands no longer.
 *
 * Assumes: nobody but servers of this kind writes below the prefix, or they do so at their own risk; malformed values are passed on.
 */
import type { Random } from '#lib/random.ts'
import {
  hasCode,
  type Lease,
  type RangeRequest,
  type RangeResult,
  type Row,
  type Store,
  StoreError,
  type StoreStatus,
  type Txn,
  type TxnResult,
  type WatchBatch,
  type WatchRequest,
} from '../store.ts'
import { WatchHub } from '../watch-hub.ts'
import { movedAway, unfinishedMove } from './etcd-error.ts'
import { EtcdLeases } from './etcd-leases.ts'
import { Feed } from './feed.ts'
import { Health } from './health.ts'
import { KeySpace } from './key-space.ts'
import { Members, type MembersOptions } from './members.ts'
import type { KeyValue, RangeAnswer, RangeMessage } from './messages.ts'
import { Places } from './places.ts'
import { Quorum } from './quorum.ts'
import { RecentEvents } from './recent-events.ts'
import { readStanding } from './revision-offset.ts'
import { Txns } from './txns.ts'

export interface EtcdOptions extends MembersOptions {
  readonly random: Random
  /** Of this server, unlike those of all others on this etcd. */
  readonly name: string
  /** Stands in etcd for `/registry`, which our keys begin with; absent: keys stay as they are, and the store is all of etcd. */
  readonly prefix?: string
  /** After it the store answers nothing more. Default: throws where nobody catches, which ends the process. */
  readonly onFatal?: (error: Error) => void
  /** Events kept in memory for watches that begin in the past; default 64 MB. */
  readonly recentBytes?: number
}

/** Rejects where no member answers, or where etcd refuses. */
export async function openEtcdStore(options: EtcdOptions): Promise<Store> {
  const members = new Members(options)
  const keys = new KeySpace(options.prefix)
  const health = new Health(members, options.clock)
  const store = new EtcdStore(options, { members, keys, health })
  try {
    await store.open()
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}

interface Parts {
  readonly members: Members
  readonly keys: KeySpace
  readonly health: Health
}

/** Rows of a page: an answer of etcd is made in memory, there and here. */
const pageSize = 2_000

class EtcdStore implements Store {
  #options: EtcdOptions
  #members: Members
  #keys: KeySpace
  #health: Health
  #quorum: Quorum
  #places = new Places()
  #recent: RecentEvents
  #hub: WatchHub
  #feed: Feed | undefined
  #txns: Txns
  #leases: EtcdLeases
  /** The newest revision that an answer told. */
  #seen = 0
  #closed: Promise<void> | undefined
  #failed: Error | undefined

  constructor(options: EtcdOptions, { members, keys, health }: Parts) {
    this.#options = options
    this.#members = members
    this.#keys = keys
    this.#health = health
    this.#quorum = new Quorum(members, keys)
    this.#recent = new RecentEvents(options.recentBytes ?? 64 << 20)
    this.#hub = new WatchHub(this.#recent)
    const { name, random } = options
    this.#txns = new Txns({ members, keys, places: this.#places, name, random, onMoved: () => this.#fail(movedAway()) })
    this.#leases = new EtcdLeases(members, options.random)
  }

  async open(): Promise<void> {
    const { isMoving, offset, revision: movedAt } = await readStanding(this.#members, this.#keys)
    if (isMoving) throw unfinishedMove()
    this.#keys.offset = offset
    this.#keys.movedAt = movedAt
    const revision = await this.#quorum.revision()
    const trustsProgress = this.#keys.isConfined && (await this.#health.allTrustProgress())
    this.#feed = new Feed({
      ...{ members: this.#members, keys: this.#keys, recent: this.#recent, places: this.#places, trustsProgress },
      clock: this.#options.clock,
      onEvents: (events) => this.#hub.publish(events),
      onGap: () => this.#hub.interrupt(),
      onMoved: () => this.#fail(movedAway()),
      checkUnmoved: () => this.#checkUnmoved(),
    })
    this.#feed.begin()
    await this.#feed.reached(revision)
    this.#seen = Math.max(this.#seen, revision)
    await this.#health.look()
  }

  async txn(request: Txn): Promise<TxnResult> {
    this.#checkOpen()
    const result = await this.#txns.run(request)
    this.#seen = Math.max(this.#seen, result.revision)
    for (const operation of request.success) if (operation.op === 'put') this.#health.written(operation.value.byteLength)
    return result
  }

  async range(request: RangeRequest): Promise<RangeResult> {
    this.#checkOpen()
    try {
      return await this.#rangeInPages(request)
    } catch (error) {
      this.#checkOpen()
      // Compacted between two pages: the newest state can be read anew, an older one cannot.
      if (request.revision || !hasCode(error, 'Compacted')) throw error
      return await this.#rangeInPages(request)
    }
  }

  watch(request: WatchRequest, onBatch: (batch: WatchBatch) => void): void {
    this.#checkOpen()
    this.#hub.watch({ ...request, from: request.from || Math.max(this.#seen, this.#recent.durable) + 1 }, onBatch)
  }

  async requestProgress(): Promise<void> {
    this.#checkOpen()
    await this.#feed?.reached(await this.#quorum.revision())
    this.#hub.askProgress()
  }

  async compact(revision: number): Promise<void> {
    this.#checkOpen()
    // A revision from before the cluster moved to etcd.
    if (revision <= this.#keys.offset) throw new StoreError('Compacted', 'required revision has been compacted')
    const request = { revision: this.#keys.toRaw(revision) }
    await this.#members.callOnce('KV.Compact', request, (error) => hasCode(error, 'Compacted'))
    this.#recent.compacted(revision)
  }

  async status(): Promise<StoreStatus> {
    this.#checkOpen()
    const [revision, { bytes, isFull }] = await Promise.all([this.#quorum.revision(), this.#health.look()])
    this.#seen = Math.max(this.#seen, revision)
    return { revision, compactRevision: this.#recent.compactRevision, bytes, ...(isFull && { alarm: 'NoSpace' as const }) }
  }

  async grantLease(ttlSeconds: number, id?: number): Promise<Lease> {
    this.#checkOpen()
    return this.#leases.grant(ttlSeconds, id)
  }

  async keepAliveLease(id: number): Promise<Lease> {
    this.#checkOpen()
    return this.#leases.keepAlive(id)
  }

  async revokeLease(id: number): Promise<void> {
    this.#checkOpen()
    await this.#leases.revoke(id)
  }

  async leases(): Promise<readonly Lease[]> {
    this.#checkOpen()
    return this.#leases.all()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#hub.close()
    await this.#txns.idle()
    this.#feed?.close()
    this.#members.close()
  }

  async #rangeInPages({ key, end, limit = 0, revision = 0, countOnly, keysOnly }: RangeRequest): Promise<RangeResult> {
    if (revision > 0 && revision <= this.#keys.offset) throw new StoreError('Compacted', 'required revision has been compacted')
    const span = this.#keys.span(key, end)
    const wanted = { keys_only: keysOnly ?? false, count_only: countOnly ?? false }
    const rows: Row[] = []
    let at = revision > 0 ? this.#keys.toRaw(revision) : 0
    let first: RangeAnswer | undefined
    for (let from = span.key; ; ) {
      const left = limit === 0 ? pageSize : Math.min(pageSize, limit - rows.length)
      const request: RangeMessage = { ...span, ...wanted, key: from, revision: at, limit: countOnly ? 0 : left }
      const { answer } = await this.#members.call<RangeMessage, RangeAnswer>('KV.Range', request)
      first ??= answer
      at ||= answer.header?.revision ?? 0
      this.#collect(answer.kvs, rows)
      const last = answer.kvs.at(-1)
      if (!answer.more || !last || rows.length === limit) return this.#rangeResult(first, { rows, more: answer.more })
      from = Buffer.concat([last.key, Buffer.of(0)])
    }
  }

  #rangeResult({ header, count }: RangeAnswer, { rows, more }: { rows: Row[]; more: boolean }): RangeResult {
    this.#checkOpen()
    const revision = this.#keys.toPublic(header?.revision ?? 0)
    this.#seen = Math.max(this.#seen, revision)
    return { rows, more, count, revision }
  }

  #collect(kvs: readonly KeyValue[], into: Row[]): void {
    for (const kv of kvs) {
      const key = this.#keys.fromStored(kv.key)
      if (key === undefined) continue
      into.push(this.#keys.rowOf(kv, key, this.#places.of(this.#keys.toPublic(kv.mod_revision), key)))
    }
  }

  async #checkUnmoved(): Promise<void> {
    const { revision } = await readStanding(this.#members, this.#keys)
    if (revision === this.#keys.movedAt) return
    this.#fail(movedAway())
    throw movedAway()
  }

  #fail(error: Error): void {
    if (this.#failed || this.#closed) return
    this.#failed = error
    this.#feed?.close()
    this.#hub.close()
    const { onFatal = crash } = this.#options
    onFatal(error)
  }

  #checkOpen(): void {
    if (this.#failed) throw this.#failed
    if (this.#closed) throw new StoreError('Closed', 'the store is closed')
  }
}

/** Nothing true can be said of a state that is not the one that was opened. */
function crash(error: Error): void {
  queueMicrotask(() => {
    throw error
  })
}

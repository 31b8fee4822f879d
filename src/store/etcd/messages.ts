/** etcd's messages as `rpc.ts` reads and writes them: names as in `rpc.proto`, 64-bit numbers as numbers, enums as numbers. */

export interface Header {
  readonly cluster_id: number
  readonly member_id: number
  readonly revision: number
  readonly raft_term: number
}

export interface KeyValue {
  readonly key: Uint8Array
  readonly create_revision: number
  readonly mod_revision: number
  readonly version: number
  readonly value: Uint8Array
  readonly lease: number
}

export interface RangeMessage {
  readonly key: Uint8Array
  readonly range_end?: Uint8Array
  readonly limit?: number
  readonly revision?: number
  readonly sort_order?: number
  readonly sort_target?: number
  readonly serializable?: boolean
  readonly keys_only?: boolean
  readonly count_only?: boolean
  readonly min_mod_revision?: number
  readonly max_mod_revision?: number
  readonly min_create_revision?: number
  readonly max_create_revision?: number
}

export interface RangeAnswer {
  readonly header?: Header | null
  readonly kvs: readonly KeyValue[]
  readonly more: boolean
  readonly count: number
}

export interface PutMessage {
  readonly key: Uint8Array
  readonly value?: Uint8Array
  readonly lease?: number
  readonly prev_kv?: boolean
  readonly ignore_value?: boolean
  readonly ignore_lease?: boolean
}

export interface PutAnswer {
  readonly header?: Header | null
  readonly prev_kv?: KeyValue | null
}

export interface DeleteMessage {
  readonly key: Uint8Array
  readonly range_end?: Uint8Array
  readonly prev_kv?: boolean
}

export interface DeleteAnswer {
  readonly header?: Header | null
  readonly deleted: number
  readonly prev_kvs: readonly KeyValue[]
}

/** One of its members is there. */
export interface RequestOp {
  readonly request_range?: RangeMessage | null
  readonly request_put?: PutMessage | null
  readonly request_delete_range?: DeleteMessage | null
  readonly request_txn?: TxnMessage | null
}

export interface ResponseOp {
  readonly response_range?: RangeAnswer | null
  readonly response_put?: PutAnswer | null
  readonly response_delete_range?: DeleteAnswer | null
  readonly response_txn?: TxnAnswer | null
}

export interface CompareMessage {
  readonly result: number
  readonly target: number
  readonly key: Uint8Array
  readonly version?: number
  readonly create_revision?: number
  readonly mod_revision?: number
  readonly value?: Uint8Array
  readonly lease?: number
  readonly range_end?: Uint8Array
}

export interface TxnMessage {
  readonly compare: readonly CompareMessage[]
  readonly success: readonly RequestOp[]
  readonly failure: readonly RequestOp[]
}

export interface TxnAnswer {
  readonly header?: Header | null
  readonly succeeded: boolean
  readonly responses: readonly ResponseOp[]
}

export interface WatchCreate {
  readonly key: Uint8Array
  readonly range_end?: Uint8Array
  readonly start_revision?: number
  readonly progress_notify?: boolean
  readonly filters?: readonly number[]
  readonly prev_kv?: boolean
  readonly watch_id?: number
  readonly fragment?: boolean
}

/** One of its members is there. */
export interface WatchMessage {
  readonly create_request?: WatchCreate | null
  readonly cancel_request?: { readonly watch_id: number } | null
  readonly progress_request?: object | null
}

export interface EventMessage {
  readonly type: number
  readonly kv: KeyValue
  readonly prev_kv?: KeyValue | null
}

export interface WatchAnswer {
  readonly header: Header
  readonly watch_id: number
  readonly created: boolean
  readonly canceled: boolean
  readonly compact_revision: number
  readonly cancel_reason: string
  readonly fragment: boolean
  readonly events: readonly EventMessage[]
}

export interface StatusAnswer {
  readonly header: Header
  readonly version: string
  readonly dbSize: number
  readonly leader: number
  readonly errors: readonly string[]
}

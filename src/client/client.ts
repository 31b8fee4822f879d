/**
 * The only door to a cluster. Every component sees the cluster through this interface; what lies behind it is a Transport:
 * HTTPS, or the API server in the same process, which skips sockets and bytes but no check.
 *
 * Objects that come back are shared and read-only (`edit` makes a copy to change). Errors are StatusErrors.
 */
import { copyJson } from '#schema/copy.ts'
import type { Kind, KubeObject, Verb } from '#schema/kind.ts'
import type { Draft } from '#schema/words.ts'

/** Names an object: `{ name, namespace }`, or any object that has metadata. */
export type Ref = { readonly name: string; readonly namespace?: string | undefined }
export type At = Ref | { readonly metadata: Ref }

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

export interface GetOptions extends CallOptions {
  readonly subresource?: string | undefined
  /** '' reads the newest state (default), '0' whatever a cache has. */
  readonly resourceVersion?: string | undefined
}

export interface ListOptions extends CallOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  readonly limit?: number | undefined
  readonly continue?: string | undefined
  readonly resourceVersion?: string | undefined
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan' | undefined
}

export interface WatchOptions extends ListOptions {
  readonly signal: AbortSignal
  readonly allowWatchBookmarks?: boolean | undefined
  readonly sendInitialEvents?: boolean | undefined
  readonly timeoutSeconds?: number | undefined
}

export interface WriteOptions extends CallOptions {
  readonly subresource?: string | undefined
  readonly dryRun?: boolean | undefined
  readonly fieldManager?: string | undefined
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore' | undefined
}

export interface DeleteOptions extends CallOptions {
  readonly gracePeriodSeconds?: number | undefined
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground' | undefined
  readonly preconditions?: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined } | undefined
  readonly dryRun?: boolean | undefined
}

export type Patch =
  | { readonly type: 'json'; readonly body: readonly object[] }
  | { readonly type: 'merge' | 'strategic'; readonly body: object }
  | { readonly type: 'apply'; readonly body: object; readonly force?: boolean }

export interface List<T> {
  readonly items: readonly T[]
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string; readonly remainingItemCount?: number }
}

/** A BOOKMARK's object has only apiVersion, kind and metadata. An ERROR is thrown as StatusError, never delivered. */
export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: T
}

type K<T extends KubeObject> = Kind<string, T>

export interface Client {
  get<T extends KubeObject>(kind: K<T>, at: At, options?: GetOptions): Promise<T>
  list<T extends KubeObject>(kind: K<T>, options?: ListOptions): Promise<List<T>>
  /** Events in the batches in which they came. Ends when the server ends it; throws StatusError (410 Expired: list again). */
  watch<T extends KubeObject>(kind: K<T>, options: WatchOptions): AsyncIterable<readonly WatchEvent<T>[]>
  /** The namespace is that of the object. */
  create<T extends KubeObject>(kind: K<T>, object: Draft<T>, options?: WriteOptions): Promise<T>
  update<T extends KubeObject>(kind: K<T>, object: Draft<T>, options?: WriteOptions): Promise<T>
  patch<T extends KubeObject>(kind: K<T>, at: At, patch: Patch, options?: WriteOptions): Promise<T>
  delete<T extends KubeObject>(kind: K<T>, at: At, options?: DeleteOptions): Promise<void>
  deleteCollection<T extends KubeObject>(kind: K<T>, selection: ListOptions, options?: DeleteOptions): Promise<void>
  /** POST to a subresource whose body is of another kind: `binding`, `eviction`, `token`. Answers what the server did. */
  post<R = unknown>(kind: Kind, at: At, call: { subresource: string; body: object; signal?: AbortSignal }): Promise<R>
  readonly transport: Transport
  close(): Promise<void>
}

/** The resource a call is about; enough to make a path without knowing the kind. */
export interface Resource {
  readonly group: string
  readonly version: string
  readonly plural: string
}

/** One request in the API's own terms. */
export interface Call {
  readonly verb: Verb
  readonly resource: Resource
  readonly namespace?: string | undefined
  readonly name?: string | undefined
  readonly subresource?: string | undefined
  /** Query parameters as they stand in the URL. */
  readonly query?: Readonly<Record<string, string>> | undefined
  /** Object or patch, as JSON values. */
  readonly body?: unknown
  /** Of the body; default application/json. */
  readonly contentType?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Carries calls. Both implementations answer alike: a decoded object, or a thrown StatusError. A failure to reach the
 * server is a TransportError, which callers retry.
 */
export interface Transport {
  request(call: Call): Promise<unknown>
  watch(call: Call & { readonly signal: AbortSignal }): AsyncIterable<readonly WatchEvent<any>[]>
  close(): Promise<void>
}

/** The server could not be reached, or the connection broke before an answer. */
export class TransportError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TransportError'
  }
}

export function refOf(at: At): Ref {
  return 'metadata' in at ? at.metadata : at
}

/** A copy of a shared object that may be changed, for read-modify-write. */
export function edit<T>(object: T): T {
  return copyJson(object) as T
}

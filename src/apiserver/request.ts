/** A request on its way through the pipeline, and the ways to answer it; HTTP and in-process calls look alike here. */
import type { Duplex, Readable } from 'node:stream'
import type { Soon } from '#lib/soon.ts'
import type { Kind, Verb } from '#schema/kind.ts'
import type { AuditRecord } from './audit/record.ts'
import type { Span } from './tracing/tracer.ts'
import type { Warnings } from './warnings.ts'

/** `user.Info`: who asks. */
export interface User {
  readonly name: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** How the request came in, for authentication. */
export type Origin =
  | { readonly type: 'in-process'; readonly user: User }
  | {
      readonly type: 'network'
      readonly remoteAddress: string
      /** DER of the client's certificate, which TLS has verified against the client CA. */
      readonly certificate?: Uint8Array
      /** DER of the certificate of a front proxy, which TLS has verified against the front proxy's CA. */
      readonly frontProxy?: Uint8Array
      /** Why the certificate that the client showed does not count, as of another CA. */
      readonly certificateError?: string
    }

export type RequestVerb = Verb | 'connect' | (string & {})

/** What the path means (`RequestInfo`). */
export interface RequestInfo {
  /** For resource requests the API verb, else the HTTP method in lower case. */
  readonly verb: RequestVerb
  readonly isResource: boolean
  readonly path: string
  readonly group: string
  readonly version: string
  /** The plural, as written; '' when this is no resource request. */
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** What follows the subresource: the path behind `proxy`. */
  readonly rest: string
}

export interface Request {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** What `query` was read from, without its `?`; network requests have it. */
  readonly rawQuery?: string | undefined
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Names and values in turn, as they came, a line each; network requests have it. */
  readonly rawHeaders?: readonly string[] | undefined
  readonly origin: Origin
  /** Whole body, bounded in size; empty where there is none. */
  body(): Promise<Uint8Array>
  /** The body as it comes, unbounded, for those who hand it on; instead of `body()`. Undefined where there is none. */
  bodyStream?(): Readable | undefined
  /** Set on in-process calls instead of a body: JSON values, which must be copied before they are kept. */
  readonly object?: unknown
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal
  /** For `connect` requests: takes over the socket after the answer head was written by the handler. */
  readonly upgrade?: (() => { readonly socket: Duplex; readonly head: Uint8Array }) | undefined

  /** Filled in by the stages. */
  info: RequestInfo
  user: User
  auditId: string
  /** Lines for `Warning: 299` headers. */
  readonly warnings: Warnings
  /** The kind that serves it, where it is a resource request. */
  kind?: Kind
  /** Of its flow schema and priority level, for the answer. */
  flowHeaders?: Headers
  /** Where the audit policy wants to know of it. */
  audit?: AuditRecord
  /** What authentication has to say to the audit log. */
  notes?: Map<string, string>
  /** When it came, where auditing is on. */
  received?: number
  /** Where traces are kept: the one that is under way. */
  span?: Span
}

/**
 * Answers.
 * - object: one decoded object or Status; the serving stage encodes it as the client accepts (JSON, YAML, protobuf, Table).
 *   `bytes`, where present, is its ready JSON with the newline that ends a body.
 * - bytes and stream: sent as they are. - watch: events, encoded per client. - upgraded: the handler owns the socket.
 */
export type Response =
  | {
      readonly type: 'object'
      readonly status: number
      readonly object: unknown
      readonly bytes?: Uint8Array
      /** The same in pieces, which spares a long list the joining. */
      readonly pieces?: Iterable<Uint8Array>
      readonly headers?: Headers
    }
  | { readonly type: 'bytes'; readonly status: number; readonly bytes: Uint8Array; readonly headers: Headers }
  | { readonly type: 'stream'; readonly status: number; readonly chunks: AsyncIterable<Uint8Array>; readonly headers: Headers }
  | { readonly type: 'watch'; readonly kind: Kind; readonly events: WatchEvents }
  | { readonly type: 'upgraded' }

/** An array stands for several lines. */
export type Headers = Readonly<Record<string, string | readonly string[]>>

/** One event of a watch; `bytes` is the object's JSON, shared by all watchers. */
export interface ServedEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: unknown
  readonly bytes?: Uint8Array
}

/** The events of a watch, for one reader: iterated, or poured out as they come. */
export interface WatchEvents extends AsyncIterable<readonly ServedEvent[]> {
  pour(reader: WatchReader): void
  /** Nobody reads any longer. */
  end(): void
}

export interface WatchReader {
  /** Batches may be shared with other readers. */
  take(batch: readonly ServedEvent[]): void
  end(): void
}

/**
 * One step of the pipeline: answers, or hands on to `next`. Who knows the answer at once makes no promise: a read of one object
 * passes the whole pipeline in one turn.
 */
export type Stage = (request: Request, next: Next) => Soon<Response>
export type Next = (request: Request) => Soon<Response>

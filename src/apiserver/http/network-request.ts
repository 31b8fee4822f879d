/** A request from the network on its way through the pipeline; what only some requests need is made when it is asked for. */
import type { Readable } from 'node:stream'
import type { Clock } from '#lib/clock.ts'
import type { Kind } from '#schema/kind.ts'
import type { AuditRecord } from '../audit/record.ts'
import type { Headers, Origin, Request, RequestInfo, User } from '../request.ts'
import { noRequestInfo } from '../request-info.ts'
import { Warnings } from '../warnings.ts'
import { collectBody, type Incoming } from './exchange.ts'

const nobody: User = { name: '', groups: [] }
const noQuery = new URLSearchParams()
const noBody = Promise.resolve(new Uint8Array())

export interface Arrival {
  readonly origin: Origin
  readonly auditId: string
  readonly clock: Clock
}

export class NetworkRequest implements Request {
  readonly method: string
  readonly path: string
  readonly rawQuery: string
  readonly headers: Request['headers']
  readonly rawHeaders: Request['rawHeaders']
  readonly upgrade: Request['upgrade']
  readonly origin: Origin
  readonly warnings = new Warnings()
  auditId: string
  info: RequestInfo = noRequestInfo
  user: User = nobody
  kind?: Kind
  flowHeaders?: Headers
  audit?: AuditRecord
  #incoming: Incoming
  #clock: Clock
  #query: URLSearchParams | undefined

  constructor(incoming: Incoming, { origin, auditId, clock }: Arrival) {
    this.#incoming = incoming
    this.#clock = clock
    this.method = incoming.method
    this.path = incoming.path
    this.rawQuery = incoming.rawQuery
    this.headers = incoming.headers
    this.rawHeaders = incoming.rawHeaders
    this.upgrade = incoming.upgrade
    this.origin = origin
    this.auditId = auditId
  }

  /** Not to be changed: requests without a query share one. */
  get query(): URLSearchParams {
    return (this.#query ??= this.rawQuery === '' ? noQuery : new URLSearchParams(this.rawQuery))
  }

  get signal(): AbortSignal {
    return this.#incoming.presence.signal
  }

  body(): Promise<Uint8Array> {
    const { body } = this.#incoming
    return body ? collectBody(body, this.headers['content-length'], this.#clock) : noBody
  }

  bodyStream(): Readable | undefined {
    return this.#incoming.body
  }
}

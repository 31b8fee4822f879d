/** What is remembered of one request until its audit events are written (upstream `audit/request.go`, `audit/context.go`). */
import { type Clock, formatMicroTime } from '#lib/clock.ts'
import { copyJson } from '#schema/copy.ts'
import { formatDuration } from '#schema/go-time.ts'
import type { Attributes } from '../authz/authorizer.ts'
import { userInfo } from '../registry/reviews/user-info.ts'
import type { Request, User } from '../request.ts'
import type { AuditBackend, AuditEvent } from './event.ts'
import type { AuditStage, Verdict } from './policy.ts'

const longestAgent = 1024

export interface RecordOptions {
  readonly request: Request
  readonly attributes: Attributes
  readonly verdict: Verdict
  readonly backend: AuditBackend
  readonly clock: Clock
  /** When the request came. */
  readonly received: number
}

/** Parts of the server whose time is told of where a request took long (`LatencyTrackers`). */
export type Layer = 'authentication' | 'impersonation' | 'apf-queue-wait' | 'authorization'

/** Of these the longest counts. */
const longestCounts: ReadonlySet<Layer> = new Set(['apf-queue-wait', 'authorization'])

/** A request that took longer is told of in parts. */
const longRequest = 500

type Draft<T> = { -readonly [K in keyof T]: T[K] }

/** Bodies are kept only where the level wants them: below `Request` no secret gets near the log. */
export class AuditRecord {
  readonly #verdict: Verdict
  readonly #backend: AuditBackend
  readonly #clock: Clock
  readonly #annotations: Record<string, string> = {}
  readonly #event: Draft<Omit<AuditEvent, 'stage' | 'stageTimestamp' | 'annotations'>>
  readonly #objectRef: Record<string, string> | undefined
  readonly #received: number
  readonly #latencies = new Map<Layer, number>()

  constructor({ request, attributes, verdict, backend, clock, received }: RecordOptions) {
    this.#verdict = verdict
    this.#backend = backend
    this.#clock = clock
    this.#received = received
    this.#objectRef = attributes.isResource ? referenceOf(attributes) : undefined
    const agent = request.headers['user-agent']
    this.#event = {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: verdict.level,
      auditID: request.auditId,
      requestURI: uriOf(request),
      verb: attributes.verb,
      user: userInfo(attributes.user),
      sourceIPs: sourceIps(request),
      ...(agent && { userAgent: agent.length > longestAgent ? `${agent.slice(0, longestAgent)}...TRUNCATED` : agent }),
      ...(this.#objectRef && { objectRef: this.#objectRef }),
      requestReceivedTimestamp: formatMicroTime(received),
    }
  }

  get wantsRequest(): boolean {
    return this.#verdict.level === 'Request' || this.#verdict.level === 'RequestResponse'
  }

  get wantsResponse(): boolean {
    return this.#verdict.level === 'RequestResponse'
  }

  /** The first to name a key wins, as upstream. */
  annotate(key: string, value: string): void {
    this.#annotations[key] ??= value
  }

  /** Milliseconds. */
  took(layer: Layer, milliseconds: number): void {
    if (milliseconds <= 0) return
    const before = this.#latencies.get(layer) ?? 0
    this.#latencies.set(layer, longestCounts.has(layer) ? Math.max(before, milliseconds) : before + milliseconds)
  }

  impersonated(user: User, constraint?: string): void {
    this.#event.impersonatedUser = userInfo(user)
    if (constraint) this.#event.authenticationMetadata = { impersonationConstraint: constraint }
  }

  /** What the client sent, once it has been read; copied, since admission will change it. */
  sent(object: unknown): void {
    const metadata = (object as { metadata?: Record<string, string> } | undefined)?.metadata
    const reference = this.#objectRef
    if (reference && metadata && typeof metadata === 'object') {
      for (const field of ['namespace', 'name', 'uid', 'resourceVersion'] as const) {
        if (!reference[field] && typeof metadata[field] === 'string' && metadata[field]) reference[field] = metadata[field]
      }
    }
    if (this.wantsRequest) this.#event.requestObject = copyJson(this.#trimmed(object))
  }

  /** What the client is sent, where it is an object. */
  answered(status: object, object?: unknown): void {
    this.#event.responseStatus = status
    if (this.wantsResponse && object !== undefined) this.#event.responseObject = this.#trimmed(object)
  }

  emit(stage: AuditStage): void {
    if (this.#verdict.omitStages.has(stage)) return
    if (stage === 'ResponseComplete') this.#annotateLatency()
    const annotations = { ...this.#annotations }
    const reference = this.#objectRef
    this.#backend.take([
      {
        ...this.#event,
        ...(reference && { objectRef: { ...reference } }),
        stage,
        stageTimestamp: formatMicroTime(this.#clock.now()),
        ...(Object.keys(annotations).length > 0 && { annotations }),
      },
    ])
  }

  #annotateLatency(): void {
    const total = this.#clock.now() - this.#received
    if (total <= longRequest) return
    for (const [layer, took] of [...this.#latencies, ['total', total] as const]) {
      this.annotate(`apiserver.latency.k8s.io/${layer}`, formatDuration(BigInt(Math.round(took * 1e6))))
    }
  }

  #trimmed(object: unknown): unknown {
    return this.#verdict.omitManagedFields ? withoutManagers(object) : object
  }
}

interface Managed {
  readonly metadata?: { readonly managedFields?: unknown }
  readonly items?: readonly unknown[]
  readonly rows?: readonly { readonly object?: unknown }[]
}

function withoutManagers(object: unknown): unknown {
  if (typeof object !== 'object' || object === null) return object
  const { metadata, items, rows } = object as Managed
  const trimmed: Record<string, unknown> = { ...object }
  if (metadata?.managedFields) {
    const { managedFields: _, ...rest } = metadata
    trimmed.metadata = rest
  }
  if (Array.isArray(items)) trimmed.items = items.map(withoutManagers)
  if (Array.isArray(rows)) trimmed.rows = rows.map((row) => ({ ...row, object: withoutManagers(row.object) }))
  return trimmed
}

function referenceOf({ resource, namespace, name, group, version, subresource }: Attributes): Record<string, string> {
  return {
    resource,
    ...(namespace && { namespace }),
    ...(name && { name }),
    ...(group && { apiGroup: group }),
    ...(version && { apiVersion: version }),
    ...(subresource && { subresource }),
  }
}

function uriOf({ path, query, rawQuery }: Request): string {
  const text = rawQuery ?? query.toString()
  return text ? `${encodeURI(path)}?${text}` : encodeURI(path)
}

/** Upstream's `SourceIPs`: what proxies say, then X-Real-Ip, then the connection's own. */
function sourceIps({ headers, origin }: Request): string[] {
  const remote = origin.type === 'network' ? origin.remoteAddress.replace(/^::ffff:/, '') : '127.0.0.1'
  const forwarded = (headers['x-forwarded-for'] ?? '').split(',').map((part) => part.trim())
  const addresses = forwarded.filter(isAddress)
  const real = headers['x-real-ip']?.trim() ?? ''
  if (isAddress(real) && !addresses.includes(real)) addresses.push(real)
  if (remote && addresses.at(-1) !== remote) addresses.push(remote)
  return addresses
}

function isAddress(text: string): boolean {
  return /^(\d{1,3}\.){3}\d{1,3}$|^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text)
}

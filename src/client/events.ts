/**
 * `createEventRecorder`: writes Events about objects, thinned out as upstream's recorder does (client-go `tools/record`).
 *
 * - The same event again raises `count` of the first one.
 * - From the tenth different message of one reason within ten minutes on, they are combined into one Event.
 * - Per object and source a burst of 25 is let through, then one in five minutes.
 * Guarantees: `record` returns at once and never throws; events are written in order; a rejected one is dropped, an
 * unreachable server is tried twelve times. Caveat: beyond 1000 waiting events further ones are dropped.
 */
import { Event } from '#api/core/v1/event.ts'
import { type Clock, formatTime, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { KubeObject } from '#schema/kind.ts'
import { hasReason, StatusError } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import type { Client } from './client.ts'
import { correlate, createCorrelation, type Observed } from './event-correlation.ts'

export interface Occurrence {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  readonly action?: string | undefined
  /** Part of the object that it is about: `spec.containers{web}`. */
  readonly fieldPath?: string | undefined
  /** A second object that is concerned. */
  readonly related?: KubeObject | undefined
}

export interface EventRecorder {
  record(object: KubeObject, occurrence: Occurrence): void
  /** Resolves when all that was recorded before is written or given up. */
  flush(): Promise<void>
}

export interface EventRecorderOptions {
  readonly clock: Clock
  readonly random: Random
  /** `source.component`, such as `replicaset-controller`. */
  readonly component: string
  /** `source.host`, of node agents. */
  readonly host?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly onError?: ((error: unknown) => void) | undefined
}

const mostWaiting = 1000
const mostTries = 12
const pause = 10_000

export function createEventRecorder(client: Client, options: EventRecorderOptions): EventRecorder {
  const { clock, random, component, host } = options
  const correlation = createCorrelation(clock)
  const nextInstant = instants(clock, random)
  let waiting = 0
  let writes = Promise.resolve()

  function record(object: KubeObject, occurrence: Occurrence): void {
    if (waiting >= mostWaiting) return
    const event = draft(object, occurrence, { instant: nextInstant(), now: clock.now(), component, host })
    const observed = correlate(correlation, event, () => nameAt(object.metadata.name, nextInstant()))
    if (!observed) return
    waiting++
    writes = writes.then(() => write(client, observed, options)).finally(() => waiting--)
  }

  return { record, flush: () => writes }
}

/**
 * Nanoseconds since the epoch, each later than the one before: they make the names of events. What clocks do not tell is drawn, or two
 * recorders that speak of one object in the same millisecond would name two events alike.
 */
function instants(clock: Clock, random: Random): () => bigint {
  let last = 0n
  return () => {
    const now = BigInt(Math.round(clock.now() * 1e6)) + BigInt(Math.floor(random.next() * 1e6))
    last = now > last ? now : last + 1n
    return last
  }
}

const nameAt = (name: string, instant: bigint) => `${name}.${instant.toString(16)}`

interface Source {
  readonly instant: bigint
  readonly now: number
  readonly component: string
  readonly host: string | undefined
}

function draft(object: KubeObject, occurrence: Occurrence, source: Source): Draft<Event> {
  const { type, reason, message, action, fieldPath, related } = occurrence
  const now = formatTime(source.now)
  const { name, namespace } = object.metadata
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: nameAt(name, source.instant), namespace: namespace || 'default' },
    involvedObject: { ...referenceTo(object), ...(fieldPath && { fieldPath }) },
    ...(related && { related: referenceTo(related) }),
    reason,
    message,
    type,
    count: 1,
    firstTimestamp: now,
    lastTimestamp: now,
    source: { component: source.component, ...(source.host && { host: source.host }) },
    reportingComponent: source.component,
    reportingInstance: source.host ?? '',
    ...(action && { action }),
  }
}

function referenceTo({ apiVersion, kind, metadata }: KubeObject): Draft<Event['involvedObject']> {
  const { name, namespace, uid, resourceVersion } = metadata
  return { apiVersion, kind, name, uid, resourceVersion, ...(namespace && { namespace }) }
}

async function write(client: Client, observed: Observed, options: EventRecorderOptions): Promise<void> {
  const { clock, random, signal, onError } = options
  for (let tries = 1; tries <= mostTries && !signal?.aborted; tries++) {
    try {
      return await send(client, observed)
    } catch (error) {
      if (error instanceof StatusError) {
        if (!hasReason(error, 'AlreadyExists') && !isNamespaceTerminating(error)) onError?.(error)
        return
      }
      if (tries === mostTries) onError?.(error)
      else await sleep(clock, tries === 1 ? pause * random.next() : pause, signal).catch(() => {})
    }
  }
}

async function send(client: Client, { event, patch, written }: Observed): Promise<void> {
  const { name, namespace } = event.metadata ?? {}
  if (patch) {
    try {
      await client.patch(Event, { name: name ?? '', namespace }, { type: 'strategic', body: patch })
      return
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error
    }
  }
  written(await client.create(Event, event))
}

function isNamespaceTerminating(error: StatusError): boolean {
  return error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') ?? false
}

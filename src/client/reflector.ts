/**
 * The reflector follows one collection: list, then watch from there, as a state machine.
 *
 *     list ──ok──> watch ──ended──> watch (from the last version seen)
 *       ^            │ 410, 504
 *       └────────────┘            any other failure: the same state again after a pause
 *
 * Guarantees: the events are a prefix-consistent history of the collection, except that `replaced` may jump ahead.
 * Pauses are client-go's: 800 ms doubling to 30 s with jitter, forgotten after two quiet minutes.
 */
import { type Clock, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason, StatusError } from '#schema/status-error.ts'
import type { Client, WatchEvent } from './client.ts'

export type Reflected<T> =
  | { readonly type: 'replaced'; readonly objects: readonly T[]; readonly resourceVersion: string }
  | { readonly type: 'set' | 'deleted'; readonly object: T; readonly resourceVersion: string }
  | { readonly type: 'version'; readonly resourceVersion: string }

export interface ReflectOptions<T> {
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** Nothing more comes before what it answers is resolved. */
  readonly onEvents: (events: readonly Reflected<T>[]) => Promise<void> | void
  readonly onError?: ((error: unknown) => void) | undefined
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  readonly initial?: 'list' | 'stream' | undefined
}

type State =
  /** Nothing is known, or too old; `from` is '0' where a cache may answer, '' where it must be the newest. */
  { readonly name: 'list' | 'stream'; readonly from: string } | { readonly name: 'watch'; readonly from: string }

interface Reflection<T extends KubeObject> {
  readonly client: Client
  readonly kind: Kind<string, T>
  readonly options: ReflectOptions<T>
}

/** Runs until the signal is aborted; never rejects. */
export async function reflect<T extends KubeObject>(
  client: Client,
  kind: Kind<string, T>,
  options: ReflectOptions<T>,
): Promise<void> {
  const { clock, random, signal } = options
  const reflection = { client, kind, options }
  const pause = backOff(clock, random)
  let state: State = { name: options.initial ?? 'list', from: options.initial === 'stream' ? '' : '0' }
  while (!signal.aborted) {
    const started = clock.monotonic()
    const seen: Seen = { from: state.from, events: 0 }
    try {
      state = await step(reflection, state, seen)
      const hasty = seen.events === 0 && state.name === 'watch' && clock.monotonic() - started < 1000
      if (hasty && seen.watched) throw new Error(`very short watch of ${kind.plural}: it ended at once, without an event`)
    } catch (error) {
      if (signal.aborted) return
      const next = after(error, { ...state, from: seen.from } as State)
      options.onError?.(error)
      state = next
      await sleep(clock, pause(), signal).catch(() => {})
    }
  }
}

/** What a step has seen, kept outside so that it survives a throw. */
interface Seen {
  from: string
  events: number
  watched?: boolean
}

async function step<T extends KubeObject>(reflection: Reflection<T>, state: State, seen: Seen): Promise<State> {
  if (state.name === 'list') return listAll(reflection, state.from)
  if (state.name === 'stream') return streamAll(reflection, seen)
  seen.watched = true
  for await (const events of watchFrom(reflection, { from: state.from })) {
    seen.events += events.length
    const taken = reflection.options.onEvents(events.map(reflected))
    if (taken) await taken
    const last = events.at(-1)
    if (last) seen.from = last.object.metadata.resourceVersion
  }
  return { name: 'watch', from: seen.from }
}

/** The state after a failure: a version that is gone or not yet there needs a new list, all else is tried again. */
function after(error: unknown, state: State): State {
  if (hasReason(error, 'Expired', 'Gone')) return { name: 'list', from: '' }
  if (hasReason(error, 'Timeout') && state.name !== 'watch') return { name: 'list', from: '' }
  const refusesStream = error instanceof StatusError && error.code >= 400 && error.code < 500 && error.code !== 429
  if (state.name === 'stream' && refusesStream) return { name: 'list', from: '0' }
  return state
}

async function listAll<T extends KubeObject>({ client, kind, options }: Reflection<T>, from: string): Promise<State> {
  const { namespace, labelSelector, fieldSelector, signal, onEvents } = options
  const selection = { namespace, labelSelector, fieldSelector, signal }
  const objects: T[] = []
  let page = await client.list(kind, { ...selection, resourceVersion: from, ...(from === '' && { limit: 500 }) })
  for (;;) {
    for (const item of page.items) objects.push(item)
    if (!page.metadata.continue) break
    page = await client.list(kind, { ...selection, limit: 500, continue: page.metadata.continue })
  }
  const { resourceVersion } = page.metadata
  if (signal.aborted) throw signal.reason
  const taken = onEvents([{ type: 'replaced', objects, resourceVersion }])
  if (taken) await taken
  return { name: 'watch', from: resourceVersion }
}

const initialEventsEnd = 'k8s.io/initial-events-end'

/** KEP-3157: the first state comes as ADDED events, closed by a bookmark; the watch then goes on. */
async function streamAll<T extends KubeObject>(reflection: Reflection<T>, seen: Seen): Promise<State> {
  const { onEvents } = reflection.options
  let initial: Map<string, T> | undefined = new Map()
  for await (const events of watchFrom(reflection, { from: '', sendInitialEvents: true })) {
    const live: Reflected<T>[] = []
    for (const event of events) {
      const { metadata } = event.object
      const key = `${metadata.namespace ?? ''}/${metadata.name}`
      if (!initial) live.push(reflected(event))
      else if (event.type === 'DELETED') initial.delete(key)
      else if (event.type !== 'BOOKMARK') initial.set(key, event.object)
      else if (metadata.annotations?.[initialEventsEnd] === 'true') {
        live.push({ type: 'replaced', objects: [...initial.values()], resourceVersion: metadata.resourceVersion })
        initial = undefined
      }
      seen.from = metadata.resourceVersion
      seen.events++
    }
    const taken = live.length > 0 ? onEvents(live) : undefined
    if (taken) await taken
  }
  return initial ? { name: 'list', from: '' } : { name: 'watch', from: seen.from }
}

function watchFrom<T extends KubeObject>(
  { client, kind, options }: Reflection<T>,
  { from, sendInitialEvents }: { readonly from: string; readonly sendInitialEvents?: boolean },
): AsyncIterable<readonly WatchEvent<T>[]> {
  const { namespace, labelSelector, fieldSelector, signal, random } = options
  return client.watch(kind, {
    namespace,
    labelSelector,
    fieldSelector,
    resourceVersion: from,
    allowWatchBookmarks: true,
    sendInitialEvents,
    timeoutSeconds: Math.floor(300 * (1 + random.next())),
    signal,
  })
}

function reflected<T extends KubeObject>({ type, object }: WatchEvent<T>): Reflected<T> {
  const { resourceVersion } = object.metadata
  if (type === 'BOOKMARK') return { type: 'version', resourceVersion }
  return { type: type === 'DELETED' ? 'deleted' : 'set', object, resourceVersion }
}

const firstPause = 800
const longestPause = 30_000
const quietTime = 120_000

/** Answers the next pause at each call. */
function backOff(clock: Clock, random: Random): () => number {
  let pause = firstPause
  let last = Number.NEGATIVE_INFINITY
  return () => {
    const now = clock.monotonic()
    if (now - last > quietTime) pause = firstPause
    last = now
    const jittered = pause * (1 + random.next())
    pause = Math.min(pause * 2, longestPause)
    return jittered
  }
}

/** How many seats a request takes, and for how long (upstream `util/flowcontrol/request`). */
import type { FeatureGates } from '#api/feature-gates.ts'
import type { Request, RequestInfo } from '../request.ts'
import type { FlowCounts } from './flow-counts.ts'
import { seatsOf, type Work } from './queue-set.ts'

const objectsPerSeat = 100
const bytesPerSeat = 100_000
/** What a list is sent from the cache piece by piece takes no more memory than this. */
const mostFromCache = 1_000_000
const watchesPerSeat = 10
/** Milliseconds for which one seat is thought to be busy with the watchers of a write. */
const eventDuration = 5
const mostForWrites = 10
const mostForLists = { bySize: 100, byCount: 10 }

export const oneSeat: Work = { initialSeats: 1, finalSeats: 0, additionalLatency: 0 }

/** Objects of a kind in all namespaces, and the bytes of their stored form. */
export interface Stored {
  readonly objects: number
  readonly bytes: number
}

export interface Estimator {
  /** Of the kind that the request lists; undefined: nobody knows. */
  stored(info: RequestInfo): Stored | undefined
  readonly watches: WatchTracker
  readonly gates: FeatureGates
}

/** Of the request's flow. */
export interface Bounds {
  /** What the priority level grants a single request; undefined: what any may take. */
  readonly maxSeats: number | undefined
  readonly counts?: Pick<FlowCounts, 'wide' | 'watchers'>
}

const writes = new Set(['create', 'update', 'patch', 'delete'])

export function estimateWork(request: Request, estimator: Estimator, bounds: Bounds): Work {
  const { verb } = request.info
  if (verb === 'get') return oneSeat
  let work = oneSeat
  if (verb === 'list' || (verb === 'watch' && estimator.gates.isOn('WatchList'))) work = ofList(request, estimator, bounds)
  else if (writes.has(verb)) work = ofWrite(request.info, estimator, bounds)
  if (work !== oneSeat && seatsOf(work) > 1) bounds.counts?.wide.observe(seatsOf(work))
  return work
}

function ofList({ info, query }: Request, { stored, gates }: Estimator, { maxSeats }: Bounds): Work {
  const version = query.get('resourceVersion') ?? ''
  const isWatch = info.verb === 'watch'
  if (isWatch && query.get('sendInitialEvents') !== 'true' && version !== '' && version !== '0') return oneSeat
  const known = stored(info)
  if (known === undefined) return oneSeat
  const limit = Number(query.get('limit') ?? 0)
  const list: ListShape = {
    isOne: info.name !== '',
    limited: limit > 0 && limit < known.objects ? limit : known.objects,
    selects: query.has('fieldSelector') || query.has('labelSelector'),
    isFromCache: isWatch || !isFromStore(query, { version, limit }),
  }
  const bySize = gates.isOn('SizeBasedListCostEstimate')
  const most = bySize ? mostForLists.bySize : mostForLists.byCount
  const seats = Math.min(Math.max(1, bySize ? seatsBySize(known, list) : seatsByCount(known, list)), maxSeats ?? most, most)
  return seats === 1 ? oneSeat : { initialSeats: seats, finalSeats: 0, additionalLatency: 0 }
}

/** Where upstream reads etcd (`delegator.ShouldDelegateList`): states of the past, by version or by token. */
function isFromStore(query: URLSearchParams, { version, limit }: { version: string; limit: number }): boolean {
  switch (query.get('resourceVersionMatch') ?? '') {
    case 'NotOlderThan':
      return false
    case '':
      return Boolean(query.get('continue')) || (limit > 0 && version !== '' && version !== '0')
    default:
      return true
  }
}

interface ListShape {
  readonly isOne: boolean
  readonly limited: number
  readonly selects: boolean
  readonly isFromCache: boolean
}

function seatsBySize({ objects, bytes }: Stored, { isOne, limited, selects, isFromCache }: ListShape): number {
  const loaded = isOne ? 1 : !isFromCache && selects ? Math.max(limited, Math.floor(objects / 2)) : limited
  const memory = objects === 0 ? 0 : loaded * (bytes / objects)
  return Math.ceil((isFromCache ? Math.min(memory, mostFromCache) : memory) / bytesPerSeat)
}

function seatsByCount({ objects }: Stored, { isOne, limited, selects, isFromCache }: ListShape): number {
  const processed = isOne ? 1 : isFromCache ? objects : selects ? objects + limited : 2 * limited
  return Math.ceil(processed / objectsPerSeat)
}

/** Those who watch must be told; where they are many, that is work of its own. A token is an event to nobody. */
function ofWrite(info: RequestInfo, { watches }: Estimator, { maxSeats, counts }: Bounds): Work {
  if (info.resource === 'serviceaccounts' && info.subresource === 'token') return oneSeat
  const watchers = watches.interested(info)
  counts?.watchers.observe(watchers)
  if (watchers < watchesPerSeat) return oneSeat
  const seats = Math.ceil(watchers / watchesPerSeat)
  const bound = Math.min(maxSeats ?? mostForWrites, mostForWrites)
  if (seats <= bound) return { initialSeats: 1, finalSeats: seats, additionalLatency: eventDuration }
  return { initialSeats: 1, finalSeats: bound, additionalLatency: Math.ceil((seats * eventDuration) / bound) }
}

/** Counts watches by what they watch. */
export class WatchTracker {
  readonly #counts = new Map<string, number>()

  /** Answers how to forget it. Watches of the pods of one node see few of the writes, and do not count. */
  register({ info, query }: Request): () => void {
    const selector = info.resource === 'pods' ? (query.get('fieldSelector') ?? '') : ''
    if (/(^|,)spec\.nodeName==?[^,]/.test(selector)) return () => {}
    const key = keyOf(info.group, info.resource, info.namespace, nameOf(info, query))
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    return () => {
      const left = (this.#counts.get(key) ?? 1) - 1
      if (left > 0) this.#counts.set(key, left)
      else this.#counts.delete(key)
    }
  }

  interested({ group, resource, namespace, name }: RequestInfo): number {
    if (this.#counts.size === 0) return 0
    const of = (where: string, which: string) => this.#counts.get(keyOf(group, resource, where, which)) ?? 0
    let sum = of('', '')
    if (namespace) sum += of(namespace, '')
    if (name) sum += of('', name)
    if (namespace && name) sum += of(namespace, name)
    return sum
  }
}

function nameOf({ name }: RequestInfo, query: URLSearchParams): string {
  return name || (/(?:^|,)metadata\.name==?([^,]+)/.exec(query.get('fieldSelector') ?? '')?.[1] ?? '')
}

function keyOf(...parts: readonly string[]): string {
  return parts.join('\0')
}

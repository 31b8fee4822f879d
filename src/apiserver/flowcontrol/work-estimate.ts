/** How many seats a request takes, and for how long (upstream `util/flowcontrol/request`). */
import type { Request, RequestInfo } from '../request.ts'
import type { Work } from './queue-set.ts'

const objectsPerSeat = 100
const watchesPerSeat = 10
/** Milliseconds for which one seat is thought to be busy with the watchers of a write. */
const eventDuration = 5
const most = 10

export const oneSeat: Work = { initialSeats: 1, finalSeats: 0, additionalLatency: 0 }

export interface Estimator {
  /** Objects of the kind that the request lists; undefined: nobody knows. */
  count(info: RequestInfo): number | undefined
  readonly watches: WatchTracker
}

const writes = new Set(['create', 'update', 'patch', 'delete'])

/** `maxSeats` is what the priority level grants a single request. */
export function estimateWork(request: Request, estimator: Estimator, maxSeats: number): Work {
  const { verb } = request.info
  if (verb === 'get') return oneSeat
  if (verb === 'list' || verb === 'watch') return ofList(request, estimator, maxSeats)
  return writes.has(verb) ? ofWrite(request.info, estimator, maxSeats) : oneSeat
}

function ofList({ info, query }: Request, { count }: Estimator, maxSeats: number): Work {
  const version = query.get('resourceVersion') ?? ''
  if (info.verb === 'watch' && query.get('sendInitialEvents') !== 'true' && version !== '' && version !== '0') return oneSeat
  const stored = count(info)
  if (stored === undefined || info.name !== '') return oneSeat
  const limit = Number(query.get('limit') ?? 0)
  const isFromCache = info.verb === 'watch' || version === '0' || limit === 0
  const wanted = limit > 0 && limit < stored ? limit : stored
  const selects = query.has('fieldSelector') || query.has('labelSelector')
  const processed = isFromCache ? stored : selects ? stored + wanted : 2 * wanted
  const seats = Math.min(Math.max(1, Math.ceil(processed / objectsPerSeat)), Math.min(maxSeats, most))
  return seats === 1 ? oneSeat : { initialSeats: seats, finalSeats: 0, additionalLatency: 0 }
}

/** Those who watch must be told; where they are many, that is work of its own. */
function ofWrite(info: RequestInfo, { watches }: Estimator, maxSeats: number): Work {
  if (info.resource === 'leases' && info.group === 'coordination.k8s.io') return oneSeat
  const watchers = watches.interested(info)
  if (watchers < watchesPerSeat) return oneSeat
  const seats = Math.ceil(watchers / watchesPerSeat)
  const bound = Math.min(maxSeats, most)
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

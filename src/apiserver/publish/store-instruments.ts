/** The same store, with what is asked of it counted under upstream's names (`storage/etcd3/metrics`), whichever engine it is. */
import type { Clock } from '#lib/clock.ts'
import type { Kind } from '#schema/kind.ts'
import type { RangeRequest, Store, Txn } from '#store/store.ts'
import type { Histogram } from './exposition.ts'
import type { CounterSeries, Instruments } from './instruments.ts'

export interface MeasuredStoreOptions {
  readonly instruments: Instruments
  readonly clock: Clock
  /** Built-in ones, which tell whose keys are whose; those of custom resources say it themselves. */
  readonly kinds: readonly Kind[]
}

const bounds = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60]

interface Series {
  readonly requests: CounterSeries
  readonly errors: () => CounterSeries
  readonly seconds: Histogram
}

export function measuredStore(store: Store, options: MeasuredStoreOptions): Store {
  const { clock } = options
  const seriesOf = seriesIndex(options)
  const timed = <T>(operation: string, key: string, work: () => Promise<T>): Promise<T> => {
    const series = seriesOf(operation, key)
    const began = clock.monotonic()
    series.requests.value++
    return work().then(
      (result) => {
        series.seconds.observe((clock.monotonic() - began) / 1000)
        return result
      },
      (error) => {
        series.seconds.observe((clock.monotonic() - began) / 1000)
        series.errors().value++
        throw error
      },
    )
  }
  const { peek, revision } = store
  return {
    txn: (request) => timed(operationOf(request), request.success[0]?.key ?? '', () => store.txn(request)),
    range: (request) => timed(readOf(request), request.key, () => store.range(request)),
    ...(peek && { peek: (key: string) => peek.call(store, key) }),
    ...(revision && { revision: () => revision.call(store) }),
    watch: (request, onBatch) => store.watch(request, onBatch),
    requestProgress: () => store.requestProgress(),
    compact: (revision) => store.compact(revision),
    status: () => store.status(),
    grantLease: (seconds, id) => store.grantLease(seconds, id),
    keepAliveLease: (id) => store.keepAliveLease(id),
    revokeLease: (id) => store.revokeLease(id),
    leases: () => store.leases(),
    close: () => store.close(),
  }
}

function readOf({ end, countOnly }: RangeRequest): string {
  return countOnly ? 'count' : end === undefined ? 'get' : 'list'
}

function operationOf({ success, compare }: Txn): string {
  const [first] = success
  if (first?.op === 'delete') return 'delete'
  if (first?.op !== 'put') return 'get'
  return compare.some(({ target, operand }) => target !== 'lease' && operand === 0) ? 'create' : 'update'
}

function seriesIndex({ instruments, kinds }: MeasuredStoreOptions): (operation: string, key: string) => Series {
  const requests = instruments.counter('etcd_requests_total', 'Requests to the store, by operation and kind.')
  const errors = instruments.counter('etcd_request_errors_total', 'Requests to the store that failed, by operation and kind.')
  const help = 'Seconds that the store took, by operation and kind.'
  const seconds = instruments.histogram('etcd_request_duration_seconds', help, bounds)
  const known = new Map<string, Map<string, Series>>()
  return (operation, key) => {
    const place = placeOf(key)
    let byPlace = known.get(operation)
    if (!byPlace) known.set(operation, (byPlace = new Map()))
    let series = byPlace.get(place)
    if (!series) {
      const labels = { operation, ...resourceOf(place, kinds) }
      series = { requests: requests.series(labels), errors: () => errors.series(labels), seconds: seconds.series(labels) }
      byPlace.set(place, series)
    }
    return series
  }
}

/** `pods` of `/registry/pods/default/web`; a group with dots keeps what follows it. */
function placeOf(key: string): string {
  const from = key.indexOf('/', 1) + 1
  let end = key.indexOf('/', from)
  if (end < 0) end = key.length
  if (!key.slice(from, end).includes('.')) return key.slice(from, end)
  const next = key.indexOf('/', end + 1)
  return key.slice(from, next < 0 ? key.length : next)
}

function resourceOf(place: string, kinds: readonly Kind[]): { group: string; resource: string } {
  const kind = kinds.find(
    ({ def, plural }) => (def.storagePrefix ?? plural) === place || def.storagePrefix?.startsWith(`${place}/`),
  )
  if (kind) return { group: kind.group, resource: kind.plural }
  const [resource = '', group = ''] = place.split('/').reverse()
  return { group, resource }
}

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
  const receivedOf = receivedIndex(options)
  const status = sizeNoted(store, options)
  return {
    txn: (request) => timed(operationOf(request), request.success[0]?.key ?? '', () => store.txn(request)),
    range: (request) => timed(readOf(request), request.key, () => store.range(request)),
    ...(peek && { peek: (key: string) => peek.call(store, key) }),
    ...(revision && { revision: () => revision.call(store) }),
    watch(request, onBatch) {
      const received = receivedOf(request.key)
      store.watch(request, (batch) => {
        if (batch.type === 'events') received.value += batch.events.length
        onBatch(batch)
      })
    },
    requestProgress: () => store.requestProgress(),
    compact: (revision) => store.compact(revision),
    status,
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

/** Events of each kind, by the key below which they lie. */
function receivedIndex({ instruments, kinds }: MeasuredStoreOptions): (key: string) => CounterSeries {
  const received = instruments.counter(
    'apiserver_storage_events_received_total',
    '[BETA] Number of etcd events received split by kind.',
  )
  return (key) => received.series(resourceOf(placeOf(key), kinds))
}

/** The size is what the store said last: whoever asks for metrics lets it be asked for the next time. */
function sizeNoted(store: Store, { instruments }: MeasuredStoreOptions): Store['status'] {
  let size: number | undefined
  const status = async () => {
    const known = await store.status()
    size = known.bytes
    return known
  }
  const help = '[STABLE] Size of the storage database file physically allocated in bytes.'
  instruments.gauge('apiserver_storage_size_bytes', help, () => {
    status().catch(() => {})
    return size === undefined ? [] : [[{ storage_cluster_id: 'storage-cluster-0' }, size]]
  })
  return status
}

function seriesIndex({ instruments, kinds }: MeasuredStoreOptions): (operation: string, key: string) => Series {
  const requests = instruments.counter('etcd_requests_total', '[ALPHA] Etcd request counts for each operation and object type.')
  const errors = instruments.counter(
    'etcd_request_errors_total',
    '[ALPHA] Etcd failed request counts for each operation and object type.',
  )
  const help = '[ALPHA] Etcd request latency in seconds for each operation and object type.'
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

/** `/metrics`: what the network asked of this server, under upstream's names (`endpoints/metrics`), and how the process fares. */
import type { Clock } from '#lib/clock.ts'
import type { Kind } from '#schema/kind.ts'
import { removedRelease } from '../removed-release.ts'
import type { Request, Response, Stage } from '../request.ts'
import { family, Histogram, type Labels, sample, samples, withRegistered } from './exposition.ts'

export interface RequestMetrics {
  /** A request begins; what is returned is to be called once, when its answer has been sent. */
  begin(request: Request): (response: Response | undefined, sent?: number) => void
  /** It is answered by something that lasts: a watch, or a connection that was taken over. What is returned counts a watch's events. */
  lasts(request: Request): { value: number }
  /** Somebody came who could not agree on TLS with us. */
  handshakeFailed(): void
  text(): string
}

/** Seconds; upstream's buckets. */
const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60]

/** All requests that differ in nothing that is a label. */
interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly isRead: boolean
  readonly codes: Map<number, number>
  /** Of each bucket alone; what is told includes the smaller ones. */
  readonly counts: number[]
  sum: number
  count: number
  /** Bytes of answers to reads. */
  sizes: Histogram | undefined
  /** Of a watch. */
  readonly events: { value: number }
  /** What clients of the kind are warned of. */
  readonly deprecation: string | undefined
}

/** Bytes; upstream's buckets. */
const sizeBounds = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]

const longRunning = new Set(['WATCH', 'CONNECT'])

export function requestMetrics(clock: Clock): RequestMetrics {
  const all = new Map<string, Series>()
  const seriesOf = seriesIndex(all)
  const inflight = { mutating: 0, readOnly: 0 }
  const lasting = new Map<Series, number>()
  const isLasting = new WeakSet<Request>()
  let failedHandshakes = 0
  const startedAt = clock.now() / 1000 - process.uptime()

  return {
    begin(request) {
      const start = clock.monotonic()
      const { method } = request
      const kind = method === 'GET' || method === 'HEAD' || method === 'OPTIONS' ? 'readOnly' : 'mutating'
      inflight[kind]++
      // What a request means is known only once the pipeline has read it.
      return (response, sent = 0) => {
        const series = seriesOf(request, response)
        if (isLasting.has(request)) lasting.set(series, (lasting.get(series) ?? 1) - 1)
        else inflight[kind]--
        const code = codeOf(response)
        series.codes.set(code, (series.codes.get(code) ?? 0) + 1)
        if (longRunning.has(series.labels.verb ?? '')) return
        observe(series, (clock.monotonic() - start) / 1000)
        if (series.isRead) (series.sizes ??= new Histogram(sizeBounds)).observe(sent)
      }
    },
    lasts(request) {
      isLasting.add(request)
      const { method } = request
      inflight[method === 'GET' || method === 'HEAD' || method === 'OPTIONS' ? 'readOnly' : 'mutating']--
      const series = seriesOf(request, undefined)
      lasting.set(series, (lasting.get(series) ?? 0) + 1)
      return series.events
    },
    handshakeFailed: () => void failedHandshakes++,
    text: () =>
      [
        ...requestLines([...all.values()]),
        ...moreRequestLines([...all.values()]),
        ...inflightLines(inflight),
        ...lastingLines(lasting),
        ...samples(
          [
            'apiserver_tls_handshake_errors_total',
            'counter',
            "[ALPHA] Number of requests dropped with 'TLS handshake error from' error",
          ],
          [[{}, failedHandshakes]],
        ),
        ...processLines(startedAt),
      ]
        .join('\n')
        .concat('\n'),
  }
}

/** Finds the series that a request belongs to among `all`, or adds it. */
function seriesIndex(all: Map<string, Series>): (request: Request, response: Response | undefined) => Series {
  /** Of requests for the same kind, found by what else they differ in. */
  const byKind = new WeakMap<Kind, Map<string, Series>>()

  function seriesOf(request: Request, response: Response | undefined): Series {
    const { info } = request
    const kind = isPageNotFound(response) ? undefined : request.kind
    if (!kind) return labelled(request, kind)
    let known = byKind.get(kind)
    if (!known) byKind.set(kind, (known = new Map()))
    const { verb, scope, dryRun } = describe(request, kind)
    const { subresource } = info
    const key = subresource || dryRun || scope !== 'resource' ? `${verb} ${subresource} ${scope} ${dryRun}` : verb
    let series = known.get(key)
    if (!series) known.set(key, (series = labelled(request, kind)))
    return series
  }

  function labelled(request: Request, kind: Kind | undefined): Series {
    const { verb, info, dryRun, scope } = describe(request, kind)
    const { group, version, resource, subresource } = info
    const key = `${verb} ${group} ${version} ${resource} ${subresource} ${scope} ${dryRun}`
    let series = all.get(key)
    if (!series) {
      const labels = { component: 'apiserver', dry_run: dryRun, group, resource, scope, subresource, verb, version }
      const isRead = verb === 'GET' || verb === 'LIST'
      const counts = buckets.map(() => 0)
      series = {
        labels,
        isRead: isRead && resource !== '',
        codes: new Map(),
        counts,
        sum: 0,
        count: 0,
        sizes: undefined,
        events: { value: 0 },
        deprecation: kind?.def.deprecation,
      }
      all.set(key, series)
    }
    return series
  }

  return seriesOf
}

/** `more` and `slis` give lines of what others count. */
export function metricsStage(metrics: RequestMetrics, { more, slis }: MetricsSources = {}): Stage {
  const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }
  return (request, next) => {
    const answer = (text: string): Response => ({ type: 'bytes', status: 200, bytes: Buffer.from(text), headers })
    if (request.path === '/metrics') return answer(withRegistered(`${metrics.text()}${linesOf(more?.())}`))
    return request.path === '/metrics/slis' ? answer(linesOf(slis?.())) : next(request)
  }
}

export interface MetricsSources {
  more?(): readonly string[]
  slis?(): readonly string[]
}

function linesOf(lines: readonly string[] = []): string {
  return lines.map((line) => `${line}\n`).join('')
}

function observe(series: Series, seconds: number): void {
  series.count++
  series.sum += seconds
  const smallest = buckets.findIndex((le) => seconds <= le)
  if (smallest >= 0) series.counts[smallest] = (series.counts[smallest] as number) + 1
}

/** A path that nobody serves may hold anything, which must not become labels. */
function isPageNotFound(response: Response | undefined): boolean {
  return response?.type === 'bytes' && response.status === 404
}

/** 499 where nobody waited for the answer; 101 where the handler took over the connection. */
function codeOf(response: Response | undefined): number {
  if (!response) return 499
  if (response.type === 'upgraded') return 101
  return response.type === 'watch' ? 200 : response.status
}

const verbs: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
}
const connections = new Set(['attach', 'exec', 'log', 'portforward', 'proxy'])
const nothing = { group: '', version: '', resource: '', subresource: '' }

/** Paths that are counted by themselves; others could be anything. */
const knownPaths = new Set([
  '/',
  '/api',
  '/apis',
  '/healthz',
  '/livez',
  '/metrics',
  '/metrics/slis',
  '/openapi/v2',
  '/openapi/v3',
  '/readyz',
  '/version',
])

function describe({ info, method, headers, query }: Request, kind: Kind | undefined) {
  if (!info.isResource || !kind) {
    const subresource = knownPaths.has(info.path) ? info.path : ''
    return { verb: method in methods ? method : 'other', info: { ...nothing, subresource }, dryRun: '', scope: '' }
  }
  const isApply = info.verb === 'patch' && (headers['content-type'] ?? '').startsWith('application/apply-patch')
  const verb = connections.has(info.subresource) ? 'CONNECT' : isApply ? 'APPLY' : (verbs[info.verb] ?? 'other')
  const scope = info.name || info.verb === 'create' ? 'resource' : info.namespace ? 'namespace' : 'cluster'
  return { verb, info, dryRun: query.size > 0 ? query.getAll('dryRun').join(',') : '', scope }
}

const methods = { GET: 1, HEAD: 1, POST: 1, PUT: 1, PATCH: 1, DELETE: 1, OPTIONS: 1 }

function requestLines(all: readonly Series[]): string[] {
  const total = 'apiserver_request_total'
  const duration = 'apiserver_request_duration_seconds'
  const counts = all.flatMap(({ labels, codes }) => [...codes].map(([code, count]) => sample(total, { code, ...labels }, count)))
  const durations = all.flatMap(({ labels, counts, sum, count }) =>
    count === 0
      ? []
      : [
          ...running(counts).map((upTo, i) => sample(`${duration}_bucket`, { ...labels, le: buckets[i] as number }, upTo)),
          sample(`${duration}_bucket`, { ...labels, le: '+Inf' }, count),
          sample(`${duration}_sum`, labels, sum),
          sample(`${duration}_count`, labels, count),
        ],
  )
  return [
    ...family(
      total,
      'counter',
      '[STABLE] Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
    ),
    ...counts,
    ...family(
      duration,
      'histogram',
      '[STABLE] Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
    ),
    ...durations,
  ]
}

const sli = 'apiserver_request_sli_duration_seconds'
/** Of the buckets above, those that upstream's service level indicator has. */
const sliFrom = 0.05

/** What is told of the same series besides. */
function moreRequestLines(all: readonly Series[]): string[] {
  const without = ({ labels: { dry_run: _, ...rest } }: Series) => rest
  const ended = (one: Series, wanted: readonly number[]) =>
    [...one.codes].filter(([code]) => wanted.includes(code)).map(([code, count]) => [{ code, ...without(one) }, count] as const)
  const aborted = all.flatMap((one) => {
    const { component: _, ...labels } = without(one)
    const count = one.codes.get(499)
    return count ? [[labels, count] as const] : []
  })
  const watched = all.flatMap(({ labels, events }) => {
    const { group = '', version = '', resource = '' } = labels
    return events.value > 0 ? [[{ group, version, resource }, events.value] as const] : []
  })
  const sized = all.flatMap((one) => one.sizes?.lines('apiserver_response_sizes', without(one)) ?? [])
  return [
    ...family(
      sli,
      'histogram',
      '[ALPHA] Response latency distribution (not counting webhook duration and priority & fairness queue wait times) in seconds for each verb, group, version, resource, subresource, scope and component.',
    ),
    ...all.flatMap((one) => sliLines(one, without(one))),
    ...(sized.length > 0
      ? [
          ...family(
            'apiserver_response_sizes',
            'histogram',
            '[STABLE] Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.',
          ),
          ...sized,
        ]
      : []),
    ...samples(
      [
        'apiserver_request_aborts_total',
        'counter',
        '[ALPHA] Number of requests which apiserver aborted possibly due to a timeout, for each group, version, verb, resource, subresource and scope',
      ],
      aborted,
    ),
    ...samples(
      [
        'apiserver_request_terminations_total',
        'counter',
        '[ALPHA] Number of requests which apiserver terminated in self-defense.',
      ],
      all.flatMap((one) => ended(one, [429, 504])),
    ),
    ...samples(['apiserver_watch_events_total', 'counter', '[ALPHA] Number of events sent in watch clients'], watched),
    ...deprecatedLines(all),
  ]
}

/** What somebody still asks for though it will go, with the release that lacks it. */
function deprecatedLines(all: readonly Series[]): string[] {
  const name = 'apiserver_requested_deprecated_apis'
  const lines = new Set<string>()
  for (const { deprecation, labels } of all) {
    if (!deprecation) continue
    const { group = '', version = '', resource = '', subresource = '' } = labels
    lines.add(sample(name, { group, removed_release: removedRelease(deprecation), resource, subresource, version }, 1))
  }
  return lines.size > 0
    ? [
        ...family(
          name,
          'gauge',
          '[STABLE] Gauge of deprecated APIs that have been requested, broken out by API group, version, resource, subresource, and removed_release.',
        ),
        ...lines,
      ]
    : []
}

function sliLines({ counts, sum, count }: Series, labels: Labels): string[] {
  if (count === 0) return []
  const upTo = running(counts)
  const lines = buckets.flatMap((le, i) => (le >= sliFrom ? sample(`${sli}_bucket`, { ...labels, le }, upTo[i] as number) : []))
  return [
    ...lines,
    sample(`${sli}_bucket`, { ...labels, le: '+Inf' }, count),
    sample(`${sli}_sum`, labels, sum),
    sample(`${sli}_count`, labels, count),
  ]
}

function running(counts: readonly number[]): number[] {
  let sum = 0
  return counts.map((count) => (sum += count))
}

function inflightLines(inflight: Readonly<Record<string, number>>): string[] {
  const name = 'apiserver_current_inflight_requests'
  const samples = Object.entries(inflight).map(([request_kind, count]) => sample(name, { request_kind }, count))
  return [
    ...family(
      name,
      'gauge',
      '[STABLE] Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
    ),
    ...samples,
  ]
}

function lastingLines(lasting: ReadonlyMap<Series, number>): string[] {
  const name = 'apiserver_longrunning_requests'
  const lines = [...lasting].map(([{ labels }, count]) => {
    const { dry_run: _, ...rest } = labels
    return sample(name, rest, count)
  })
  return lines.length > 0
    ? [
        ...family(
          name,
          'gauge',
          '[STABLE] Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.',
        ),
        ...lines,
      ]
    : []
}

function processLines(startedAt: number): string[] {
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed } = process.memoryUsage()
  const one = (name: string, type: 'counter' | 'gauge', help: string, value: number) => [
    ...family(name, type, help),
    sample(name, {}, value),
  ]
  return [
    ...one('process_cpu_seconds_total', 'counter', 'Total user and system CPU time spent in seconds.', (user + system) / 1e6),
    ...one('process_resident_memory_bytes', 'gauge', 'Resident memory size in bytes.', rss),
    ...one('process_start_time_seconds', 'gauge', '[ALPHA] Start time of the process since unix epoch in seconds.', startedAt),
    ...one('nodejs_heap_size_used_bytes', 'gauge', 'Memory of JavaScript objects.', heapUsed),
  ]
}

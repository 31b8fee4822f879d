/** Metrics of controllers: their queues, their calls and who leads, under upstream's names (`component-base/metrics/prometheus`). */
import { family, Histogram, samples } from '#apiserver/publish/exposition.ts'
import type { Call, Transport } from '#client/client.ts'
import type { QueueWatcher } from '#client/work-queue.ts'
import type { Clock } from '#lib/clock.ts'
import { StatusError } from '#schema/status-error.ts'

export interface ControllerMetrics {
  watchQueue(controller: { readonly name: string }): QueueWatcher
  /** The same transport, counted. */
  measured(transport: Transport, host: string): Transport
  leading(lease: string, leads: boolean): void
  lines(): string[]
  text(): string
}

/** Seconds: powers of ten from 10 ns, as upstream's. */
const queueBuckets = Array.from({ length: 12 }, (_, exponent) => 10 ** (exponent - 8))
const callBuckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60]

const methods: Readonly<Record<string, string>> = {
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
}

export function controllerMetrics(clock: Clock): ControllerMetrics {
  const queues = new Map<string, QueueMetrics>()
  const calls = callMetrics(clock)
  const leases = new Map<string, boolean>()
  const running = new Set<string>()
  const lines = () => [
    ...queueLines(queues),
    ...samples(
      ['leader_election_master_status', 'gauge', 'Whether this process holds the lease, by its name.'],
      [...leases].map(([name, leads]) => [{ name }, leads ? 1 : 0] as const),
    ),
    ...samples(
      ['running_managed_controllers', 'gauge', 'Controllers that run in this process.'],
      [...running].map((name) => [{ manager: 'kube-controller-manager', name }, 1] as const),
    ),
    ...calls.lines(),
  ]
  return {
    watchQueue({ name }) {
      running.add(name)
      const queue = queueNames[name] ?? name.replace(/-controller$/, '')
      const metrics = queues.get(queue) ?? new QueueMetrics(clock)
      queues.set(queue, metrics)
      return metrics.watcher()
    },
    measured: calls.measured,
    leading: (lease, leads) => void leases.set(lease, leads),
    lines,
    text: () => [...lines(), ''].join('\n'),
  }
}

/** Requests to the API server; watches are not counted, since they do not end. */
function callMetrics(clock: Clock) {
  const counts = new Map<string, { labels: Record<string, string>; count: number }>()
  const durations = new Map<string, { labels: Record<string, string>; histogram: Histogram }>()

  function told(method: string, host: string, { code, seconds }: { code: string; seconds: number }): void {
    const key = `${code} ${method} ${host}`
    const known = counts.get(key) ?? { labels: { code, host, method }, count: 0 }
    counts.set(key, known)
    known.count++
    const timed = durations.get(`${method} ${host}`) ?? { labels: { host, verb: method }, histogram: new Histogram(callBuckets) }
    durations.set(`${method} ${host}`, timed)
    timed.histogram.observe(seconds)
  }

  async function request(transport: Transport, host: string, call: Call): Promise<unknown> {
    const start = clock.monotonic()
    const tell = (code: string) => told(methods[call.verb] ?? 'GET', host, { code, seconds: (clock.monotonic() - start) / 1000 })
    try {
      const answer = await transport.request(call)
      tell(call.verb === 'create' ? '201' : '200')
      return answer
    } catch (error) {
      tell(error instanceof StatusError ? String(error.code) : '<error>')
      throw error
    }
  }

  return {
    measured: (transport: Transport, host: string): Transport => ({
      ...transport,
      request: (call) => request(transport, host, call),
    }),
    lines: () => [
      ...samples(
        ['rest_client_requests_total', 'counter', 'Requests to the API server, by status code, method and host.'],
        [...counts.values()].map(({ labels, count }) => [labels, count] as const),
      ),
      ...family('rest_client_request_duration_seconds', 'histogram', 'How long requests took, by verb and host.'),
      ...[...durations.values()].flatMap(({ labels, histogram }) =>
        histogram.lines('rest_client_request_duration_seconds', labels),
      ),
    ],
  }
}

class QueueMetrics {
  adds = 0
  retries = 0
  readonly waited = new Histogram(queueBuckets)
  readonly worked = new Histogram(queueBuckets)
  readonly #clock: Clock
  readonly #parts: { waiting: Map<unknown, number>; working: Map<unknown, number> }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Controllers that share a name have queues of their own. */
  watcher(): QueueWatcher {
    const waiting = new Map<unknown, number>()
    const working = new Map<unknown, number>()
    this.#parts.push({ waiting, working })
    const now = () => this.#clock.monotonic()
    const end = (times: Map<unknown, number>, key: unknown, histogram: Histogram) => {
      const start = times.get(key)
      times.delete(key)
      if (start !== undefined) histogram.observe((now() - start) / 1000)
    }
    return {
      added: (key) => {
        this.adds++
        waiting.set(key, now())
      },
      taken: (key) => {
        end(waiting, key, this.waited)
        working.set(key, now())
      },
      done: (key) => end(working, key, this.worked),
      retried: () => void this.retries++,
    }
  }

  get depth(): number {
    return this.#parts.reduce((sum, { waiting }) => sum + waiting.size, 0)
  }

  /** Seconds that work under way has taken until now. */
  unfinished(): readonly number[] {
    const now = this.#clock.monotonic()
    return this.#parts.flatMap(({ working }) => [...working.values()].map((start) => (now - start) / 1000))
  }
}

function queueLines(queues: ReadonlyMap<string, QueueMetrics>): string[] {
  const each = (value: (queue: QueueMetrics) => number) => [...queues].map(([name, queue]) => [{ name }, value(queue)] as const)
  const histogram = (name: string, help: string, of: (queue: QueueMetrics) => Histogram) => [
    ...family(name, 'histogram', help),
    ...[...queues].flatMap(([queue, metrics]) => of(metrics).lines(name, { name: queue })),
  ]
  const sum = (list: readonly number[]) => list.reduce((total, one) => total + one, 0)
  return [
    ...samples(
      ['workqueue_depth', 'gauge', 'Keys that wait.'],
      each(({ depth }) => depth),
    ),
    ...samples(
      ['workqueue_adds_total', 'counter', 'Keys that were added.'],
      each(({ adds }) => adds),
    ),
    ...samples(
      ['workqueue_retries_total', 'counter', 'Keys that were tried again.'],
      each(({ retries }) => retries),
    ),
    ...samples(
      ['workqueue_unfinished_work_seconds', 'gauge', 'How long work under way has taken, summed up.'],
      each((queue) => sum(queue.unfinished())),
    ),
    ...samples(
      ['workqueue_longest_running_processor_seconds', 'gauge', 'How long the oldest work under way has taken.'],
      each((queue) => Math.max(0, ...queue.unfinished())),
    ),
    ...histogram('workqueue_queue_duration_seconds', 'How long keys waited.', ({ waited }) => waited),
    ...histogram('workqueue_work_duration_seconds', 'How long the work on a key took.', ({ worked }) => worked),
  ]
}

/** Where upstream's queue has another name than its controller. */
const queueNames: Readonly<Record<string, string>> = {
  'replicationcontroller-controller': 'replicationmanager',
  'endpoints-controller': 'endpoint',
  'endpointslice-controller': 'endpoint_slice',
  'endpointslice-mirroring-controller': 'endpoint_slice_mirroring',
  'root-ca-certificate-publisher-controller': 'root_ca_cert_publisher',
  'kube-apiserver-serving-clustertrustbundle-publisher-controller': 'ca_cert_publisher_cluster_trust_bundles',
  'node-lifecycle-controller': 'node_lifecycle_controller',
  'node-ipam-controller': 'cidrallocator_node',
  'taint-eviction-controller': 'noexec_taint_pod',
  'device-taint-eviction-controller': 'device-taint-eviction-controller',
  'resourcequota-controller': 'resourcequota_primary',
  'ttl-controller': 'ttlcontroller',
  'ttl-after-finished-controller': 'ttl_jobs_to_delete',
  'horizontal-pod-autoscaler-controller': 'horizontalpodautoscaler',
  'clusterrole-aggregation-controller': 'ClusterRoleAggregator',
  'persistentvolume-binder-controller': 'claims',
  'persistentvolumeclaim-protection-controller': 'pvcprotection',
  'persistentvolume-protection-controller': 'pvprotection',
  'ephemeral-volume-controller': 'ephemeral_volume',
  'certificatesigningrequest-approving-controller': 'certificate',
  'certificatesigningrequest-signing-controller': 'certificate',
  'certificatesigningrequest-cleaner-controller': 'certificate',
  'serviceaccount-token-controller': 'serviceaccount_tokens_secret',
  'service-cidr-controller': 'ipaddresses',
  'bootstrap-signer-controller': 'bootstrap_signer_queue',
  'token-cleaner-controller': 'token_cleaner',
}

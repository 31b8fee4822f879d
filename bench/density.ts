/**
 * Kubernetes' scale objectives on one machine: simulated nodes, and pods created through Deployments, with every part of the cluster as `nami up` runs
 * it: durable store, controllers, scheduler, simulated nodes in a process of their own.
 *
 * NAMI_BENCH_NODES and NAMI_BENCH_PODS set the size (1,000 and 30,000); the objectives are for 5,000 and 150,000. Starts of pods are measured twice:
 * where all are asked for at once, and where they are asked for at half the rate that was sustained then.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { type Client, TransportError } from '#client/client.ts'
import { httpsTransport } from '#client/https-transport.ts'
import { startInformer } from '#client/informer.ts'
import { administrator, administratorIdentity } from '#cluster/administrator.ts'
import { dataDirectory } from '#cluster/data-directory.ts'
import { findProcess, waitReferenced } from '#cluster/processes.ts'
import { systemClock as clock } from '#lib/clock.ts'
import { systemRandom as random } from '#lib/random.ts'
import { hasReason } from '#schema/status-error.ts'
import { defineBench, type Figure } from './define-bench.ts'
import { aloneAt } from './parts/control-plane.ts'
import { descendants } from './parts/processes.ts'
import { memoryOf, processorTimeOf } from './parts/timing.ts'

const nodes = Number(process.env.NAMI_BENCH_NODES ?? 1_000)
const pods = Number(process.env.NAMI_BENCH_PODS ?? 30_000)
const replicas = 250
/** Every so many Deployments are watched for how long their pods take. */
const sample = 10
/** Milliseconds. Two minutes of rest, as in the figures of a cluster without pods: code that has just run for the first time costs several times as much. */
const calm = 120_000
const span = 30_000
const longest = 1_200_000

type Report = (figure: Figure) => void

export default defineBench({
  name: 'density',
  async run(report) {
    const root = mkdtempSync(join(process.env.NAMI_BENCH_DIR ?? tmpdir(), 'nami-density-'))
    const alone = aloneAt(root)
    try {
      await alone.up()
      const began = clock.monotonic()
      await alone.call('simulate', 'add', String(nodes), '--zones', 'a,b,c')
      const seconds = (clock.monotonic() - began) / 1000
      report({
        what: `${nodes} simulated nodes registered`,
        value: nodes / seconds,
        unit: '/s',
        note: `in ${seconds.toFixed(1)} s`,
      })
      const directory = dataDirectory(alone.data)
      const client = await administrator(directory)
      if (!client) throw new Error('there is no cluster')
      const processes = processesOf(findProcess(directory, 'server') ?? 0)
      await idle(report, processes)
      if (pods > 0) {
        const rate = await density(client, report, processes)
        if (rate > 0) await paced(client, report, rate / 2)
      }
      memory(report, processes, 'at the end')
      await metrics(alone.data, report)
      await client.close()
    } finally {
      await alone.call('down', '--delete').catch(() => {})
      rmSync(root, { recursive: true, force: true })
    }
  },
})

type Processes = Readonly<Record<'server' | 'simulator', number>>

function processesOf(server: number): Processes {
  return { server, simulator: descendants(server)[0] ?? 0 }
}

async function idle(report: Report, processes: Processes): Promise<void> {
  await waitReferenced(clock, calm)
  const share = await shares(processes, () => waitReferenced(clock, span))
  const note = `simulator ${(share.simulator * 100).toFixed(1)} %`
  report({ what: `processor of the server with ${nodes} idle nodes, of one core`, value: share.server * 100, unit: '%', note })
  memory(report, processes, `with ${nodes} idle nodes`)
}

/** Cores that each process kept busy meanwhile. */
async function shares(processes: Processes, work: () => Promise<unknown>): Promise<Record<keyof Processes, number>> {
  const before = { server: processorTimeOf(processes.server), simulator: processorTimeOf(processes.simulator) }
  const began = clock.monotonic()
  await work()
  const elapsed = clock.monotonic() - began
  const of = (name: keyof Processes) => (processorTimeOf(processes[name]) - before[name]) / elapsed
  return { server: of('server'), simulator: of('simulator') }
}

function memory(report: Report, processes: Processes, when: string): void {
  for (const name of ['server', 'simulator'] as const) {
    report({ what: `memory of the ${name} ${when}`, value: memoryOf(processes[name]), unit: 'MB' })
  }
}

/** Answers how many pods became ready in a second; 0 where not all of them did. */
async function density(client: Client, report: Report, processes: Processes): Promise<number> {
  const count = Math.ceil(pods / replicas)
  for (let i = 0; i < 10; i++) await client.create(Namespace, { metadata: { name: `density-${i}` } })
  const stop = new AbortController()
  const starts = watchStarts(client, 'sample=yes', stop.signal)
  const began = clock.monotonic()
  let outcome = { ready: 0, broken: 0 }
  const share = await shares(processes, async () => {
    for (let i = 0; i < count; i++) {
      const wanted = { namespace: `density-${i % 10}`, count: Math.min(replicas, pods - i * replicas) }
      await ask(client, deployment(`web-${i}`, { ...wanted, sampled: i % sample === 0 && 'sample' }))
    }
    outcome = await untilReady(client, { count: pods, deadline: began + longest })
  })
  const seconds = (clock.monotonic() - began) / 1000
  stop.abort()
  const { ready, broken } = outcome
  const cost = ((share.server + share.simulator) * seconds * 1000) / ready
  const cores = `server ${share.server.toFixed(2)}, simulator ${share.simulator.toFixed(2)} cores, ${cost.toFixed(2)} ms of processor a pod`
  const lack = ready < pods ? `only ${ready} of them` : `${broken} broken connections`
  report({
    ...{
      what: `${pods} pods on ${nodes} nodes through ${count} Deployments, until all are ready`,
      value: ready / seconds,
      unit: '/s',
    },
    ...{ limit: { what: 'the floor', value: 500 }, note: `${seconds.toFixed(1)} s; ${cores}; ${lack}` },
  })
  reportStarts(report, 'all asked for at once', starts)
  return ready < pods ? 0 : ready / seconds
}

/** Pods are asked for a few at a time, for as long as it takes to tell a queue that grows from one that does not. */
async function paced(client: Client, report: Report, rate: number): Promise<void> {
  const few = 25
  const count = Math.ceil(Math.min(pods / 4, rate * 30) / few)
  const stop = new AbortController()
  const starts = watchStarts(client, 'paced=yes', stop.signal)
  const began = clock.monotonic()
  for (let i = 0; i < count; i++) {
    await waitReferenced(clock, Math.max(0, began + ((i * few) / rate) * 1000 - clock.monotonic()))
    await ask(client, deployment(`paced-${i}`, { namespace: `density-${i % 10}`, count: few, sampled: 'paced' }))
  }
  await untilReady(client, { count: pods + count * few, deadline: clock.monotonic() + longest / 4 })
  stop.abort()
  reportStarts(report, `asked for at ${Math.round(rate)}/s`, starts)
}

function reportStarts(report: Report, how: string, starts: readonly number[]): void {
  const took = starts.toSorted((a, b) => a - b)
  const at = (part: number) => took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0
  report({
    ...{ what: `p99 from a pod's creation to its running, ${how}`, value: at(0.99), unit: 'ms' },
    ...{ limit: { what: 'the objective', value: 5_000 }, note: `p50 ${Math.round(at(0.5))} ms of ${took.length} pods` },
  })
}

interface Wanted {
  readonly namespace: string
  readonly count: number
  /** Label by which its pods are watched. */
  readonly sampled?: string | false
}

function deployment(name: string, { namespace, count, sampled }: Wanted) {
  const labels = { app: name, ...(sampled && { [sampled]: 'yes' }) }
  const resources = { requests: { cpu: '50m', memory: '100Mi' } }
  return {
    metadata: { name, namespace },
    spec: {
      replicas: count,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'example/app:1', resources }] } },
    },
  }
}

/** Again after a connection that broke, which the load may bring about. */
async function ask(client: Client, wanted: ReturnType<typeof deployment>): Promise<void> {
  for (;;) {
    try {
      return void (await client.create(Deployment, wanted))
    } catch (error) {
      if (hasReason(error, 'AlreadyExists')) return
      if (!(error instanceof TransportError)) throw error
      await waitReferenced(clock, 1_000)
    }
  }
}

/** From the event that shows the pod to the one that shows it running, in milliseconds; filled until the signal is aborted. */
function watchStarts(client: Client, labelSelector: string, signal: AbortSignal): readonly number[] {
  const seen = new Map<string, number>()
  const took: number[] = []
  const look = ({ metadata, status }: Pod) => {
    const since = seen.get(metadata.uid)
    if (since === undefined || status.phase !== 'Running') return
    seen.delete(metadata.uid)
    took.push(clock.monotonic() - since)
  }
  const informer = startInformer(client, Pod, { clock, random, signal, labelSelector })
  informer.addHandlers({
    added(pod) {
      seen.set(pod.metadata.uid, clock.monotonic())
      look(pod)
    },
    updated: look,
  })
  return took
}

/** A connection that breaks under the load is a figure worth having, not the end; so are the pods that were ready in time. */
async function untilReady(
  client: Client,
  { count, deadline }: { readonly count: number; readonly deadline: number },
): Promise<{ ready: number; broken: number }> {
  let broken = 0
  let ready = 0
  for (;;) {
    try {
      ready = await readyPods(client)
    } catch (error) {
      if (!(error instanceof TransportError)) throw error
      broken++
    }
    if (ready >= count || clock.monotonic() > deadline) return { ready, broken }
    await waitReferenced(clock, 1_000)
  }
}

async function readyPods(client: Client): Promise<number> {
  const { items } = await client.list(Deployment)
  return items.reduce((sum, { status }) => sum + (status.readyReplicas ?? 0), 0)
}

/** p99 of the server's calls, by verb, from the buckets that it keeps. */
async function metrics(data: string, report: Report): Promise<void> {
  const identity = administratorIdentity(dataDirectory(data))
  if (!identity) return
  const transport = httpsTransport({ ...identity, clock })
  const { body } = await transport.raw({ method: 'GET', path: '/metrics' })
  let text = ''
  for await (const chunk of body) text += chunk
  await transport.close()
  const verbs = new Map<string, Map<number, number>>()
  const line = /^apiserver_request_duration_seconds_bucket\{(.*)\} (\d+)$/gm
  for (const [, labels = '', count] of text.matchAll(line)) {
    const verb = /verb="([A-Z]+)"/.exec(labels)?.[1] ?? ''
    const le = /le="([^"]+)"/.exec(labels)?.[1] ?? ''
    if (verb === 'WATCH' || verb === 'CONNECT') continue
    const buckets = verbs.get(verb) ?? new Map<number, number>()
    verbs.set(verb, buckets)
    const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)
    buckets.set(bound, (buckets.get(bound) ?? 0) + Number(count))
  }
  for (const [verb, buckets] of verbs) {
    const total = buckets.get(Number.POSITIVE_INFINITY) ?? 0
    if (total < 100) continue
    const sorted = [...buckets].sort(([a], [b]) => a - b)
    const [bound = 0] = sorted.find(([, count]) => count >= total * 0.99) ?? []
    const value = Number.isFinite(bound) ? bound * 1000 : 60_000
    report({
      what: `p99 of ${verb}, at most`,
      value,
      unit: 'ms',
      limit: { what: 'the objective', value: 1_000 },
      note: `${total} calls`,
    })
  }
}

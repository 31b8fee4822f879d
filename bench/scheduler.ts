/**
 * The shapes of upstream's scheduler_perf, each with upstream's threshold as the limit. First the scheduler by itself, from the snapshot to the
 * decision, in pods per second of the thread's CPU time; then with an API server and a durable store in the loop, in the same process, in pods per
 * second from the start until the last is bound: fewer pods, of the shapes marked so.
 */
import { Namespace } from '#api/core/v1/namespace.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { createClient } from '#client/typed-client.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { ClusterState } from '#scheduler/cluster-state.ts'
import { place } from '#scheduler/cycle.ts'
import { onNode } from '#scheduler/framework/pod-facts.ts'
import { makeDefaultProfile } from '#scheduler/profiles.ts'
import { runScheduler } from '#scheduler/scheduler.ts'
import { ResultCache } from '#scheduler/shared-results.ts'
import { defineBench, type Figure } from './define-bench.ts'
import { type BenchServer, benchServer } from './load/bench-server.ts'

interface Shape {
  readonly name: string
  /** Upstream's, in pods per second. */
  readonly threshold: number
  readonly nodes?: number
  /** Pods that run before, of the same or another make. */
  readonly before?: number
  readonly pods: number
  pod(i: number): Partial<Pod['spec']>
  labels?(i: number): Record<string, string>
  /** Of those that run before. */
  old?(i: number): Partial<Pod['spec']>
  readonly shares?: boolean
  /** Pods, where it is measured with the API server as well. */
  readonly inLoop?: number
}

const zone = 'topology.kubernetes.io/zone'
const color = { labelSelector: { matchLabels: { color: 'green' } } }
const spread = (whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway') => ({
  topologySpreadConstraints: [{ maxSkew: 5, topologyKey: zone, whenUnsatisfiable, ...color }],
})
const term = (topologyKey: string) => ({ topologyKey, ...color })
const together = { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(zone)] } } }
const apart = {
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('kubernetes.io/hostname')] } },
}
const wish = [{ weight: 1, podAffinityTerm: term('kubernetes.io/hostname') }]
const wishes = (side: 'podAffinity' | 'podAntiAffinity') => ({
  affinity: { [side]: { preferredDuringSchedulingIgnoredDuringExecution: wish } },
})
const inZones = {
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: zone, operator: 'In' as const, values: ['zone-1', 'zone-2'] }] }],
      },
    },
  },
}
const green = () => ({ color: 'green' })
const asking = (requests: Record<string, string>, more: object = {}) =>
  ({ containers: [{ name: 'pause', image: 'pause', resources: { requests } }], ...more }) as unknown as Pod['spec']
const big = (i: number) => (i % 5 === 0 ? asking({ cpu: '900', memory: '1Gi' }) : {})

const shapes: readonly Shape[] = [
  { name: 'basic', threshold: 810, before: 1_000, pods: 50_000, pod: () => ({}) },
  { name: 'basic', threshold: 680, before: 1_000, pods: 10_000, pod: () => ({}), inLoop: 5_000 },
  { name: 'basic, nothing shared', threshold: 680, before: 1_000, pods: 2_000, pod: () => ({}), shares: false },
  { name: 'one pod for each node', threshold: 1_100, nodes: 15_000, pods: 15_000, pod: (i) => onlyOn(`node-${i}`) },
  { name: 'unschedulable mix', threshold: 590, before: 1_000, pods: 5_000, pod: big, inLoop: 1_500 },
  {
    name: 'topology spread required',
    inLoop: 1500,
    threshold: 460,
    before: 5_000,
    pods: 5_000,
    pod: () => spread('DoNotSchedule'),
    labels: green,
  },
  {
    name: 'topology spread preferred',
    inLoop: 1500,
    threshold: 340,
    before: 5_000,
    pods: 5_000,
    pod: () => spread('ScheduleAnyway'),
    labels: green,
  },
  { name: 'pod affinity', threshold: 35, before: 5_000, pods: 2_000, pod: () => together, labels: green, inLoop: 1_000 },
  { name: 'pod anti-affinity', threshold: 60, before: 1_000, pods: 2_000, pod: () => apart, labels: green, inLoop: 1_000 },
  {
    name: 'preferred affinity',
    threshold: 90,
    before: 5_000,
    pods: 2_000,
    pod: () => wishes('podAffinity'),
    labels: green,
    inLoop: 1_000,
  },
  {
    name: 'preferred anti-affinity',
    threshold: 90,
    before: 5_000,
    pods: 2_000,
    pod: () => wishes('podAntiAffinity'),
    labels: green,
  },
  { name: 'node affinity', threshold: 220, before: 5_000, pods: 10_000, pod: () => inZones, inLoop: 1_500 },
  {
    name: 'preemption',
    threshold: 570,
    before: 20_000,
    pods: 1_000,
    old: () => asking({ cpu: '900m', memory: '500Mi' }, { priority: 0 }),
    pod: () => asking({ cpu: '3', memory: '500Mi' }, { priority: 10 }),
  },
]

function onlyOn(name: string): Partial<Pod['spec']> {
  const matchFields = [{ key: 'metadata.name', operator: 'In' as const, values: [name] }]
  const required = { nodeSelectorTerms: [{ matchFields }] }
  return { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } }
}

export default defineBench({
  name: 'scheduler',
  async run(report) {
    for (const shape of shapes) report(measure(shape))
    await using bench = await benchServer({ durable: true })
    await eachOf(5_000, (i) => bench.client.create(Node, node(i)))
    for (const shape of shapes) if (shape.inLoop) report(await measureInLoop(bench, shape, shape.inLoop))
  },
})

function measure(shape: Shape): Figure {
  const { nodes = 5_000, before = 0, pods, shares = true, threshold } = shape
  const state = new ClusterState()
  for (let i = 0; i < nodes; i++) state.setNode(node(i))
  for (let i = 0; i < before; i++) {
    state.setPod(onNode(pod(`old-${i}`, shape.old?.(i) ?? shape.pod(i), shape.labels?.(i)), `node-${i % nodes}`))
  }
  const waiting = Array.from({ length: pods }, (_, i) => pod(`new-${i}`, shape.pod(i), shape.labels?.(i)))
  const profile = makeDefaultProfile({ random: systemRandom })
  const cache = shares ? new ResultCache() : undefined
  let startAt = 0
  let placed = 0
  const start = process.threadCpuUsage()
  for (const one of waiting) {
    const placement = place(one, state, { profile, random: systemRandom, startAt, cache })
    if (!placement.node) {
      const { node = '', victims = [] } = placement.nomination ?? {}
      for (const victim of victims) state.deletePod(victim.metadata.uid)
      if (node) state.setPod(onNode(one, node))
      continue
    }
    placed++
    startAt = (startAt + placement.evaluated) % nodes
    state.setPod(onNode(one, placement.node.name))
  }
  const { user, system } = process.threadCpuUsage(start)
  const seconds = (user + system) / 1e6
  return {
    what: `${shape.name}: ${pods} pods on ${nodes} nodes`,
    value: pods / seconds,
    unit: '/s',
    limit: { what: "upstream's threshold", value: threshold },
    note: `${placed} placed`,
  }
}

/** The pods are there before the scheduler is; the time counts from its knowing all of them. */
async function measureInLoop({ server, client }: BenchServer, shape: Shape, pods: number): Promise<Figure> {
  const namespace = shape.name.replaceAll(' ', '-')
  await client.create(Namespace, { metadata: { name: namespace } })
  const make = (name: string, spec: Partial<Pod['spec']>, labels?: Record<string, string>) => {
    const { metadata, ...rest } = pod(name, { tolerations: [{ operator: 'Exists' }], ...spec } as Partial<Pod['spec']>, labels)
    return { ...rest, metadata: { name, namespace, ...(metadata.labels && { labels: metadata.labels }) } }
  }
  let never = 0
  await eachOf(pods, (i) => {
    const spec = shape.pod(i)
    if (shape.pod === big && i % 5 === 0) never++
    return client.create(Pod, make(`pod-${i}`, spec, shape.labels?.(i)))
  })
  const stop = new AbortController()
  const scheduler = createClient(server.transportAs({ name: 'system:kube-scheduler', groups: ['system:authenticated'] }))
  let bound = 0
  const all = Promise.withResolvers<void>()
  const watcher = {
    started: () => {},
    decided: () => {},
    preempting: () => {},
    bound: () => ++bound === pods - never && all.resolve(),
  }
  await runScheduler({ client: scheduler, clock: systemClock, random: systemRandom, signal: stop.signal, watcher })
  const start = process.threadCpuUsage()
  const began = performance.now()
  await all.promise
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.threadCpuUsage(start)
  stop.abort()
  await client.deleteCollection(Pod, { namespace }, { gracePeriodSeconds: 0 })
  return {
    what: `${shape.name}, API server and durable store in the loop: ${pods - never} pods on 5000 nodes`,
    value: (pods - never) / seconds,
    unit: '/s',
    limit: { what: "upstream's threshold", value: shape.threshold },
    note: `${(((pods - never) * 1e6) / (user + system)).toFixed(0)}/s of thread time`,
  }
}

/** 64 at a time. */
async function eachOf(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: 64 }, worker))
}

function node(i: number): Node {
  const allocatable = { cpu: '4', memory: '32Gi', pods: '110' }
  const name = `node-${i}`
  const labels = { 'kubernetes.io/hostname': name, [zone]: `zone-${i % 10}` }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: name, labels },
    spec: {},
    status: { allocatable },
  } as unknown as Node
}

function pod(name: string, spec: Partial<Pod['spec']>, labels?: Record<string, string>): Pod {
  const containers = asking({ cpu: '100m', memory: '500Mi' }).containers
  const metadata = { name, namespace: 'default', uid: name, ...(labels && { labels }) }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers, ...spec }, status: {} } as unknown as Pod
}

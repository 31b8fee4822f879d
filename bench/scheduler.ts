/**
 * The shapes of upstream's scheduler_perf, each with upstream's threshold as the limit. First the scheduler by itself, from the snapshot to the
 * decision, in pods per second of the thread's CPU time; then with an API server and a durable store in the loop, in the same process, in pods per
 * second from the start until the last is bound: fewer pods, of the shapes marked so.
 *
 * NAMI_BENCH_SHAPES names some of them, by commas.
 */
import { Namespace } from '#api/core/v1/namespace.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { PriorityClass } from '#api/scheduling/v1/priority-class.ts'
import { createClient } from '#client/typed-client.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { ClusterState } from '#scheduler/cluster-state.ts'
import { place } from '#scheduler/cycle.ts'
import { onNode } from '#scheduler/framework/pod-facts.ts'
import { makeDefaultProfile, type Weighted } from '#scheduler/profiles.ts'
import { createQueue } from '#scheduler/queue.ts'
import { runScheduler } from '#scheduler/scheduler.ts'
import { ResultCache } from '#scheduler/shared-results.ts'
import { defineBench, type Figure } from './define-bench.ts'
import { type BenchServer, benchServer } from './load/bench-server.ts'
import { asking, big, node, pod, type Shape, shapes } from './parts/scheduler-shapes.ts'

const names = process.env.NAMI_BENCH_SHAPES?.split(',')
const chosen = shapes.filter(({ name }) => !names || names.includes(name))

export default defineBench({
  name: 'scheduler',
  async run(report) {
    for (const shape of chosen) report(measure(shape))
    await using bench = await benchServer({ durable: true })
    await eachOf(5_000, (i) => bench.client.create(Node, node(i)))
    for (const shape of chosen) if (shape.inLoop) report(await measureInLoop(bench, shape, shape.inLoop))
  },
})

function measure(shape: Shape): Figure {
  const { nodes = 5_000, pods, shares = true, threshold } = shape
  const state = filled(shape, nodes)
  const waiting = Array.from({ length: pods }, (_, i) =>
    pod(`new-${i}`, shape.pod(i), { labels: shape.labels?.(i), namespace: shape.namespace?.(i) }),
  )
  const profile = makeDefaultProfile({ random: systemRandom })
  const cache = shares ? new ResultCache() : undefined
  const queue = createQueue({ clock: systemClock, pluginsOf: () => profile, onReady: () => {} })
  const gated = { schedulingGates: [{ name: 'wait' }] }
  for (let i = 0; i < (shape.gated ?? 0); i++) queue.put(pod(`gated-${i}`, gated))
  let startAt = 0
  let placed = 0
  let tried = 0
  let intruders = 0
  const start = process.threadCpuUsage()
  const elapsed = () => {
    const { user, system } = process.threadCpuUsage(start)
    return (user + system) / 1e6
  }
  for (const one of waiting) queue.put(one)
  for (let entry = queue.pop(); entry && tried < pods; entry = queue.pop(), tried++) {
    if (shape.beside && tried % 16 === 0 && elapsed() * 5 > intruders) {
      queue.put(pod(`beside-${intruders}`, shape.beside(intruders)))
      intruders++
      tried--
    }
    if (shape.churns && tried % 100 === 0) churn(state, { turn: tried / 100, profile, cache })
    const placement = place(entry.pod, state, { profile, random: systemRandom, startAt, cache })
    queue.done(entry)
    if (!placement.node) {
      const { node = '', victims = [] } = placement.nomination ?? {}
      for (const victim of victims) state.deletePod(victim.metadata.uid)
      if (node) state.setPod(onNode(entry.pod, node))
      continue
    }
    placed++
    startAt = (startAt + placement.evaluated) % nodes
    state.setPod(onNode(entry.pod, placement.node.name))
  }
  return {
    what: `${shape.name}: ${pods} pods on ${nodes} nodes`,
    value: pods / elapsed(),
    unit: '/s',
    limit: { what: "upstream's threshold", value: threshold },
    note: `${placed} placed${betweenThem(intruders)}`,
  }
}

function betweenThem(intruders: number): string {
  return intruders > 0 ? `, ${intruders} others between them` : ''
}

function filled(shape: Shape, nodes: number): ClusterState {
  const state = new ClusterState()
  shape.objects?.(state)
  for (let i = 0; i < nodes; i++) state.setNode(node(i, shape.allocatable))
  for (let i = 0; i < (shape.before ?? 0); i++) {
    const old = pod(`old-${i}`, shape.old?.(i) ?? shape.pod(i), { labels: shape.labels?.(i), namespace: shape.namespace?.(i) })
    state.setPod(onNode(old, `node-${i % nodes}`))
  }
  return state
}

interface Churning {
  readonly turn: number
  readonly profile: readonly Weighted[]
  readonly cache: ResultCache | undefined
}

function churn(state: ClusterState, { turn, profile, cache }: Churning): void {
  state.deleteNode(`node-${1_000_000 + turn - 1}`)
  state.setNode(node(1_000_000 + turn))
  place(pod(`churn-${turn}`, { ...asking({ cpu: '900' }), priority: 10 }), state, { profile, random: systemRandom, cache })
}

/** The pods are there before the scheduler is; the time counts from its knowing all of them. */
async function measureInLoop({ server, client }: BenchServer, shape: Shape, pods: number): Promise<Figure> {
  const namespace = shape.name.replaceAll(' ', '-')
  await client.create(Namespace, { metadata: { name: namespace } })
  if (shape.beside) await client.create(PriorityClass, { metadata: { name: 'important' }, value: 10 })
  const make = (name: string, spec: Partial<Pod['spec']>, labels?: Record<string, string>) => {
    const tolerations = [{ operator: 'Exists' }]
    const { metadata, ...rest } = pod(name, { tolerations, ...spec } as Partial<Pod['spec']>, { labels })
    const { priority, ...own } = rest.spec
    const important = priority ? { priorityClassName: 'important' } : {}
    const meta = { name, namespace, ...(metadata.labels && { labels: metadata.labels }) }
    return { ...rest, spec: { ...own, ...important } as Pod['spec'], metadata: meta }
  }
  const old = shape.beside && shape.old
  if (old)
    await eachOf(shape.before ?? 0, (i) => client.create(Pod, make(`old-${i}`, { ...old(i), nodeName: `node-${i % 5_000}` })))
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
  let intruders = 0
  const intrude = () => client.create(Pod, make(`beside-${intruders}`, shape.beside?.(intruders++) ?? {}))
  const timer = shape.beside ? setInterval(intrude, 200) : undefined
  await all.promise
  clearInterval(timer)
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.threadCpuUsage(start)
  stop.abort()
  await client.deleteCollection(Pod, { namespace }, { gracePeriodSeconds: 0 })
  return {
    what: `${shape.name}, API server and durable store in the loop: ${pods - never} pods on 5000 nodes`,
    value: (pods - never) / seconds,
    unit: '/s',
    limit: { what: "upstream's threshold", value: shape.threshold },
    note: `${(((pods - never) * 1e6) / (user + system)).toFixed(0)}/s of thread time${betweenThem(intruders)}`,
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

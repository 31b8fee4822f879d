/** The scheduler with an API server and a durable store in the loop, all in this process: pods per second from the start until the last is bound. */
import { Namespace } from '#api/core/v1/namespace.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { PriorityClass } from '#api/scheduling/v1/priority-class.ts'
import type { Client } from '#client/client.ts'
import { createClient } from '#client/typed-client.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { runScheduler } from '#scheduler/scheduler.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Figure } from '../define-bench.ts'
import { type BenchServer, benchServer } from '../load/bench-server.ts'
import { asking, big, node, pod, type Shape } from './scheduler-shapes.ts'

export interface SchedulerLoop extends AsyncDisposable {
  measure(shape: Shape, pods: number): Promise<Figure>
}

const nodes = 5_000

export async function schedulerLoop(): Promise<SchedulerLoop> {
  const bench = await benchServer({ durable: true })
  await eachOf(nodes, (i) => bench.client.create(Node, node(i, { 'example.com/device': '4' })))
  await bench.client.create(PriorityClass, { metadata: { name: 'important' }, value: 10 })
  await ensure(bench.client, Namespace, { metadata: { name: 'default' } })
  return { measure: (shape, pods) => measure(bench, shape, pods), [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose]() }
}

/** The pods are there before the scheduler is; the time counts from its knowing all of them. */
async function measure({ server, client }: BenchServer, shape: Shape, pods: number): Promise<Figure> {
  const things = shape.objects?.(pods) ?? []
  await eachOf(things.length, (i) => ensure(client, ...(things[i] as (typeof things)[number])))
  const never = await createPods(client, shape, pods)
  const expected = pods - never
  const stop = new AbortController()
  const scheduler = createClient(server.transportAs({ name: 'system:kube-scheduler', groups: ['system:authenticated'] }))
  let bound = 0
  const all = Promise.withResolvers<void>()
  const watcher = {
    started: () => {},
    decided: () => {},
    preempting: () => {},
    bound: () => ++bound === expected && all.resolve(),
  }
  await runScheduler({ client: scheduler, clock: systemClock, random: systemRandom, signal: stop.signal, watcher })
  const start = process.threadCpuUsage()
  const began = performance.now()
  const disturbing = disturb(client, shape)
  await all.promise
  const others = disturbing()
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.threadCpuUsage(start)
  stop.abort()
  await clear(client, shape, pods)
  const perThread = (expected * 1e6) / (user + system)
  return {
    what: `${shape.name}, API server and durable store in the loop: ${expected} pods on ${nodes} nodes`,
    value: expected / seconds,
    unit: '/s',
    limit: { what: "upstream's threshold", value: shape.threshold },
    note: `${perThread.toFixed(0)}/s of thread time, ${(perThread / shape.threshold).toFixed(2)}${others > 0 ? `, ${others} others between them` : ''}`,
  }
}

/** How many of them fit nowhere. */
async function createPods(client: Client, shape: Shape, pods: number): Promise<number> {
  const { old } = shape
  const before = old ? (shape.before ?? 0) : 0
  await eachOf(before, (i) => {
    const spec = { ...old?.(i), nodeName: `node-${i % nodes}` }
    return client.create(Pod, shaped(`old-${i}`, spec, { shape, i }))
  })
  const waiting = { schedulingGates: [{ name: 'wait' }] }
  await eachOf(Math.min(shape.gated ?? 0, pods), (i) => client.create(Pod, shaped(`gated-${i}`, waiting, { shape, i })))
  let never = 0
  await eachOf(pods, (i) => {
    if (shape.pod === big && i % 5 === 0) never++
    return client.create(Pod, shaped(`pod-${i}`, shape.pod(i), { shape, i }))
  })
  return never
}

type Spec = Partial<Pod['spec']>

/** As clients create it. */
function shaped(name: string, spec: Spec, { shape, i }: { shape: Shape; i: number }): Pod {
  const namespace = shape.namespace?.(i) ?? 'default'
  const made = pod(name, { tolerations: [{ operator: 'Exists' }], ...spec } as Spec, { labels: shape.labels?.(i), namespace })
  const { priority, ...own } = made.spec
  const { uid, ...metadata } = made.metadata
  return { ...made, metadata, spec: { ...own, ...(priority && { priorityClassName: 'important' }) } } as Pod
}

/** Five times a second; stopped by what it returns, which says how often it was. */
function disturb(client: Client, shape: Shape): () => number {
  const { beside, churns } = shape
  if (!beside && !churns) return () => 0
  let turn = 0
  const disturbance = async () => {
    const i = turn++
    if (beside) return client.create(Pod, shaped(`beside-${i}`, beside(i), { shape, i }))
    if (i > 0) await client.delete(Node, { name: `node-${1_000_000 + i - 1}` })
    await client.create(Node, node(1_000_000 + i))
    return client.create(Pod, shaped(`beside-${i}`, asking({ cpu: '900' }), { shape, i }))
  }
  let last: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => {
    last = last.then(disturbance)
  }, 200)
  return () => {
    clearInterval(timer)
    return turn
  }
}

async function clear(client: Client, shape: Shape, pods: number): Promise<void> {
  const count = Math.max(pods, shape.before ?? 0)
  const namespaces = new Set(Array.from({ length: Math.min(count, 100) }, (_, i) => shape.namespace?.(i) ?? 'default'))
  for (const namespace of namespaces) await client.deleteCollection(Pod, { namespace }, { gracePeriodSeconds: 0 })
  const things = (shape.objects?.(pods) ?? []).filter(([kind]) => kind.kind === 'Service')
  await eachOf(things.length, (i) => {
    const [kind, object] = things[i] as (typeof things)[number]
    return client.delete(kind, (object as KubeObject).metadata)
  })
}

async function ensure(client: Client, kind: Kind, object: object): Promise<void> {
  try {
    await client.create(kind, object as KubeObject)
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error
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

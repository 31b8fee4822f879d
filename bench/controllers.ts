/**
 * Controllers with API server, durable store and scheduler, on simulated nodes, all in one process and one thread: what a fleet of Deployments,
 * a large Service and a large namespace cost. `NAMI_BENCH_SHARE=0.1` makes everything a tenth as large, `NAMI_BENCH_PARTS=fleet,rest` runs
 * only these. Limits are the figures aimed at.
 */
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import type { Client } from '#client/client.ts'
import { startInformer } from '#client/informer.ts'
import { controllersOf } from '#controllers/controllers.ts'
import { runControllers } from '#controllers/runtime/run.ts'
import { systemClock as clock, sleep } from '#lib/clock.ts'
import { systemRandom as random } from '#lib/random.ts'
import { runScheduler } from '#scheduler/scheduler.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { startSimulatedNodes } from '#simulate/simulated-nodes.ts'
import { deployment } from '#testing/make.ts'
import { defineBench, type Figure } from './define-bench.ts'
import { type BenchServer, benchServer } from './load/bench-server.ts'

const share = Number(process.env.NAMI_BENCH_SHARE ?? 1)
const only = process.env.NAMI_BENCH_PARTS?.split(',')
const many = (whole: number) => Math.max(1, Math.round(whole * share))

export default defineBench({
  name: 'controllers',
  async run(report) {
    await using bed = await open()
    for (const part of [fleet, rollout, rest, scaled, largeService, clearedNamespace]) {
      if (!only || only.includes(part.name)) await part(bed, report)
    }
  },
})

interface Bed extends AsyncDisposable {
  readonly client: Client
  /** Writes of controllers until now: `update deployments/status`. */
  readonly writes: Map<string, number>
  /** Resolves as soon as the objects of a namespace are so. */
  until<T extends KubeObject>(kind: Kind<string, T>, namespace: string, holds: (objects: readonly T[]) => boolean): Promise<void>
}

type Report = (figure: Figure) => void

async function open(): Promise<Bed> {
  const server: BenchServer = await benchServer({ durable: true })
  const { client } = server
  // Without a place for their leases nodes would count as silent after a minute.
  for (const name of ['kube-system', 'kube-node-lease']) await client.create(Namespace, { metadata: { name } }).catch(() => {})
  const stop = new AbortController()
  const { signal } = stop
  const writes = new Map<string, number>()
  const onError = (error: unknown) => console.error(error)
  await startSimulatedNodes({
    client,
    clock,
    random,
    signal,
    onError,
    shapes: [{ count: many(120), cpu: '32', memory: '128Gi', pods: '250' }],
  })
  const running = [
    runControllers(controllersOf(), { clock, random, signal, onError, clientFor: () => counting(client, writes) }),
    runScheduler({ client, clock, random, signal, onError }),
  ]
  return {
    ...{ client, writes },
    async until(kind, namespace, holds) {
      const end = new AbortController()
      const informer = startInformer(client, kind, { clock, random, signal: end.signal, namespace })
      await informer.synced()
      // To look at all of them at each change would be the greatest cost of all.
      while (!holds(informer.list({ namespace }))) await sleep(clock, 20)
      end.abort()
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.allSettled(running)
      await server[Symbol.asyncDispose]()
    },
  }
}

function counting(client: Client, writes: Map<string, number>): Client {
  const count = (what: string) => void writes.set(what, (writes.get(what) ?? 0) + 1)
  return {
    ...client,
    create: (kind, object, options) => {
      count(`create ${kind.plural}`)
      return client.create(kind, object, options)
    },
    update: (kind, object, options) => {
      count(`update ${kind.plural}${options?.subresource ? `/${options.subresource}` : ''}`)
      return client.update(kind, object, options)
    },
    patch: (kind, at, patch, options) => {
      count(`patch ${kind.plural}${options?.subresource ? `/${options.subresource}` : ''}`)
      return client.patch(kind, at, patch, options)
    },
    delete: (kind, at, options) => {
      count(`delete ${kind.plural}`)
      return client.delete(kind, at, options)
    },
  }
}

/** Wall clock and processor time of this process, in seconds. */
async function measured(work: () => Promise<void>): Promise<{ seconds: number; cpu: number }> {
  const start = performance.now()
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return { seconds: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 }
}

async function together(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await act(next++)
  }
  await Promise.all(Array.from({ length: 64 }, lane))
}

const note = (cpu: number) => `${cpu.toFixed(1)} s of processor time`
const isAvailable = ({ spec, status, metadata }: Deployment) =>
  status.observedGeneration === metadata.generation &&
  status.updatedReplicas === spec.replicas &&
  status.replicas === spec.replicas &&
  status.availableReplicas === spec.replicas

async function fleet({ client, until, writes }: Bed, report: Report): Promise<void> {
  const count = many(1000)
  await client.create(Namespace, { metadata: { name: 'fleet' } })
  const { seconds, cpu } = await measured(async () => {
    await together(count, (i) =>
      client.create(Deployment, deployment(`app-${i}`, { namespace: 'fleet', spec: { replicas: 10 } })),
    )
    await until(Deployment, 'fleet', (all) => all.length === count && all.every(isAvailable))
  })
  const what = `${count} Deployments of 10 pods created at once, until all are available`
  report({
    what,
    value: seconds,
    unit: 's',
    limit: { what: 'aim', value: 20 * share },
    note: `${note(cpu)}; controllers: ${listed(writes)}`,
  })
}

function listed(writes: ReadonlyMap<string, number>): string {
  return [...writes].map(([what, count]) => `${count} ${what}`).join(', ')
}

/** Upstream: two per pod (create, delete), one per pod and ReplicaSet status, and the steps of the Deployment. */
async function rollout({ client, until, writes }: Bed, report: Report): Promise<void> {
  writes.clear()
  const template = { spec: { containers: [{ name: 'main', image: 'example/app:2' }] } }
  const body = { spec: { template } }
  await client.patch(Deployment, { name: 'app-0', namespace: 'fleet' }, { type: 'strategic', body })
  await until(Deployment, 'fleet', (all) => all.every(isAvailable))
  const states = new Map([...writes].filter(([what]) => !what.endsWith(' events')))
  const total = [...states.values()].reduce((sum, one) => sum + one, 0)
  report({ what: 'writes of a rollout of 10 pods', value: total, unit: '', note: listed(states) })
}

/** Events are written one after the other, long after what they tell of: rest begins when nothing at all has been written for a while. */
async function quiet(writes: ReadonlyMap<string, number>): Promise<void> {
  const sum = () => [...writes.values()].reduce((total, one) => total + one, 0)
  for (let before = -1; before !== sum(); ) {
    before = sum()
    await sleep(clock, 2000)
  }
}

async function rest({ client, until, writes }: Bed, report: Report): Promise<void> {
  const count = many(5000)
  await quiet(writes)
  const before = await measured(() => sleep(clock, 20_000))
  await client.create(Namespace, { metadata: { name: 'idle' } })
  await together(count, (i) => client.create(Deployment, deployment(`idle-${i}`, { namespace: 'idle', spec: { replicas: 0 } })))
  await until(Deployment, 'idle', (all) => all.length === count && all.every((one) => one.status.observedGeneration === 1))
  await until(ReplicaSet, 'idle', (all) => all.length === count)
  await quiet(writes)
  writes.clear()
  const { seconds, cpu } = await measured(() => sleep(clock, 20_000))
  const what = `processor at rest with ${count} idle Deployments, ${many(1000)} others and ${many(120)} simulated nodes`
  const without = ((100 * before.cpu) / before.seconds).toFixed(2)
  const note = `${without} % before the idle ones were made; controllers wrote meanwhile: ${listed(writes) || 'nothing'}`
  report({ what, value: (100 * cpu) / seconds, unit: '%', limit: { what: 'aim', value: 1 }, note })
}

async function scaled({ client, until }: Bed, report: Report): Promise<void> {
  const count = many(10_000)
  await client.create(Namespace, { metadata: { name: 'large' } })
  await client.create(Deployment, deployment('large', { namespace: 'large', spec: { replicas: 0 } }))
  await until(Deployment, 'large', ([one]) => one?.status.observedGeneration === 1)
  const { seconds, cpu } = await measured(async () => {
    await client.patch(Deployment, { name: 'large', namespace: 'large' }, { type: 'merge', body: { spec: { replicas: count } } })
    await until(Deployment, 'large', (all) => all.every(isAvailable))
  })
  report({ what: `a Deployment scaled from 0 to ${count}, until all are available`, value: seconds, unit: 's', note: note(cpu) })
}

async function largeService({ client, until, writes }: Bed, report: Report): Promise<void> {
  const count = many(5000)
  await client.patch(Deployment, { name: 'large', namespace: 'large' }, { type: 'merge', body: { spec: { replicas: count } } })
  await until(Pod, 'large', (pods) => pods.length === count)
  const spec = { selector: { app: 'large' }, ports: [{ port: 80, targetPort: 8080 }] }
  const ready = (slices: readonly EndpointSlice[]) =>
    slices.reduce((sum, { endpoints }) => sum + (endpoints ?? []).filter(({ conditions }) => conditions?.ready).length, 0)
  const whole = await measured(async () => {
    await client.create(Service, { metadata: { name: 'large', namespace: 'large' }, spec })
    await until(EndpointSlice, 'large', (slices) => ready(slices) === count)
  })
  report({ what: `a Service of ${count} pods, until all are endpoints`, value: whole.seconds, unit: 's', note: note(whole.cpu) })
  await quiet(writes)
  writes.clear()
  const pods = (await client.list(Pod, { namespace: 'large', limit: 20 })).items
  const { cpu } = await measured(async () => {
    for (const pod of pods) {
      const body = { status: { conditions: [{ type: 'Ready', status: 'False' }] } }
      await client.patch(Pod, pod, { type: 'strategic', body }, { subresource: 'status' })
      await sleep(clock, 50)
    }
    await sleep(clock, 1000)
  })
  const slices = writes.get('update endpointslices') ?? 0
  const what = `slices written for each of ${pods.length} pods of it that cease to be ready`
  report({ what, value: slices / pods.length, unit: '', limit: { what: 'one', value: 1 }, note: note(cpu) })
}

async function clearedNamespace({ client, until }: Bed, report: Report): Promise<void> {
  const count = many(10_000)
  await client.create(Namespace, { metadata: { name: 'full' } })
  await together(count, (i) =>
    client.create(ConfigMap, { metadata: { name: `map-${i}`, namespace: 'full' }, data: { at: String(i) } }),
  )
  const { seconds, cpu } = await measured(async () => {
    await client.delete(Namespace, { name: 'full' })
    await until(Namespace, '', (all) => all.every(({ metadata }) => metadata.name !== 'full'))
  })
  report({ what: `a namespace with ${count} ConfigMaps deleted`, value: seconds, unit: 's', note: note(cpu) })
}

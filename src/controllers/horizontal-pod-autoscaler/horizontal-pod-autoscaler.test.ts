import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { HorizontalPodAutoscaler } from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import { Event } from '#api/core/v1/event.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Client } from '#client/client.ts'
import { formatTime } from '#lib/clock.ts'
import { seededRandom } from '#lib/random.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { interrupted, withLeaders } from '#testing/interrupted.ts'
import { deployment } from '#testing/make.ts'
import { runPods } from '#testing/run-pods.ts'
import { eventsOf } from '#testing/transcript.ts'
import { deploymentController } from '../deployment/deployment.ts'
import { replicaSetController } from '../replicaset/replicaset.ts'
import { horizontalPodAutoscalerController } from './horizontal-pod-autoscaler.ts'
import { type History, limitReplicas, remember } from './limits.ts'
import { durationOf } from './metrics.ts'
import {
  type Measured,
  replicasForAverage,
  replicasForShare,
  replicasForUtilization,
  replicasForValue,
} from './replica-calculator.ts'

const at = { name: 'web', namespace: 'default' }
const hour = 3_600_000

interface Sample {
  readonly use?: number
  readonly request?: number
  readonly ready?: boolean
  readonly phase?: string
  /** Started that many milliseconds ago. */
  readonly age?: number
}

function measure(current: number, samples: readonly Sample[]): Measured {
  const pods = samples.map(({ request = 1000, ready = true, phase = 'Running', age = hour }, i) => ({
    metadata: { name: `p${i}` },
    spec: { containers: [{ name: 'main', resources: { requests: { cpu: `${request}m` } } }] },
    status: {
      phase,
      startTime: formatTime(2 * hour - age),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: formatTime(2 * hour - age) }],
    },
  })) as never as Pod[]
  const known = samples.flatMap(({ use }, i) =>
    use === undefined ? [] : [[`p${i}`, { value: use, at: 2 * hour, window: 60_000 }] as const],
  )
  return { pods, metrics: new Map(known), current, tolerance: { up: 0.1, down: 0.1 }, now: 2 * hour }
}

const times = (count: number, sample: Sample) => Array.from({ length: count }, () => sample)

const utilizations: readonly [string, number, number, readonly Sample[], number][] = [
  ['up', 3, 30, [{ use: 300 }, { use: 500 }, { use: 700 }], 5],
  ['down', 5, 50, times(5, { use: 280 }), 3],
  ['within the tolerance', 3, 100, [{ use: 1010 }, { use: 1030 }, { use: 1020 }], 3],
  [
    'unready pods count as idle when it would go up',
    3,
    30,
    [{ use: 300, ready: false, age: 60_000 }, { use: 500 }, { use: 700 }],
    4,
  ],
  ['pending pods count as idle too', 3, 30, [{ phase: 'Pending' }, { use: 500 }, { use: 700 }], 4],
  ['failed pods count not at all', 3, 50, [{ phase: 'Failed', use: 9000 }, { use: 1000 }, { use: 1000 }], 4],
  ['missing pods count as full when it would go down', 3, 50, [{}, { use: 100 }, { use: 100 }], 3],
  ['missing pods count as idle when it would go up', 3, 50, [{}, { use: 600 }, { use: 900 }], 3],
  ['a target of all missing but one goes down slowly', 4, 100, [{ use: 100 }, { use: 100 }, { use: 100 }, {}], 2],
]

for (const [name, current, target, samples, wanted] of utilizations) {
  test(`replicasForUtilization(): ${name}`, () => {
    assert.equal(replicasForUtilization(measure(current, samples), { target, resource: 'cpu' }).replicas, wanted)
  })
}

test('replicasForUtilization() throws what the condition says', () => {
  const wanted = { target: 50, resource: 'cpu' }
  const of = (samples: readonly Sample[]) => () => replicasForUtilization(measure(1, samples), wanted)
  assert.throws(of([]), { message: 'no pods returned by selector while calculating replica count' })
  assert.throws(of([{}]), { message: 'did not receive metrics for any ready pods' })
  assert.throws(() => replicasForUtilization(measure(1, [{ use: 1 }]), { target: 50, resource: 'memory' }), {
    message: 'missing request for memory in container main of Pod p0',
  })
})

test('the other targets: amounts per pod, values of objects, shares', () => {
  assert.equal(replicasForAverage(measure(3, times(3, { use: 20_000 })), 10_000).replicas, 6)
  assert.equal(replicasForAverage(measure(3, [{}, { use: 5000 }, { use: 5000 }]), 10_000).replicas, 2)
  const three = measure(3, times(3, { use: 1 }))
  assert.equal(replicasForValue(three, 20_000, 10_000).replicas, 6)
  assert.equal(replicasForValue({ ...three, current: 0 }, 15_000, 10_000).replicas, 2)
  assert.equal(replicasForShare(three, 40_000, 10_000).replicas, 4)
  assert.equal(replicasForShare(three, 31_000, 10_000).replicas, 3)
  assert.equal(replicasForShare({ ...three, current: 0 }, 40_000, 10_000).replicas, 4)
})

const none: History = { recommendations: [], up: [], down: [] }
const rules = (over: object = {}) => ({ stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [], ...over })
const bounds = { minReplicas: 1, maxReplicas: 100 } as never as HorizontalPodAutoscaler['spec']

test('limitReplicas() without behaviour doubles at most, and goes down by the highest wish of five minutes', () => {
  const of = (current: number, desired: number, history = none) =>
    limitReplicas(bounds, { current, desired, history, now: 400_000 })
  assert.deepEqual([of(1, 50).replicas, of(10, 50).replicas, of(10, 50).limited.reason], [4, 20, 'ScaleUpLimit'])
  assert.deepEqual([of(90, 150).replicas, of(90, 150).limited.reason], [100, 'TooManyReplicas'])
  assert.deepEqual([of(5, 0).replicas, of(5, 0).limited.reason], [1, 'TooFewReplicas'])
  const high = {
    ...none,
    recommendations: [
      { replicas: 8, at: 150_000 },
      { replicas: 9, at: 50_000 },
    ],
  }
  assert.deepEqual([of(10, 2, high).replicas, of(10, 2, high).ableToScale.reason], [8, 'ScaleDownStabilized'])
})

test('limitReplicas() with behaviour keeps to policies, counted over their periods', () => {
  const up = rules({
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 60 },
      { type: 'Percent', value: 100, periodSeconds: 60 },
    ],
  })
  const down = rules({
    selectPolicy: 'Min',
    policies: [
      { type: 'Pods', value: 2, periodSeconds: 60 },
      { type: 'Percent', value: 50, periodSeconds: 60 },
    ],
  })
  const spec = { ...bounds, behavior: { scaleUp: up, scaleDown: down } } as never as HorizontalPodAutoscaler['spec']
  const of = (current: number, desired: number, history = none) =>
    limitReplicas(spec, { current, desired, history, now: 100_000 }).replicas
  assert.equal(of(3, 50), 7)
  assert.equal(of(10, 50), 20)
  assert.equal(of(7, 50, { ...none, up: [{ replicas: 4, at: 90_000 }] }), 7)
  assert.equal(of(7, 50, { ...none, up: [{ replicas: 4, at: 10_000 }] }), 14)
  assert.equal(of(10, 1), 8)
  assert.equal(of(8, 1, { ...none, down: [{ replicas: 2, at: 90_000 }] }), 8)
  const off = { ...bounds, behavior: { scaleUp: up, scaleDown: rules({ selectPolicy: 'Disabled' }) } } as never
  assert.equal(limitReplicas(off, { current: 9, desired: 1, history: none, now: 0 }).replicas, 9)
})

test('limitReplicas() stays within its bounds and never turns the direction, whatever was before', () => {
  for (let seed = 1; seed <= 3000; seed++) {
    const random = seededRandom(seed)
    const draw = (most: number) => Math.floor(random.next() * (most + 1))
    const policies = () => [
      { type: random.next() < 0.5 ? 'Pods' : 'Percent', value: 1 + draw(100), periodSeconds: 1 + draw(120) },
    ]
    const pick = () =>
      rules({ policies: policies(), selectPolicy: ['Max', 'Min', 'Disabled'][draw(2)], stabilizationWindowSeconds: draw(300) })
    const minReplicas = 1 + draw(5)
    const spec = {
      minReplicas,
      maxReplicas: minReplicas + draw(40),
      ...(random.next() < 0.7 && { behavior: { scaleUp: pick(), scaleDown: pick() } }),
    } as never as HorizontalPodAutoscaler['spec']
    let history = none
    let current = minReplicas + draw(spec.maxReplicas - minReplicas)
    for (let step = 0; step < 20; step++) {
      const wish = { current, desired: draw(60), history, now: step * 15_000 }
      const { replicas } = limitReplicas(spec, wish)
      const about = `seed ${seed} step ${step}`
      assert(replicas >= minReplicas && replicas <= spec.maxReplicas, about)
      if (spec.behavior && wish.desired >= current) assert(replicas >= current, about)
      if (spec.behavior && wish.desired <= current) assert(replicas <= current, about)
      history = remember(spec, wish, replicas)
      current = replicas
    }
  }
})

test('durationOf() reads what Go writes', () => {
  assert.deepEqual(['30s', '1m30s', '1h', '500ms', '17.5s', ''].map(durationOf), [30_000, 90_000, hour, 500, 17_500, 0])
})

/** Answers for the metrics API: every pod of `podNames` uses what `load` says. */
function metricsFrom(load: () => number | undefined): Client {
  const request = async () => {
    const value = load()
    return { items: value === undefined ? [] : podNames.map((name) => sample(name, value)) }
  }
  return { transport: { request } } as never
}

let podNames: readonly string[] = []

function sample(name: string, cpu: number) {
  return {
    metadata: { name },
    timestamp: '2100-01-01T00:00:00Z',
    window: '30s',
    containers: [{ name: 'main', usage: { cpu: `${cpu}m` } }],
  }
}

async function messages(cluster: TestCluster): Promise<string[]> {
  const all = await cluster.list(Event)
  return all
    .filter(({ involvedObject }) => involvedObject.kind === 'HorizontalPodAutoscaler')
    .map(({ reason, message }) => `${reason} ${message}`)
}

async function start(load: () => number | undefined): Promise<TestCluster> {
  const controllers = [
    deploymentController,
    replicaSetController,
    horizontalPodAutoscalerController({ metricsClient: metricsFrom(load) }),
  ]
  const cluster = await testCluster({ controllers, policy: true })
  const containers = [{ name: 'main', image: 'a', resources: { requests: { cpu: '100m' } } }]
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers } }
  await cluster.client.create(Deployment, deployment('web', { spec: { replicas: 2, template } }))
  await runPods(cluster)
  return cluster
}

/** What young pods burn does not count. */
async function grow(cluster: TestCluster): Promise<void> {
  for (const pod of await cluster.list(Pod)) {
    if (pod.status.startTime) continue
    const status = { ...pod.status, startTime: formatTime(cluster.clock.now() - hour) }
    await cluster.client.update(Pod, { ...pod, status }, { subresource: 'status' })
  }
}

async function pass(cluster: TestCluster, milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 15_000) {
    podNames = (await cluster.list(Pod)).map(({ metadata }) => metadata.name)
    await cluster.advance(15_000)
    await runPods(cluster)
    await grow(cluster)
  }
}

test('horizontal-pod-autoscaler follows the load up at once and down after five minutes', async () => {
  let load: number | undefined = 160
  await using cluster = await start(() => load)
  const { client } = cluster
  await grow(cluster)
  podNames = (await cluster.list(Pod)).map(({ metadata }) => metadata.name)
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }
  await client.create(HorizontalPodAutoscaler, { metadata: at, spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 5 } })
  await cluster.settle()
  await runPods(cluster)
  assert.equal((await client.get(Deployment, at)).spec.replicas, 4)
  const conditions = async () =>
    (await client.get(HorizontalPodAutoscaler, at)).status.conditions?.map(
      ({ type, status, reason }) => `${type} ${status} ${reason}`,
    )
  assert.deepEqual(await conditions(), [
    'AbleToScale True SucceededRescale',
    'ScalingActive True ValidMetricFound',
    'ScalingLimited False DesiredWithinRange',
  ])
  load = 10
  await pass(cluster, 240_000)
  assert.equal((await client.get(Deployment, at)).spec.replicas, 4)
  assert.match(String(await conditions()), /AbleToScale True ScaleDownStabilized/)
  await pass(cluster, 180_000)
  assert.equal((await client.get(Deployment, at)).spec.replicas, 1)
  load = undefined
  await pass(cluster, 30_000)
  assert.match(String(await conditions()), /ScalingActive False FailedGetResourceMetric/)
  const why =
    'failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API'
  const life = (await eventsOf(cluster, 'web', 'HorizontalPodAutoscaler')).map((line) => line.replace(/ \(x\d+\)$/, ''))
  assert.deepEqual(life, [
    'SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target',
    'SuccessfulRescale: New size: 1; reason: All metrics below target',
    `FailedGetResourceMetric: ${why}`,
    `FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: ${why}`,
  ])
  assert.deepEqual(cluster.errors, [])
})

test('horizontal-pod-autoscaler says what is wrong with a target, and asks no more than every 15 seconds', async () => {
  await using cluster = await start(() => 100)
  const { client } = cluster
  const spec = (name: string, kind = 'Deployment') => ({ scaleTargetRef: { apiVersion: 'apps/v1', kind, name }, maxReplicas: 5 })
  await client.create(HorizontalPodAutoscaler, { metadata: { ...at, name: 'none' }, spec: spec('none') })
  await client.create(HorizontalPodAutoscaler, { metadata: { ...at, name: 'odd' }, spec: spec('web', 'Teapot') })
  await cluster.settle()
  const condition = async (name: string) => {
    const { status } = await client.get(HorizontalPodAutoscaler, { ...at, name })
    return status.conditions?.map(({ type, status, reason, message }) => `${type} ${status} ${reason} ${message}`).join()
  }
  const unable = "AbleToScale False FailedGetScale the HPA controller was unable to get the target's current scale"
  assert.equal(await condition('none'), `${unable}: deployments.apps "none" not found`)
  assert.equal(await condition('odd'), `${unable}: no matches for kind "Teapot" in group "apps"`)
  await client.create(HorizontalPodAutoscaler, { metadata: at, spec: spec('web') })
  await client.patch(Deployment, at, { type: 'merge', body: { spec: { replicas: 0 } } })
  await cluster.advance(16_000)
  assert.match(
    String(await condition('web')),
    /ScalingActive False ScalingDisabled scaling is disabled since the replica count of the target is zero/,
  )
  await client.patch(Deployment, at, { type: 'merge', body: { spec: { replicas: 9 } } })
  await cluster.advance(16_000)
  assert.equal((await client.get(Deployment, at)).spec.replicas, 5)
  assert(
    (await messages(cluster)).includes(
      'SuccessfulRescale New size: 5; reason: Current number of replicas above Spec.MaxReplicas',
    ),
  )
})

test('horizontal-pod-autoscaler leaves pods alone that two of them claim', async () => {
  await using cluster = await start(() => 100)
  const spec = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, maxReplicas: 5 }
  await cluster.client.create(HorizontalPodAutoscaler, { metadata: at, spec })
  await cluster.client.create(HorizontalPodAutoscaler, { metadata: { ...at, name: 'too' }, spec })
  await cluster.advance(31_000)
  const said = await messages(cluster)
  assert(
    said.includes('AmbiguousSelector pods by selector app=web are controlled by multiple HPAs: [default/too default/web]'),
    said.join('\n'),
  )
})

test('horizontal-pod-autoscaler reaches the same end when it dies after any of its writes, or leads twice', async () => {
  let load = 160
  const scenario = {
    controllers: () => [
      deploymentController,
      replicaSetController,
      horizontalPodAutoscalerController({ metricsClient: metricsFrom(() => load) }),
    ],
    scenario: async (cluster: TestCluster) => {
      load = 160
      podNames = []
      const containers = [{ name: 'main', image: 'a', resources: { requests: { cpu: '100m' } } }]
      const template = { metadata: { labels: { app: 'web' } }, spec: { containers } }
      await cluster.client.create(Deployment, deployment('web', { spec: { replicas: 1, template } }))
      const behavior = { scaleDown: { stabilizationWindowSeconds: 30 } }
      const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }
      await cluster.client.create(HorizontalPodAutoscaler, {
        metadata: at,
        spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 3, behavior },
      })
      await runPods(cluster)
      await grow(cluster)
      await pass(cluster, 30_000)
      load = 5
      await pass(cluster, 75_000)
    },
    outcome: async (cluster: TestCluster) => {
      const { status } = await cluster.client.get(HorizontalPodAutoscaler, at)
      const { currentReplicas, desiredReplicas, conditions } = status
      const said = await messages(cluster)
      return [
        (await cluster.client.get(Deployment, at)).spec.replicas,
        [currentReplicas, desiredReplicas],
        conditions?.map(({ type, status }) => `${type} ${status}`),
        said.some((line) => line.startsWith('SuccessfulRescale New size: 2')),
      ]
    },
  }
  assert.ok((await interrupted(scenario)) > 8)
  const one = await withLeaders(scenario, 1)
  assert.deepEqual(one, [1, [1, 1], ['AbleToScale True', 'ScalingActive True', 'ScalingLimited False'], true])
  assert.deepEqual(await withLeaders(scenario, 2), one)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { Event } from '#api/core/v1/event.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import { formatTime } from '#lib/clock.ts'
import { seededRandom } from '#lib/random.ts'
import { hasReason } from '#schema/status-error.ts'
import { testCluster } from '#testing/cluster.ts'
import { pod, replicaSet } from '#testing/make.ts'
import { type Dice, holdsForAll } from '#testing/property.ts'
import { runPods } from '#testing/run-pods.ts'
import { replicaSetController } from '../replicaset/replicaset.ts'
import { BudgetPods } from './budget-pods.ts'
import { disruptionController, staleDisruptionController } from './disruption.ts'
import { planBudget } from './plan.ts'

const at = { name: 'b', namespace: 'default' }
const controllers = [replicaSetController, disruptionController, staleDisruptionController]

const budgetOf = (spec: object, status: object = {}): PodDisruptionBudget =>
  ({ metadata: { name: 'b', generation: 1 }, spec, status }) as never
const podOf = (name: string, ready: boolean, deletionTimestamp?: string): Pod =>
  ({
    metadata: { name, ...(deletionTimestamp && { deletionTimestamp }) },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  }) as never
const covering = (pods: readonly Pod[]): BudgetPods => {
  const covered = new BudgetPods()
  const objects = new Map(pods.map((one) => [`default/${one.metadata.name}`, one]))
  covered.look(budgetOf({ selector: {} }), { changes: () => ({ whole: true, objects }) } as never)
  return covered
}
const some = (ready: number, unready = 0) => [
  ...Array.from({ length: ready }, (_, i) => podOf(`r${i}`, true)),
  ...Array.from({ length: unready }, (_, i) => podOf(`u${i}`, false)),
]

const table: readonly [string, object, number, number, number, { expected: number; desired: number; allowed: number }][] = [
  ['minAvailable as a number counts pods', { minAvailable: 2 }, 3, 0, 0, { expected: 3, desired: 2, allowed: 1 }],
  ['minAvailable as a share rounds up', { minAvailable: '50%' }, 3, 0, 3, { expected: 3, desired: 2, allowed: 1 }],
  ['maxUnavailable as a share rounds up', { maxUnavailable: '30%' }, 4, 0, 4, { expected: 4, desired: 2, allowed: 2 }],
  ['maxUnavailable beyond the scale wants none', { maxUnavailable: 9 }, 4, 0, 4, { expected: 4, desired: 0, allowed: 4 }],
  ['unready pods do not count', { minAvailable: 2 }, 2, 3, 0, { expected: 5, desired: 2, allowed: 0 }],
  ['no pods allow nothing', { minAvailable: 0 }, 0, 0, 0, { expected: 0, desired: 0, allowed: 0 }],
  ['neither bound allows nothing', {}, 3, 0, 0, { expected: 0, desired: 0, allowed: 0 }],
]

for (const [name, spec, ready, unready, scale, wanted] of table) {
  test(`planBudget(): ${name}`, () => {
    const { status } = planBudget(budgetOf(spec), { pods: covering(some(ready, unready)), scale, now: 0 })
    const { expectedPods, desiredHealthy, disruptionsAllowed, conditions = [] } = status
    assert.deepEqual({ expected: expectedPods, desired: desiredHealthy, allowed: disruptionsAllowed }, wanted)
    assert.equal(conditions[0]?.reason, wanted.allowed > 0 ? 'SufficientPods' : 'InsufficientPods')
  })
}

test('BudgetPods looks at what has changed and comes to what a look at everything comes to', () => {
  const budget = budgetOf({ selector: { matchLabels: { app: 'web' } } })
  const told = (pods: ReadonlyMap<string, Pod | undefined>) =>
    ({ changes: () => ({ whole: false, objects: new Map([...pods].map(([name, one]) => [`default/${name}`, one])) }) }) as never
  const step = (dice: Dice) => ({
    at: dice.upTo(20),
    owner: dice.upTo(3),
    app: dice.pick(['web', 'web', 'other']),
    ready: dice.chance(0.5),
  })
  holdsForAll({ runs: 300, make: (dice) => dice.some(60, () => step(dice)) }, (steps) => {
    const covered = new BudgetPods()
    const pods = new Map<string, Pod>()
    for (const { at, owner, app, ready } of steps) {
      const { metadata, status } = podOf(`p${at}`, ready)
      const ownerReferences = owner ? [{ uid: `u${owner}`, controller: true }] : []
      const one = { metadata: { ...metadata, labels: { app }, ownerReferences }, status } as never as Pod
      if (owner === 3) pods.delete(`p${at}`)
      else pods.set(`p${at}`, one)
      covered.look(budget, told(new Map([[`p${at}`, pods.get(`p${at}`)]])))
    }
    const whole = new BudgetPods()
    whole.look(budget, told(pods))
    const facts = ({ size, healthy, unmanaged, controlled }: BudgetPods) => [
      size,
      [...healthy].sort(),
      [...unmanaged].sort(),
      controlled.map(({ owner, pods }) => [owner.uid, [...pods].sort()].join()).sort(),
    ]
    assert.deepEqual(facts(covered), facts(whole))
  })
})

test('planBudget() holds evicted pods for dead until two minutes have passed', () => {
  const status = { disruptedPods: { r0: formatTime(0), r1: formatTime(60_000), gone: formatTime(0) } }
  const {
    status: now,
    notDeleted,
    recheck,
  } = planBudget(budgetOf({ minAvailable: 1 }, status), { pods: covering(some(3)), scale: 0, now: 121_000 })
  assert.deepEqual(now.disruptedPods, { r1: formatTime(60_000) })
  assert.deepEqual(
    notDeleted.map(({ metadata }) => metadata.name),
    ['r0'],
  )
  assert.equal(recheck, 59_000)
  assert.equal(now.currentHealthy, 2)
})

test('planBudget() never allows what would leave fewer healthy pods than are wanted', () => {
  for (let seed = 1; seed <= 3000; seed++) {
    const random = seededRandom(seed)
    const draw = (most: number) => Math.floor(random.next() * (most + 1))
    const amount = random.next() < 0.5 ? draw(12) : `${draw(100)}%`
    const spec = random.next() < 0.5 ? { minAvailable: amount } : { maxUnavailable: amount }
    const pods = [...some(draw(10), draw(5)), podOf('ending', true, formatTime(0))]
    const disruptedPods = Object.fromEntries(
      pods.filter(() => random.next() < 0.2).map(({ metadata }) => [metadata.name, formatTime(draw(200) * 1000)]),
    )
    const { status } = planBudget(budgetOf(spec, { disruptedPods }), { pods: covering(pods), scale: draw(15), now: 200_000 })
    assert(status.disruptionsAllowed >= 0, `seed ${seed}`)
    if (status.disruptionsAllowed > 0)
      assert(status.currentHealthy - status.disruptionsAllowed >= status.desiredHealthy, `seed ${seed}`)
  }
})

async function evict(cluster: Awaited<ReturnType<typeof testCluster>>, name: string): Promise<unknown> {
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'default' } }
  return cluster.client.post(Pod, { name, namespace: 'default' }, { subresource: 'eviction', body })
}

test('the eviction API spends what a budget allows and not one more, also when all ask at once', async () => {
  await using cluster = await testCluster({ controllers, policy: true })
  const { client } = cluster
  await client.create(ReplicaSet, replicaSet('web', { replicas: 5, spec: { replicas: 5 } } as never))
  await runPods(cluster)
  await client.create(PodDisruptionBudget, {
    metadata: at,
    spec: { maxUnavailable: '40%', selector: { matchLabels: { app: 'web' } } },
  })
  await cluster.settle()
  const { status } = await client.get(PodDisruptionBudget, at)
  assert.deepEqual([status.expectedPods, status.desiredHealthy, status.disruptionsAllowed], [5, 3, 2])
  const pods = await cluster.list(Pod)
  const answers = Promise.allSettled(pods.map(({ metadata }) => evict(cluster, metadata.name)))
  await cluster.settle()
  const refused = (await answers).flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  assert.equal(refused.length, 3)
  for (const error of refused) {
    assert(hasReason(error, 'TooManyRequests'))
    assert.equal(error.message, "Cannot evict pod as it would violate the pod's disruption budget.")
  }
  await runPods(cluster)
  const after = await client.get(PodDisruptionBudget, at)
  assert.equal(after.status.disruptionsAllowed, 2)
  assert.equal(after.status.disruptedPods, undefined)
  assert.deepEqual(cluster.errors, [])
})

test('a budget over pods without controller says so, and a pod of nobody known closes it', async () => {
  await using cluster = await testCluster({ controllers })
  const { client } = cluster
  await client.create(Pod, pod('lone', { labels: { app: 'lone' } }))
  await client.create(PodDisruptionBudget, {
    metadata: at,
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'lone' } } },
  })
  await cluster.settle()
  const messages = (await cluster.list(Event)).map(({ reason, message }) => `${reason} ${message}`)
  const selector = '&LabelSelector{MatchLabels:map[string]string{app: lone,},MatchExpressions:[]LabelSelectorRequirement{},}'
  assert(
    messages.some((text) => text.startsWith(`UnmanagedPods Pods selected by this PodDisruptionBudget (selector: ${selector})`)),
    String(messages),
  )
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'j', controller: true }
  await client.create(Pod, {
    ...pod('owned', { labels: { app: 'lone' } }),
    metadata: { name: 'owned', namespace: 'default', labels: { app: 'lone' }, ownerReferences: [owner] },
  })
  await cluster.advance(60_000)
  const { status } = await client.get(PodDisruptionBudget, at)
  assert.deepEqual(
    status.conditions?.map(({ reason, message }) => [reason, message]),
    [['SyncFailed', 'jobs.batch does not implement the scale subresource']],
  )
  assert.deepEqual(cluster.errors, [])
})

test('an announced disruption that does not come is taken back after two minutes', async () => {
  await using cluster = await testCluster({ controllers })
  const made = await cluster.client.create(Pod, pod('p'))
  const condition = {
    type: 'DisruptionTarget',
    status: 'True' as const,
    reason: 'EvictionByEvictionAPI',
    lastTransitionTime: formatTime(cluster.clock.now()),
  }
  await cluster.client.update(Pod, { ...made, status: { ...made.status, phase: 'Running', conditions: [condition] } } as never, {
    subresource: 'status',
  })
  const state = async () => (await cluster.client.get(Pod, made)).status.conditions?.[0]?.status
  await cluster.advance(119_000)
  assert.equal(await state(), 'True')
  await cluster.advance(2_000)
  assert.equal(await state(), 'False')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import { hasReason } from '#schema/status-error.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { replicaSet } from '#testing/make.ts'
import { type Dice, diceOf } from '#testing/property.ts'
import { runPods, setReady } from '#testing/run-pods.ts'
import { replicaSetController } from '../replicaset/replicaset.ts'
import { disruptionController } from './disruption.ts'

const isHealthy = ({ metadata, status }: Pod) =>
  !metadata.deletionTimestamp && (status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false)
const healthy = async (cluster: TestCluster) => (await cluster.list(Pod)).filter(isHealthy).length

async function evict(cluster: TestCluster, { metadata: { name, namespace } }: Pod): Promise<'gone' | 'refused'> {
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } }
  try {
    await cluster.client.post(Pod, { name, namespace }, { subresource: 'eviction', body })
    return 'gone'
  } catch (error) {
    if (hasReason(error, 'TooManyRequests', 'NotFound', 'Conflict', 'Timeout')) return 'refused'
    throw error
  }
}

const evictSome = (cluster: TestCluster, pods: readonly Pod[], dice: Dice) =>
  Promise.all(pods.filter(() => dice.chance(0.6)).map((pod) => evict(cluster, pod)))

/** What the nodes do in between: pods end, begin, and lose their readiness. */
async function live(cluster: TestCluster, dice: Dice): Promise<void> {
  if (dice.chance(0.6)) await runPods(cluster, { ready: () => dice.chance(0.9) })
  const pods = await cluster.list(Pod)
  if (dice.chance(0.3) && pods.length > 0) await setReady(cluster, dice.pick(pods), false)
  if (dice.chance(0.3)) await cluster.advance(dice.upTo(130) * 1000)
  await cluster.settle()
}

for (let seed = 1; seed <= 12; seed++) {
  test(`the eviction API violates no budget, whatever happens in between, seed ${seed}`, async () => {
    const dice = diceOf(seed)
    await using cluster = await testCluster({ controllers: [replicaSetController, disruptionController], seed })
    const replicas = 2 + dice.upTo(6)
    await cluster.client.create(ReplicaSet, replicaSet('web', { spec: { replicas } }))
    await runPods(cluster)
    const amount = dice.chance(0.5) ? 1 + dice.upTo(replicas - 1) : `${10 + dice.upTo(80)}%`
    const bound = dice.chance(0.5) ? { minAvailable: amount } : { maxUnavailable: amount }
    const unhealthyPodEvictionPolicy = dice.pick(['IfHealthyBudget', 'AlwaysAllow'] as const)
    const spec = { ...bound, unhealthyPodEvictionPolicy, selector: { matchLabels: { app: 'web' } } }
    const at = { name: 'b', namespace: 'default' }
    await cluster.client.create(PodDisruptionBudget, { metadata: at, spec })
    await cluster.settle()
    for (let round = 0; round < 12; round++) {
      const { desiredHealthy } = (await cluster.client.get(PodDisruptionBudget, at)).status
      const before = await healthy(cluster)
      await evictSome(cluster, await cluster.list(Pod), dice)
      const after = await healthy(cluster)
      const least = Math.min(before, desiredHealthy)
      assert.ok(
        after >= least,
        `round ${round}: ${after} healthy of ${before}, ${desiredHealthy} wanted, ${JSON.stringify(bound)}`,
      )
      await live(cluster, dice)
    }
  })
}

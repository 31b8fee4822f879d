/** The life of a PodDisruptionBudget: events, counts and conditions at each station, as upstream tells them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import { formatTime } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { replicaSet } from '#testing/make.ts'
import { runPods } from '#testing/run-pods.ts'
import { eventsOf } from '#testing/transcript.ts'
import { replicaSetController } from '../replicaset/replicaset.ts'
import { disruptionController, staleDisruptionController } from './disruption.ts'

const at = { name: 'web', namespace: 'default' }

async function look(cluster: TestCluster) {
  const { status } = await cluster.client.get(PodDisruptionBudget, at)
  const { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed, observedGeneration, disruptedPods, conditions } =
    status
  return {
    counts: [expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed].join(' '),
    observedGeneration,
    disrupted: Object.keys(disruptedPods ?? {}).length,
    conditions: conditions?.map((one) => `${one.type}=${one.status} ${one.reason} ${one.observedGeneration}: ${one.message}`),
  }
}

test('the life of a budget: without pods, full, spent, refused, healed, widened, unheard', async () => {
  const controllers = [replicaSetController, disruptionController, staleDisruptionController]
  await using cluster = await testCluster({ controllers })
  const { client } = cluster
  const spec = { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } }
  await client.create(PodDisruptionBudget, { metadata: at, spec })
  await cluster.settle()
  assert.deepEqual(await look(cluster), {
    counts: '0 0 0 0',
    observedGeneration: 1,
    disrupted: 0,
    conditions: ['DisruptionAllowed=False InsufficientPods 1: '],
  })
  // Its own status is a change of the budget, which is then looked at once more.
  assert.deepEqual(await eventsOf(cluster, 'web', 'PodDisruptionBudget'), ['NoPods: No matching pods found (x2)'])

  const template = {
    metadata: { labels: { app: 'web' } },
    spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'example/app:1' }] },
  }
  await client.create(ReplicaSet, replicaSet('web', { spec: { replicas: 3, template } }))
  await runPods(cluster)
  const whole = {
    counts: '3 2 3 1',
    observedGeneration: 1,
    disrupted: 0,
    conditions: ['DisruptionAllowed=True SufficientPods 1: '],
  }
  assert.deepEqual(await look(cluster), whole)

  const [first, second] = await cluster.list(Pod)
  const evict = (pod: Pod | undefined) => {
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod?.metadata.name, namespace: 'default' } }
    return client.post(Pod, pod as Pod, { subresource: 'eviction', body })
  }
  await evict(first)
  await cluster.settle()
  const { status, metadata } = await client.get(Pod, first as Pod)
  assert.ok(metadata.deletionTimestamp)
  const target = status.conditions?.find(({ type }) => type === 'DisruptionTarget')
  assert.deepEqual([target?.status, target?.reason, target?.message], ['True', 'EvictionByEvictionAPI', 'Eviction API: evicting'])
  const spent = { ...whole, counts: '3 2 2 0', conditions: ['DisruptionAllowed=False InsufficientPods 1: '] }
  assert.deepEqual(await look(cluster), spent)
  await assert.rejects(evict(second), (error) => {
    assert.ok(hasReason(error, 'TooManyRequests'))
    assert.equal(error.message, "Cannot evict pod as it would violate the pod's disruption budget.")
    assert.deepEqual(error.details?.causes, [
      { reason: 'DisruptionBudget', message: 'The disruption budget web needs 2 healthy pods and has 2 currently' },
    ])
    return true
  })
  await runPods(cluster)
  assert.deepEqual(await look(cluster), whole)

  await client.patch(PodDisruptionBudget, at, { type: 'merge', body: { spec: { maxUnavailable: '100%' } } })
  await cluster.settle()
  assert.deepEqual(await look(cluster), {
    ...whole,
    counts: '3 0 3 3',
    observedGeneration: 2,
    conditions: ['DisruptionAllowed=True SufficientPods 2: '],
  })

  // Somebody announces an eviction and does not carry it out.
  const { status: known, metadata: own } = await client.get(PodDisruptionBudget, at)
  const [named] = await cluster.list(Pod)
  const disruptedPods = { [named?.metadata.name ?? '']: formatTime(cluster.clock.now()) }
  await client.update(PodDisruptionBudget, { metadata: own, spec, status: { ...known, disruptedPods } } as never, {
    subresource: 'status',
  })
  await cluster.settle()
  assert.deepEqual((await look(cluster)).disrupted, 1)
  await cluster.advance(121_000)
  assert.deepEqual((await look(cluster)).disrupted, 0)
  assert.deepEqual(await eventsOf(cluster, named?.metadata.name ?? '', 'Pod'), [
    "NotDeleted: Pod was expected by PDB default/default to be deleted but it wasn't",
  ])
  assert.deepEqual(cluster.errors, [])
})

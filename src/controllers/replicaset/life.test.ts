/** The life of ReplicaSets and ReplicationControllers: events, counts and conditions at each station, as upstream tells them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ReplicationController } from '#api/core/v1/replication-controller.ts'
import { ResourceQuota } from '#api/core/v1/resource-quota.ts'
import { kinds } from '#api/kinds.ts'
import type { Kind } from '#schema/kind.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { replicaSet } from '#testing/make.ts'
import { runPods } from '#testing/run-pods.ts'
import { eventsOf } from '#testing/transcript.ts'
import { garbageCollector } from '../garbage-collector/garbage-collector.ts'
import { resourceQuotaController } from '../resource-quota/resource-quota.ts'
import { replicaSetController } from './replicaset.ts'
import { replicationControllerController } from './replicationcontroller.ts'

const at = { name: 'web', namespace: 'default' }
const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'example/app:1' }] } }
const older = { metadata: at, spec: { replicas: 2, selector: { app: 'web' }, template } }

function stations(cluster: TestCluster, kind: Kind<any, any>) {
  let told: readonly string[] = []
  return async () => {
    const events = (await eventsOf(cluster, 'web', kind.kind)).map((line) =>
      line.replace(/web-[a-z0-9]{5}\b/g, 'web-?').replace(/ \(x\d+\)$/, ''),
    )
    const fresh = [...events].slice(told.length)
    told = events
    const { status } = await cluster.client.get<any>(kind, at)
    const { replicas, readyReplicas = 0, availableReplicas = 0, observedGeneration, conditions = [] } = status
    return {
      events: fresh,
      counts: [replicas, readyReplicas, availableReplicas, observedGeneration].join(' '),
      conditions: conditions.map(
        ({ type, status, reason, message }: Record<string, string>) =>
          `${type}=${status} ${reason}: ${message?.replace(/web-[a-z0-9]{5}\b/g, 'web-?')}`,
      ),
    }
  }
}

for (const [kind, draft] of [
  [ReplicaSet, replicaSet('web', { spec: { replicas: 2 } })],
  [ReplicationController, older],
] as readonly (readonly [Kind<any, any>, object])[]) {
  test(`the life of a ${kind.kind}: made, scaled, refused, relieved, deleted`, async () => {
    const controllers = [replicaSetController, replicationControllerController, garbageCollector(kinds), resourceQuotaController]
    await using cluster = await testCluster({ controllers })
    const { client } = cluster
    const look = stations(cluster, kind)
    const scale = (replicas: number) => client.patch(kind, at, { type: 'merge', body: { spec: { replicas } } })
    await client.create(ResourceQuota, { metadata: { name: 'q', namespace: 'default' }, spec: { hard: { pods: '3' } } })
    await cluster.settle()
    await client.create(kind, draft)
    await runPods(cluster)
    assert.deepEqual(await look(), {
      events: ['SuccessfulCreate: Created pod: web-?', 'SuccessfulCreate: Created pod: web-?'],
      counts: '2 2 2 1',
      conditions: [],
    })
    await scale(4)
    await runPods(cluster)
    const why = 'pods "web-?" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3'
    const refused = await look()
    assert.equal(refused.events[0], 'SuccessfulCreate: Created pod: web-?')
    assert.equal(refused.events[1], `FailedCreate: Error creating: ${why}`)
    assert.deepEqual([refused.counts, refused.conditions], ['3 3 3 2', [`ReplicaFailure=True FailedCreate: ${why}`]])
    await scale(1)
    await runPods(cluster)
    const relieved = await look()
    assert.deepEqual(relieved.events.slice(-2), ['SuccessfulDelete: Deleted pod: web-?', 'SuccessfulDelete: Deleted pod: web-?'])
    assert.deepEqual([relieved.counts, relieved.conditions], ['1 1 1 3', []])
    await client.delete(kind, at, { propagationPolicy: 'Background' })
    await runPods(cluster)
    assert.deepEqual([await cluster.list(kind), await cluster.list(Pod)], [[], []])
  })
}

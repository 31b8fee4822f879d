import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { Instruments } from '#apiserver/publish/instruments.ts'
import { replicaSetController } from '#controllers/replicaset/replicaset.ts'
import { runControllers } from '#controllers/runtime/run.ts'
import { seededRandom } from '#lib/random.ts'
import { testCluster } from '#testing/cluster.ts'
import { replicaSet } from '#testing/make.ts'
import { controllerMetrics } from './controller-metrics.ts'

test('controllerMetrics() tells of queues among what the server counts, while controllers run in its process', async () => {
  await using cluster = await testCluster()
  const { client, clock } = cluster
  const counted = controllerMetrics(clock)
  const instruments = new Instruments()
  instruments.include(counted)
  const stop = new AbortController()
  const { watchQueue } = counted
  const options = { clock, random: seededRandom(1), signal: stop.signal, clientFor: () => client, watchQueue }
  const running = runControllers([replicaSetController], options)
  await client.create(ReplicaSet, replicaSet('web'))
  await cluster.settle()
  const text = instruments.lines().join('\n')
  assert.match(text, /^workqueue_adds_total\{name="replicaset"\} [1-9]/m)
  assert.match(text, /^workqueue_depth\{name="replicaset"\} 0$/m)
  assert.match(text, /^running_managed_controllers\{manager="kube-controller-manager",name="replicaset-controller"\} 1$/m)
  stop.abort(new Error('enough'))
  await running
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import { CronJob } from '#api/batch/v1/cron-job.ts'
import { Job } from '#api/batch/v1/job.ts'
import { Node } from '#api/core/v1/node.ts'
import type { AdmissionPlugin } from '#apiserver/admission/plugin.ts'
import { taintNodesByCondition } from '#apiserver/admission/taint-nodes-by-condition.ts'
import { forbidden } from '#schema/status-error.ts'
import { testCluster } from '#testing/cluster.ts'
import { cronJob, daemonSet, deployment, job, node, replicaSet, statefulSet } from '#testing/make.ts'
import { eventsOf } from '#testing/transcript.ts'
import { cronJobController } from './cronjob/cronjob.ts'
import { daemonSetController } from './daemonset/daemonset.ts'
import { deploymentController } from './deployment/deployment.ts'
import { jobController } from './job/job.ts'
import { replicaSetController } from './replicaset/replicaset.ts'
import { statefulSetController } from './statefulset/statefulset.ts'

/** Refuses every object of a kind, as a quota in the way does, and counts. */
function refusing(plural: string): AdmissionPlugin & { count: number } {
  const plugin = {
    name: 'Refusing',
    count: 0,
    handles: ({ operation, kind }: { operation: string; kind: { plural: string } }) =>
      operation === 'CREATE' && kind.plural === plural,
    validate(): void {
      plugin.count++
      throw forbidden({ group: '', plural }, 'x', 'exceeded quota: small')
    },
  }
  return plugin as unknown as AdmissionPlugin & { count: number }
}

const why = 'forbidden: exceeded quota: small'
const cases = [
  {
    kind: ReplicaSet,
    object: replicaSet('web'),
    controllers: () => [replicaSetController],
    event: `FailedCreate: Error creating: pods "x" is ${why}`,
  },
  {
    kind: Deployment,
    object: deployment('web'),
    controllers: () => [deploymentController, replicaSetController],
    event: undefined,
  },
  {
    kind: StatefulSet,
    object: statefulSet('web'),
    controllers: () => [statefulSetController],
    event: `FailedCreate: create Pod web-0 in StatefulSet web failed error: pods "x" is ${why}`,
  },
  {
    kind: DaemonSet,
    object: daemonSet('web'),
    controllers: () => [daemonSetController()],
    event: `FailedCreate: Error creating: pods "x" is ${why}`,
  },
  {
    kind: Job,
    object: job('web'),
    controllers: () => [jobController()],
    event: `FailedCreate: Error creating: pods "x" is ${why}`,
  },
  {
    kind: CronJob,
    object: cronJob('web'),
    controllers: () => [cronJobController],
    event: `FailedCreate: Error creating job: jobs "x" is ${why}`,
    refused: 'jobs',
  },
]

for (const { kind, object, controllers, event, refused = 'pods' } of cases) {
  test(`${kind.kind} controller tells of what it may not create, and tries ever more seldom`, async () => {
    const plugin = refusing(refused)
    const admission = [{ ...taintNodesByCondition, handles: () => false }, plugin]
    await using cluster = await testCluster({ controllers: controllers(), admission })
    await cluster.client.create(Node, node('n1'))
    await cluster.advance(1000)
    await cluster.client.create<any>(kind, object)
    await cluster.advance(60 * 1000)
    const early = plugin.count
    assert.ok(early > 2 && early < 40, `${early} attempts in the first minute`)
    const events = await eventsOf(cluster, 'web', kind.kind)
    if (event)
      assert.ok(
        events.some((line) => line.startsWith(event)),
        events.join('\n'),
      )
    await cluster.advance(39 * 60_000)
    const perHour = kind.kind === 'CronJob' ? 200 : 60
    assert.ok(plugin.count < perHour, `${plugin.count} attempts`)
    const { status } = (await cluster.client.get<any>(kind, { name: 'web', namespace: 'default' })) as {
      status: { conditions?: { type: string; reason: string }[] }
    }
    const conditions = status.conditions?.map(({ type, reason }) => `${type} ${reason}`) ?? []
    if (kind.kind === 'ReplicaSet') assert.deepEqual(conditions, ['ReplicaFailure FailedCreate'])
    if (kind.kind === 'Deployment')
      assert.ok(
        conditions.includes('ReplicaFailure FailedCreate') && conditions.includes('Progressing ProgressDeadlineExceeded'),
        conditions.join(),
      )
  })
}

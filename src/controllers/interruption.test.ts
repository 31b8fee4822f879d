import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ControllerRevision } from '#api/apps/v1/controller-revision.ts'
import { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import { CronJob } from '#api/batch/v1/cron-job.ts'
import { Job } from '#api/batch/v1/job.ts'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { KubeObject } from '#schema/kind.ts'
import type { TestCluster } from '#testing/cluster.ts'
import { type Interrupted, interrupted, withLeaders } from '#testing/interrupted.ts'
import { cronJob, daemonSet, deployment, job, node, replicaSet, statefulSet } from '#testing/make.ts'
import { runPods } from '#testing/run-pods.ts'
import { cronJobController } from './cronjob/cronjob.ts'
import { daemonSetController } from './daemonset/daemonset.ts'
import { targetOf } from './daemonset/node-fit.ts'
import { deploymentController } from './deployment/deployment.ts'
import { jobController } from './job/job.ts'
import { jobOrphanPodsController } from './job/orphan-pods.ts'
import { isTracked } from './job/pods.ts'
import { replicaSetController } from './replicaset/replicaset.ts'
import { statefulSetController } from './statefulset/statefulset.ts'

const image = (tag: string) => ({ spec: { template: { spec: { containers: [{ name: 'main', image: `example/app:${tag}` }] } } } })
const patch = (cluster: TestCluster, kind: any, name: string, body: object) =>
  cluster.client.patch(kind, { name, namespace: 'default' }, { type: 'strategic', body })
const count = async (cluster: TestCluster, kind: any) => (await cluster.list(kind)).length
const imageOf = ({ spec }: Pod) => spec.containers[0]?.image

/** Runs pods and lets time pass, so that back-offs end too. */
async function calm(cluster: TestCluster): Promise<void> {
  await runPods(cluster)
  await cluster.advance(5000)
  await runPods(cluster)
}

/** Counts and not revisions, names or times: those depend on who did what when. */
const statusOf = async (cluster: TestCluster, kind: any, name: string) => {
  const { status } = (await cluster.client.get(kind, { name, namespace: 'default' })) as KubeObject & { status: any }
  return Object.fromEntries(Object.entries(status).filter(([, value]) => typeof value === 'number'))
}

async function endPods(cluster: TestCluster, phase: 'Succeeded' | 'Failed', most: number): Promise<void> {
  const pods = (await cluster.list(Pod)).filter(
    ({ status, metadata }) => status.phase === 'Running' && !metadata.deletionTimestamp,
  )
  for (const pod of pods.slice(0, most)) {
    await cluster.client.update(Pod, { ...pod, status: { ...pod.status, phase } }, { subresource: 'status' })
  }
  await cluster.settle()
}

const scenarios: Record<string, Interrupted> = {
  'ReplicaSet controller': {
    controllers: () => [replicaSetController],
    scenario: async (cluster) => {
      await cluster.client.create(ReplicaSet, replicaSet('web', { spec: { replicas: 3 } }))
      await calm(cluster)
      await patch(cluster, ReplicaSet, 'web', { spec: { replicas: 1 } })
      await calm(cluster)
    },
    outcome: async (cluster) => [await count(cluster, Pod), await statusOf(cluster, ReplicaSet, 'web')],
  },
  'Deployment controller': {
    controllers: () => [deploymentController, replicaSetController],
    scenario: async (cluster) => {
      await cluster.client.create(Deployment, deployment('web', { spec: { replicas: 2 } }))
      await calm(cluster)
      await patch(cluster, Deployment, 'web', image('2'))
      await calm(cluster)
      await patch(cluster, Deployment, 'web', image('1'))
      await calm(cluster)
    },
    outcome: async (cluster) => [
      (await cluster.list(Pod)).map(imageOf),
      await count(cluster, ReplicaSet),
      await statusOf(cluster, Deployment, 'web'),
    ],
  },
  'StatefulSet controller': {
    controllers: () => [statefulSetController],
    scenario: async (cluster) => {
      const claim = {
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      }
      const spec = { replicas: 2, volumeClaimTemplates: [claim] as never }
      await cluster.client.create(StatefulSet, statefulSet('db', { spec }))
      await calm(cluster)
      await patch(cluster, StatefulSet, 'db', image('2'))
      await calm(cluster)
      await patch(cluster, StatefulSet, 'db', image('1'))
      await calm(cluster)
      await patch(cluster, StatefulSet, 'db', { spec: { replicas: 1 } })
      await calm(cluster)
    },
    outcome: async (cluster) => [
      (await cluster.list(Pod)).map((pod) => `${pod.metadata.name} ${imageOf(pod)}`),
      await count(cluster, PersistentVolumeClaim),
      (await cluster.list(ControllerRevision)).map(({ revision }) => revision).sort(),
      await statusOf(cluster, StatefulSet, 'db'),
    ],
  },
  'DaemonSet controller': {
    controllers: () => [daemonSetController()],
    scenario: async (cluster) => {
      for (const name of ['n1', 'n2']) {
        await cluster.client.create(Node, node(name))
        await cluster.client.patch(Node, { name }, { type: 'merge', body: { spec: { taints: null } } })
      }
      await cluster.client.create(DaemonSet, daemonSet('log'))
      await calm(cluster)
      await patch(cluster, DaemonSet, 'log', image('2'))
      await calm(cluster)
      await cluster.client.patch(
        Node,
        { name: 'n1' },
        { type: 'merge', body: { spec: { taints: [{ key: 'x', effect: 'NoExecute' }] } } },
      )
      await calm(cluster)
    },
    outcome: async (cluster) => [
      (await cluster.list(Pod)).map((pod) => `${targetOf(pod)} ${imageOf(pod)}`),
      (await cluster.list(ControllerRevision)).map(({ revision }) => revision).sort(),
      await statusOf(cluster, DaemonSet, 'log'),
    ],
  },
  'Job controller': {
    controllers: () => [jobController(), jobOrphanPodsController],
    scenario: async (cluster) => {
      await cluster.client.create(Job, job('sum', { spec: { completions: 3, parallelism: 2 } }))
      await calm(cluster)
      await endPods(cluster, 'Failed', 1)
      await cluster.advance(30_000)
      await calm(cluster)
      for (let rounds = 0; rounds < 4; rounds++) {
        await endPods(cluster, 'Succeeded', 1)
        await calm(cluster)
      }
    },
    outcome: async (cluster) => [
      await statusOf(cluster, Job, 'sum'),
      (await cluster.client.get(Job, { name: 'sum', namespace: 'default' })).status.conditions?.map(({ type }) => type),
      (await cluster.list(Pod)).filter(isTracked).length,
      await count(cluster, Pod),
    ],
  },
  'Job controller, Indexed,': {
    controllers: () => [jobController(), jobOrphanPodsController],
    scenario: async (cluster) => {
      const spec = { completions: 3, parallelism: 3, completionMode: 'Indexed' as const, backoffLimitPerIndex: 1 }
      await cluster.client.create(Job, job('sum', { spec }))
      await calm(cluster)
      await endPods(cluster, 'Failed', 1)
      await cluster.advance(30_000)
      await calm(cluster)
      await endPods(cluster, 'Succeeded', 3)
      await calm(cluster)
    },
    outcome: async (cluster) => {
      const { status } = await cluster.client.get(Job, { name: 'sum', namespace: 'default' })
      const { completedIndexes, failedIndexes, failed, conditions } = status
      return [completedIndexes, failedIndexes, failed, conditions?.map(({ type }) => type), await count(cluster, Pod)]
    },
  },
  'CronJob controller': {
    controllers: () => [cronJobController],
    scenario: async (cluster) => {
      await cluster.client.create(CronJob, cronJob('tick', { spec: { concurrencyPolicy: 'Replace' } }))
      await cluster.advance(150_000)
    },
    outcome: async (cluster) => {
      const { status } = await cluster.client.get(CronJob, { name: 'tick', namespace: 'default' })
      return [
        (await cluster.list(Job)).map(({ metadata }) => metadata.name),
        status.active?.map(({ name }) => name),
        status.lastScheduleTime,
      ]
    },
  },
}

for (const [name, scenario] of Object.entries(scenarios)) {
  test(`${name} reaches the same end when it dies after any of its writes`, async () => {
    const writes = await interrupted(scenario)
    assert.ok(writes > 4, `${writes} writes`)
  })
  test(`${name} reaches the same end when two lead at once`, async () => {
    assert.deepEqual(await withLeaders(scenario, 2), await withLeaders(scenario, 1))
  })
}

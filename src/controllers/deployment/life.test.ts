/** The life of a Deployment as its watchers see it: events, conditions, revisions and sizes at each station, as upstream tells them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { kinds } from '#api/kinds.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { deployment } from '#testing/make.ts'
import { runPods } from '#testing/run-pods.ts'
import { eventsOf } from '#testing/transcript.ts'
import { garbageCollector } from '../garbage-collector/garbage-collector.ts'
import { replicaSetController } from '../replicaset/replicaset.ts'
import { deploymentController } from './deployment.ts'

const at = { name: 'web', namespace: 'default' }
const template = (tag: string) => ({ template: { spec: { containers: [{ name: 'main', image: `example/app:${tag}` }] } } })

/** ReplicaSets by their images, oldest first; texts name them so. */
async function stations(cluster: TestCluster) {
  let told: readonly string[] = []
  return async (): Promise<Record<string, unknown>> => {
    const sets = await cluster.list(ReplicaSet)
    const named = (text: string) =>
      sets.reduce((changed, { metadata, spec }) => changed.replaceAll(metadata.name, `<${tagOf(spec.template)}>`), text)
    const events = (await eventsOf(cluster, 'web', 'Deployment')).map(named)
    const { metadata, status } = await cluster.client.get(Deployment, at)
    const fresh = events.filter((line) => !told.includes(line))
    told = events
    return {
      events: fresh,
      revision: metadata.annotations?.['deployment.kubernetes.io/revision'],
      conditions: (status.conditions ?? []).map(({ type, status, reason, message = '' }) =>
        named(`${type}=${status} ${reason}: ${message}`),
      ),
      sets: Object.fromEntries(
        sets.map((set) => [tagOf(set.spec.template), setLine(set)] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
      ),
    }
  }
}

const tagOf = ({ spec }: Deployment['spec']['template']) => spec.containers[0]?.image?.split(':')[1] ?? ''

function setLine({ metadata, spec, status }: ReplicaSet): string {
  const own = (key: string) => metadata.annotations?.[`deployment.kubernetes.io/${key}`] ?? '-'
  const notes = ['revision', 'revision-history', 'desired-replicas', 'max-replicas'].map(own)
  return `${status.readyReplicas ?? 0}/${spec.replicas} ${notes.join(' ')}`
}

test('the life of a Deployment: made, scaled, rolled, stuck, rolled back, paused, deleted', async () => {
  await using cluster = await testCluster({ controllers: [deploymentController, replicaSetController, garbageCollector(kinds)] })
  const { client } = cluster
  const look = await stations(cluster)
  const change = (spec: object) => client.patch(Deployment, at, { type: 'strategic', body: { spec } })
  const isGood = ({ spec }: Pod) => spec.containers[0]?.image !== 'example/app:bad'
  const run = () => runPods(cluster, { ready: isGood })

  const strategy = { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
  await client.create(Deployment, deployment('web', { spec: { replicas: 2, strategy, progressDeadlineSeconds: 60 } as never }))
  await cluster.settle()
  assert.deepEqual(await look(), {
    events: ['ScalingReplicaSet: Scaled up replica set <1> from 0 to 2'],
    revision: '1',
    conditions: [
      'Available=False MinimumReplicasUnavailable: Deployment does not have minimum availability.',
      'Progressing=True ReplicaSetUpdated: ReplicaSet "<1>" is progressing.',
    ],
    sets: { '1': '0/2 1 - 2 3' },
  })
  await run()
  assert.deepEqual(await look(), {
    events: [],
    revision: '1',
    conditions: [
      'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
      'Progressing=True NewReplicaSetAvailable: ReplicaSet "<1>" has successfully progressed.',
    ],
    sets: { '1': '2/2 1 - 2 3' },
  })
  await cluster.advance(700_000)
  await change({ replicas: 3 })
  await run()
  assert.deepEqual(await look(), {
    events: ['ScalingReplicaSet: Scaled up replica set <1> from 2 to 3'],
    revision: '1',
    conditions: [
      'Progressing=True NewReplicaSetAvailable: ReplicaSet "<1>" has successfully progressed.',
      'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
    ],
    sets: { '1': '3/3 1 - 3 4' },
  })
  await cluster.advance(700_000)
  await change(template('2'))
  await run()
  assert.deepEqual(await look(), {
    events: [
      'ScalingReplicaSet: Scaled up replica set <2> from 0 to 1',
      'ScalingReplicaSet: Scaled down replica set <1> from 3 to 2',
      'ScalingReplicaSet: Scaled up replica set <2> from 1 to 2',
      'ScalingReplicaSet: Scaled down replica set <1> from 2 to 1',
      'ScalingReplicaSet: Scaled up replica set <2> from 2 to 3',
      'ScalingReplicaSet: Scaled down replica set <1> from 1 to 0',
    ],
    revision: '2',
    conditions: [
      'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
      'Progressing=True NewReplicaSetAvailable: ReplicaSet "<2>" has successfully progressed.',
    ],
    sets: { '1': '0/0 1 - 3 4', '2': '3/3 2 - 3 4' },
  })
  await cluster.advance(700_000)
  await change(template('bad'))
  await run()
  await cluster.advance(70_000)
  assert.deepEqual(await look(), {
    events: ['ScalingReplicaSet: Scaled up replica set <bad> from 0 to 1'],
    revision: '3',
    conditions: [
      'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
      'Progressing=False ProgressDeadlineExceeded: ReplicaSet "<bad>" has timed out progressing.',
    ],
    sets: { '1': '0/0 1 - 3 4', '2': '3/3 2 - 3 4', bad: '0/1 3 - 3 4' },
  })
  await cluster.advance(700_000)
  await change(template('1'))
  await run()
  assert.deepEqual(await look(), {
    events: [
      'ScalingReplicaSet: Scaled up replica set <1> from 2 to 3 (x2)',
      'ScalingReplicaSet: Scaled down replica set <bad> from 1 to 0',
      'ScalingReplicaSet: Scaled up replica set <1> from 0 to 1',
      'ScalingReplicaSet: Scaled down replica set <2> from 3 to 2',
      'ScalingReplicaSet: Scaled up replica set <1> from 1 to 2',
      'ScalingReplicaSet: Scaled down replica set <2> from 2 to 1',
      'ScalingReplicaSet: Scaled down replica set <2> from 1 to 0',
    ],
    revision: '4',
    conditions: [
      'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
      'Progressing=True NewReplicaSetAvailable: ReplicaSet "<1>" has successfully progressed.',
    ],
    sets: { '1': '3/3 4 1 3 4', '2': '0/0 2 - 3 4', bad: '0/0 3 - 3 4' },
  })
  await cluster.advance(700_000)
  await change({ paused: true, replicas: 2, ...template('3') })
  await run()
  assert.deepEqual(await look(), {
    events: ['ScalingReplicaSet: Scaled down replica set <1> from 3 to 2 (x2)'],
    revision: '4',
    conditions: [
      'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
      'Progressing=Unknown DeploymentPaused: Deployment is paused',
    ],
    sets: { '1': '2/2 4 1 2 3', '2': '0/0 2 - 3 4', bad: '0/0 3 - 3 4' },
  })
  await cluster.advance(700_000)
  await change({ paused: false })
  await run()
  assert.deepEqual(await look(), {
    events: [
      'ScalingReplicaSet: Scaled down replica set <1> from 2 to 1 (x2)',
      'ScalingReplicaSet: Scaled down replica set <1> from 1 to 0 (x2)',
      'ScalingReplicaSet: Scaled up replica set <3> from 0 to 1',
      'ScalingReplicaSet: Scaled up replica set <3> from 1 to 2',
    ],
    revision: '5',
    conditions: [
      'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
      'Progressing=True NewReplicaSetAvailable: ReplicaSet "<3>" has successfully progressed.',
    ],
    sets: { '1': '0/0 4 1 2 3', '2': '0/0 2 - 3 4', '3': '2/2 5 - 2 3', bad: '0/0 3 - 3 4' },
  })
  await client.delete(Deployment, at, { propagationPolicy: 'Background' })
  await cluster.settle()
  await runPods(cluster)
  assert.deepEqual([await cluster.list(Deployment), await cluster.list(ReplicaSet), await cluster.list(Pod)], [[], [], []])
  assert.deepEqual(cluster.errors, [])
})

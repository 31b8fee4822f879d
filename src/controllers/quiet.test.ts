/** What can never come true costs little: with all controllers running, each bad wish leads to few calls per minute, also after hours. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import { HorizontalPodAutoscaler } from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import { CronJob } from '#api/batch/v1/cron-job.ts'
import { Job } from '#api/batch/v1/job.ts'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { ResourceQuota } from '#api/core/v1/resource-quota.ts'
import { Service } from '#api/core/v1/service.ts'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import type { AuditEvent } from '#apiserver/audit/event.ts'
import { parseAuditPolicy } from '#apiserver/audit/policy.ts'
import type { Kind } from '#schema/kind.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { cronJob, daemonSet, deployment, job, node, service, statefulSet } from '#testing/make.ts'
import { eventsOf } from '#testing/transcript.ts'
import { controllersOf } from './controllers.ts'

const at = { name: 'web', namespace: 'default' }
const containers = [{ name: 'main', image: 'a' }]
const never = (over: object = {}) =>
  ({
    template: { metadata: { labels: { app: 'web' } }, spec: { containers, priorityClassName: 'absent', ...over } },
  }) as never
const unknownClass = 'no PriorityClass with name absent was found'
const storage = { resources: { requests: { storage: '1Gi' } }, accessModes: ['ReadWriteOnce'] }
const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'absent' }

interface Wish {
  readonly kind: Kind<any, any>
  readonly object: object
  readonly before?: (cluster: TestCluster) => Promise<unknown>
  /** What is told, in some Event about the object. */
  readonly told: string | undefined
}

const noRoom = async ({ client, settle }: TestCluster) => {
  await client.create(ResourceQuota, { metadata: { name: 'none', namespace: 'default' }, spec: { hard: { pods: '0' } } })
  await settle()
}
const exceeded = 'exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0'

const wishes: Record<string, Wish> = {
  'a Service that selects nothing': {
    kind: Service,
    object: service('web', { spec: { selector: { app: 'absent' } } }),
    told: undefined,
  },
  'a budget that selects nothing': {
    kind: PodDisruptionBudget,
    object: { metadata: at, spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'absent' } } } },
    told: 'NoPods: No matching pods found',
  },
  'an autoscaler without target': {
    kind: HorizontalPodAutoscaler,
    object: { metadata: at, spec: { maxReplicas: 3, scaleTargetRef: target } },
    told: 'FailedGetScale: deployments.apps "absent" not found',
  },
  'a schedule that never comes': {
    kind: CronJob,
    object: cronJob('web', { spec: { schedule: '0 0 30 2 *' } }),
    told: 'InvalidSchedule: invalid schedule: 0 0 30 2 *',
  },
  'a claim of no class': {
    kind: PersistentVolumeClaim,
    object: { metadata: at, spec: storage },
    told: 'FailedBinding: no persistent volumes available for this claim and no storage class is set',
  },
  'a claim of an absent class': {
    kind: PersistentVolumeClaim,
    object: { metadata: at, spec: { ...storage, storageClassName: 'absent' } },
    told: 'ProvisioningFailed: storageclass.storage.k8s.io "absent" not found',
  },
  'a Deployment of pods that are never admitted': {
    kind: Deployment,
    object: deployment('web', { spec: never() }),
    told: undefined,
  },
  'a StatefulSet of pods that are never admitted': {
    kind: StatefulSet,
    object: statefulSet('web', { spec: never() }),
    told: unknownClass,
  },
  'a DaemonSet of pods that are never admitted': {
    kind: DaemonSet,
    object: daemonSet('web', { spec: never({ tolerations: [{ operator: 'Exists' }] }) }),
    told: unknownClass,
  },
  'a Job of pods that are never admitted': {
    kind: Job,
    object: job('web', { spec: never({ restartPolicy: 'Never' }) }),
    told: unknownClass,
  },
  'a Deployment with a quota in its way': { kind: Deployment, object: deployment('web'), before: noRoom, told: undefined },
  'a StatefulSet with a quota in its way': { kind: StatefulSet, object: statefulSet('web'), before: noRoom, told: exceeded },
  'a Job with a quota in its way': { kind: Job, object: job('web'), before: noRoom, told: exceeded },
}

/** An autoscaler looks every 15 seconds, and each time finds something to tell of. */
const perMinute = 8

for (const [what, { kind, object, before, told }] of Object.entries(wishes)) {
  test(`${what} leads to few calls`, async () => {
    const calls: AuditEvent[] = []
    const backend = {
      name: 'memory',
      take: (events: readonly AuditEvent[]) => void calls.push(...events.filter(({ verb }) => verb !== 'watch')),
      close: async () => {},
    }
    const policy = parseAuditPolicy(
      '{apiVersion: audit.k8s.io/v1, kind: Policy, omitStages: [RequestReceived], rules: [{level: Metadata}]}',
    )
    await using cluster = await testCluster({ controllers: controllersOf(), audit: { policy, backend } })
    await cluster.client.create(Node, node('n1'))
    await before?.(cluster)
    await cluster.advance(1000)
    const during = async (minutes: number) => {
      calls.length = 0
      await cluster.advance(minutes * 60_000)
      return calls.length
    }
    const usual = await during(10)
    await cluster.client.create(kind, object)
    const first = await during(1)
    assert.ok(first < 100, `${first} calls in the first minute\n${summary(calls)}`)
    if (told) {
      const events = await eventsOf(cluster, 'web', kind.kind)
      assert.ok(
        events.some((line) => line.includes(told)),
        events.join('\n'),
      )
    }
    const later = (await during(10)) - usual
    assert.ok(later <= 10 * perMinute, `${later} calls in ten minutes\n${summary(calls)}`)
  })
}

function summary(calls: readonly AuditEvent[]): string {
  const counts = Map.groupBy(calls, ({ verb, requestURI }) => `${verb} ${requestURI.split('?')[0]}`)
  return [...counts].map(([what, { length }]) => `${length} ${what}`).join('\n')
}

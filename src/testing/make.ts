/** Builders of objects for tests: the least that is valid, with what the test is about laid over it. */

import type { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import type { Deployment } from '#api/apps/v1/deployment.ts'
import type { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import type { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import type { CronJob } from '#api/batch/v1/cron-job.ts'
import type { Job } from '#api/batch/v1/job.ts'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Service } from '#api/core/v1/service.ts'
import type { Draft } from '#schema/words.ts'

/** A pod of one container. */
export function pod(
  name: string,
  over: { namespace?: string; labels?: Record<string, string>; spec?: Draft<Pod['spec']> } = {},
): Draft<Pod> {
  return {
    metadata: { name, namespace: over.namespace ?? 'default', ...(over.labels && { labels: over.labels }) },
    spec: { containers: [{ name: 'main', image: 'example/app:1' }], ...over.spec },
  }
}

/** A ready node with room for 110 pods. */
export function node(
  name: string,
  over: { labels?: Record<string, string>; spec?: Draft<Node['spec']>; cpu?: string; memory?: string; pods?: string } = {},
): Draft<Node> {
  const allocatable = {
    cpu: over.cpu ?? '4',
    memory: over.memory ?? '16Gi',
    pods: over.pods ?? '110',
    'ephemeral-storage': '100Gi',
  }
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...over.labels } },
    ...(over.spec && { spec: over.spec }),
    status: { capacity: allocatable, allocatable, conditions: [{ type: 'Ready', status: 'True' }] },
  }
}

type Over<T> = { namespace?: string; labels?: Record<string, string>; spec?: Draft<T> }

/** A ReplicaSet of `app: <name>` pods. */
export function replicaSet(name: string, over: Over<ReplicaSet['spec']> = {}): Draft<ReplicaSet> {
  return {
    metadata: { name, namespace: over.namespace ?? 'default', labels: over.labels ?? { app: name } },
    spec: { ...podsOf(name), ...over.spec },
  }
}

/** A Deployment of `app: <name>` pods. */
export function deployment(name: string, over: Over<Deployment['spec']> = {}): Draft<Deployment> {
  return {
    metadata: { name, namespace: over.namespace ?? 'default', labels: over.labels ?? { app: name } },
    spec: { ...podsOf(name), ...over.spec },
  }
}

/** A StatefulSet of `app: <name>` pods. */
export function statefulSet(name: string, over: Over<StatefulSet['spec']> = {}): Draft<StatefulSet> {
  return {
    metadata: { name, namespace: over.namespace ?? 'default', labels: over.labels ?? { app: name } },
    spec: { ...podsOf(name), ...over.spec },
  }
}

/** A DaemonSet of `app: <name>` pods. */
export function daemonSet(name: string, over: Over<DaemonSet['spec']> = {}): Draft<DaemonSet> {
  return {
    metadata: { name, namespace: over.namespace ?? 'default', labels: over.labels ?? { app: name } },
    spec: { ...podsOf(name), ...over.spec },
  }
}

/** A Job whose containers are not restarted. */
export function job(name: string, over: Over<Job['spec']> = {}): Draft<Job> {
  const spec = { containers: [{ name: 'main', image: 'example/app:1' }], restartPolicy: 'Never' as const }
  return {
    metadata: { name, namespace: over.namespace ?? 'default', ...(over.labels && { labels: over.labels }) },
    spec: { template: { spec }, ...over.spec },
  }
}

/** A CronJob that makes such Jobs every minute. */
export function cronJob(name: string, over: Over<CronJob['spec']> = {}): Draft<CronJob> {
  const { metadata, spec } = job(name, { ...(over.namespace && { namespace: over.namespace }) })
  return { metadata, spec: { schedule: '* * * * *', jobTemplate: { spec }, ...over.spec } as Draft<CronJob['spec']> }
}

/** A Service for `app: <name>` pods, from port 80 to 8080. */
export function service(name: string, over: Over<Service['spec']> = {}): Draft<Service> {
  return {
    metadata: { name, namespace: over.namespace ?? 'default', ...(over.labels && { labels: over.labels }) },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }], ...over.spec },
  }
}

function podsOf(name: string) {
  const containers = [{ name: 'main', image: 'example/app:1' }]
  return {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers } },
  }
}

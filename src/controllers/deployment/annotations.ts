/** Annotations by which a Deployment keeps its history on its ReplicaSets. */
import type { Deployment } from '#api/apps/v1/deployment.ts'
import type { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { maxSurge, replicasOf } from './budget.ts'

export const revisionKey = 'deployment.kubernetes.io/revision'
const historyKey = 'deployment.kubernetes.io/revision-history'
const desiredKey = 'deployment.kubernetes.io/desired-replicas'
const maxKey = 'deployment.kubernetes.io/max-replicas'

/** Annotations of a Deployment that are not for its ReplicaSets. */
const kept: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  revisionKey,
  historyKey,
  desiredKey,
  maxKey,
])

type Annotations = Readonly<Record<string, string>>

export function revisionOf({ metadata }: Deployment | ReplicaSet): number | undefined {
  const text = metadata.annotations?.[revisionKey]
  return text && /^[+-]?\d+$/.test(text) ? Number(text) : undefined
}

export function highestRevision(sets: readonly ReplicaSet[]): number {
  return Math.max(0, ...sets.map((rs) => revisionOf(rs) ?? 0))
}

/** How many replicas the Deployment wanted when it last sized this ReplicaSet; undefined when that is not told. */
export function desiredReplicas(rs: ReplicaSet): number | undefined {
  return count(rs, desiredKey)
}

export function maxReplicas(rs: ReplicaSet): number | undefined {
  return count(rs, maxKey)
}

function count({ metadata }: ReplicaSet, key: string): number | undefined {
  const text = metadata.annotations?.[key]
  return text && /^[+-]?\d+$/.test(text) ? Number(text) : undefined
}

/** `annotations` with the sizes that `deployment` has now. */
export function withSizes(annotations: Annotations | undefined, deployment: Deployment): Annotations {
  const replicas = replicasOf(deployment)
  return { ...annotations, [desiredKey]: String(replicas), [maxKey]: String(replicas + maxSurge(deployment)) }
}

/** Annotations of a ReplicaSet that is to be revision `revision`; one that was an earlier revision remembers that. */
export function withRevision(annotations: Annotations | undefined, deployment: Deployment, revision: number): Annotations {
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !kept.has(key))
  const next: Record<string, string> = { ...annotations, ...Object.fromEntries(copied) }
  const before = next[revisionKey]
  if (before && !/^[+-]?\d+$/.test(before)) return next
  if (Number(before ?? 0) >= revision) return next
  next[revisionKey] = String(revision)
  if (before) {
    const history = remember(next[historyKey], before)
    if (history !== undefined) next[historyKey] = history
  }
  return next
}

const longestHistory = 2000

/** Drops the oldest revisions when the list becomes too long. */
function remember(history: string | undefined, revision: string): string | undefined {
  if (!history) return revision
  const revisions = [...history.split(','), revision]
  while (revisions.length > 1 && revisions.join(',').length > longestHistory) revisions.shift()
  const text = revisions.join(',')
  return text.length <= longestHistory ? text : undefined
}

/** The ReplicaSets of a Deployment: which is the new one, which are old, in what order, and what they add up to. */
import type { Deployment } from '#api/apps/v1/deployment.ts'
import type { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { revisionOf } from './annotations.ts'
import { sameTemplate } from './template-hash.ts'

export interface Sets {
  /** The one with the Deployment's template; of several the oldest. */
  readonly current: ReplicaSet | undefined
  readonly old: readonly ReplicaSet[]
}

export function sortSets(deployment: Deployment, sets: readonly ReplicaSet[]): Sets {
  const current = sets.toSorted(olderFirst).find((rs) => sameTemplate(rs.spec.template, deployment.spec.template))
  return { current, old: sets.filter((rs) => rs !== current) }
}

export function allOf({ current, old }: Sets): readonly ReplicaSet[] {
  return current ? [...old, current] : old
}

export function sizeOf({ spec }: ReplicaSet): number {
  return spec.replicas ?? 1
}

export function hasPods(rs: ReplicaSet): boolean {
  return sizeOf(rs) > 0
}

export function olderFirst(a: ReplicaSet, b: ReplicaSet): number {
  return (
    Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp) ||
    (a.metadata.name < b.metadata.name ? -1 : 1)
  )
}

export function lowerRevisionFirst(a: ReplicaSet, b: ReplicaSet): number {
  const [first, second] = [revisionOf(a), revisionOf(b)]
  if (first === undefined || second === undefined || first === second) return olderFirst(a, b)
  return first - second
}

/** What the ReplicaSets want, and what they have. */
export const sum = {
  wanted: (sets: readonly ReplicaSet[]) => total(sets, sizeOf),
  actual: (sets: readonly ReplicaSet[]) => total(sets, ({ status }) => status.replicas),
  ready: (sets: readonly ReplicaSet[]) => total(sets, ({ status }) => status.readyReplicas),
  available: (sets: readonly ReplicaSet[]) => total(sets, ({ status }) => status.availableReplicas),
}

function total(sets: readonly ReplicaSet[], count: (rs: ReplicaSet) => number | undefined): number {
  return sets.reduce((sum, rs) => sum + (count(rs) ?? 0), 0)
}

/**
 * What a StatefulSet does next (`updateStatefulSet` in `stateful_set_control.go`), in phases: living ordinals, claims of
 * surplus pods, surplus pods, the rolling update.
 *
 * Invariants: at most one pod of an ordinal is made; an ordered set makes or removes one pod at a time and only while all
 * before it are available; an update removes no more pods than may be unavailable.
 */
import type { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import type { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { isAvailable, isFinished, isReady } from '../pod-state.ts'
import { identityOf, isStale, planOwners } from './claim-owners.ts'
import {
  claimsOf,
  hasIdentity,
  hasStorage,
  isInRange,
  ordinalOf,
  podName,
  replicasOf,
  revisionLabel,
  startOf,
} from './identity.ts'

export interface View {
  readonly set: StatefulSet
  /** Names of the revisions that pods are updated from and to. */
  readonly current: string
  readonly update: string
  readonly pods: readonly Pod[]
  readonly claim: (name: string) => PersistentVolumeClaim | undefined
  readonly now: number
}

export type Step =
  | { readonly type: 'create'; readonly ordinal: number; readonly revision: 'current' | 'update' }
  | { readonly type: 'delete'; readonly pod: Pod; readonly forUpdate?: boolean }
  /** Makes the claims that are missing. */
  | { readonly type: 'claims'; readonly pod: Pod }
  /** Sets labels and volumes that make the pod what its ordinal asks for. */
  | { readonly type: 'mend'; readonly pod: Pod }
  | { readonly type: 'own'; readonly pod: Pod }

/** Phases of steps; one that fails ends the visit. Steps of an ordered set are taken one after the other. */
export function planStatefulSet(view: View): readonly (readonly Step[])[] {
  const { set } = view
  if (set.metadata.deletionTimestamp) return []
  const ordered = isOrdered(set)
  const living = planLiving(view, ordered)
  if (living.blocked) return [living.steps]
  const surplus = surplusOf(view).toSorted((a, b) => ordinalOf(b) - ordinalOf(a))
  const claims = surplus.filter((pod) => ownersDiffer(view, pod)).map((pod): Step => ({ type: 'own', pod }))
  const removal = planRemoval(view, surplus)
  if (removal.blocked) return [living.steps, claims, removal.steps]
  return [living.steps, claims, removal.steps, planUpdate(view)]
}

export function isOrdered({ spec }: StatefulSet): boolean {
  return spec.podManagementPolicy !== 'Parallel'
}

/** The pods of the ordinals that there should be, absent ones as undefined. */
export function livingOf({ set, pods }: Pick<View, 'set' | 'pods'>): readonly (Pod | undefined)[] {
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(pod), pod]))
  return Array.from({ length: replicasOf(set) }, (_, index) => byOrdinal.get(startOf(set) + index))
}

function surplusOf({ set, pods }: View): readonly Pod[] {
  return pods.filter((pod) => ordinalOf(pod) >= 0 && !isInRange(set, ordinalOf(pod)))
}

interface Phase {
  readonly steps: Step[]
  /** Nothing further may be done until something changes. */
  readonly blocked: boolean
}

function planLiving(view: View, ordered: boolean): Phase {
  const steps: Step[] = []
  for (const [index, pod] of livingOf(view).entries()) {
    const blocked = pod ? tend(view, pod, steps) : make(view, startOf(view.set) + index, steps)
    if (blocked && ordered) return { steps, blocked }
  }
  return { steps, blocked: false }
}

function make({ set, claim }: View, ordinal: number, steps: Step[]): boolean {
  const stale = claimsOf(set, ordinal).some(({ metadata }) => {
    const known = claim(metadata?.name ?? '')
    return known && isStale(set, podName(set, ordinal), known)
  })
  if (!stale) steps.push({ type: 'create', ordinal, revision: revisionFor(set, ordinal) })
  return true
}

/** Answers whether an ordered set has to wait for this pod. */
function tend(view: View, pod: Pod, steps: Step[]): boolean {
  const { set, claim } = view
  if (isFinished(pod)) {
    if (!pod.metadata.deletionTimestamp) steps.push({ type: 'delete', pod })
    return true
  }
  const missing = claimsOf(set, ordinalOf(pod)).some(({ metadata }) => !claim(metadata?.name ?? ''))
  if (pod.status.phase === 'Pending' && missing) steps.push({ type: 'claims', pod })
  if (isOrdered(set) && !isHealthy(view, pod)) return true
  if (!hasIdentity(pod) || !hasStorage(set, pod) || ownersDiffer(view, pod)) steps.push({ type: 'mend', pod })
  return false
}

/** Ordinals below the partition stay at the revision that they had. */
function revisionFor(set: StatefulSet, ordinal: number): 'current' | 'update' {
  const { type, rollingUpdate } = set.spec.updateStrategy
  if (type !== 'RollingUpdate') return 'update'
  const kept = rollingUpdate ? (rollingUpdate.partition ?? 0) : (set.status.currentReplicas ?? 0)
  return ordinal < startOf(set) + kept ? 'current' : 'update'
}

/** An ordered set removes the highest ordinal first, and waits while others are not well, unless that is the one to go. */
function planRemoval(view: View, surplus: readonly Pod[]): Phase {
  const ordered = isOrdered(view.set)
  const steps: Step[] = []
  const weakest = ordered ? firstUnhealthy(view, surplus) : undefined
  for (const pod of surplus) {
    if (pod.metadata.deletionTimestamp) {
      if (ordered) return { steps, blocked: true }
      continue
    }
    // Upstream waits for pods that have ended as well, although they will never be well again.
    if (ordered && !isHealthy(view, pod) && !isFinished(pod) && pod !== weakest) return { steps, blocked: true }
    steps.push({ type: 'delete', pod })
    if (ordered) return { steps, blocked: true }
  }
  return { steps, blocked: false }
}

function firstUnhealthy(view: View, surplus: readonly Pod[]): Pod | undefined {
  const all = [...livingOf(view), ...surplus.toReversed()]
  return all.find((pod) => pod && !isHealthy(view, pod))
}

/** From the highest ordinal down, as many as may still become unavailable. */
function planUpdate(view: View): Step[] {
  const { set, update } = view
  const { type, rollingUpdate } = set.spec.updateStrategy
  if (type === 'OnDelete') return []
  const living = livingOf(view)
  const missing = living.filter((pod) => !pod || !isHealthy(view, pod)).length
  const budget = maxUnavailable(set) - missing
  const outdated = living
    .slice(rollingUpdate?.partition ?? 0)
    .filter((pod) => pod !== undefined)
    .filter(({ metadata }) => metadata.labels?.[revisionLabel] !== update && !metadata.deletionTimestamp)
    .toReversed()
  return outdated.slice(0, Math.max(0, budget)).map((pod) => ({ type: 'delete', pod, forUpdate: true }))
}

/** Percentages are rounded down, but one pod may always be missing. */
export function maxUnavailable(set: StatefulSet): number {
  const value = set.spec.updateStrategy.rollingUpdate?.maxUnavailable ?? 1
  if (typeof value === 'number') return Math.max(1, value)
  return Math.max(1, Math.floor((Number.parseInt(value, 10) * replicasOf(set)) / 100))
}

/** Running, ready for long enough, and not on its way out. */
export function isHealthy({ set, now }: Pick<View, 'set' | 'now'>, pod: Pod): boolean {
  if (pod.metadata.deletionTimestamp || pod.status.phase !== 'Running' || !isReady(pod)) return false
  return isAvailable(pod, set.spec.minReadySeconds ?? 0, now)
}

function ownersDiffer({ set, claim }: View, pod: Pod): boolean {
  return claimsOf(set, ordinalOf(pod)).some(({ metadata }) => {
    const known = claim(metadata?.name ?? '')
    return known && planOwners(set, identityOf(pod), known)
  })
}

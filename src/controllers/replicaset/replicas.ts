/** What ReplicaSets and ReplicationControllers have in common: claim pods, create or delete some, count them. */
import { Pod } from '#api/core/v1/pod.ts'
import type { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { type LabelSelector, selecting } from '#api/meta/v1/label-selector.ts'
import type { Clock } from '#lib/clock.ts'
import { formatTime } from '#lib/clock.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { claimObjects } from '../claim.ts'
import { createPods, deletePods, messageOf, podFromTemplate } from '../pod-control.ts'
import { isActive, isAvailable, isReady, isTerminating, nextAvailability } from '../pod-state.ts'
import type { Again, Cluster } from '../runtime/controller.ts'
import { planDeletion } from './deletion-order.ts'

/** One ReplicaSet or ReplicationController, as far as replicas go. */
export interface Replicated {
  readonly kind: Kind
  readonly owner: KubeObject
  readonly replicas: number
  readonly minReadySeconds: number
  readonly selector: LabelSelector
  readonly template: PodTemplateSpec
  readonly conditions: readonly Condition[]
}

export interface Condition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  lastTransitionTime: string
  reason?: string | undefined
  message?: string | undefined
}

export interface Counts {
  replicas: number
  fullyLabeledReplicas: number
  readyReplicas: number
  availableReplicas: number
  terminatingReplicas: number
  observedGeneration: number | undefined
  conditions: Condition[]
}

/** How many pods one visit creates or deletes at most. */
const burst = 500

type Replicas = Cluster<typeof Pod, typeof Pod>

export interface ReconcileOptions {
  /** Pods of the owner's owner, which say how crowded a node is. */
  readonly related: () => readonly Pod[]
  readonly report: (counts: Counts) => Promise<unknown>
}

export async function reconcileReplicas(
  cluster: Replicas,
  replicated: Replicated,
  { related, report }: ReconcileOptions,
): Promise<Again | undefined> {
  const { kind, owner, selector, minReadySeconds } = replicated
  const isSelected = selecting(selector)
  const matches = ({ metadata }: Pod) => isSelected(metadata.labels)
  const owned = cluster.owned(Pod, owner)
  const orphans = cluster.orphans(Pod, owner.metadata.namespace ?? '')
  const active = [...owned, ...orphans].filter(isActive)
  const pods = await claimObjects(cluster, owner, { kind: Pod, ownerKind: kind, objects: active, matches })
  const terminating = owned.filter((pod) => isTerminating(pod) && matches(pod))
  const failure = owner.metadata.deletionTimestamp ? undefined : await manage(cluster, replicated, { pods, related })
  const now = cluster.clock.now()
  await report(countReplicas(replicated, { pods, terminating, now, failure: failure?.error }))
  if (failure) throw failure.error
  const next = nextAvailability(pods, minReadySeconds, now)
  return next === undefined ? undefined : { after: next / 1000 }
}

/** How far the number of pods is from the number wanted, within one burst. */
export function planReplicas(want: number, have: number): { readonly missing: number; readonly surplus: number } {
  return {
    missing: Math.min(burst, Math.max(0, want - have)),
    surplus: Math.min(burst, Math.max(0, have - want)),
  }
}

async function manage(
  cluster: Replicas,
  { owner, replicas, template }: Replicated,
  { pods, related }: { pods: readonly Pod[]; related: () => readonly Pod[] },
): Promise<{ error: unknown } | undefined> {
  const { missing, surplus } = planReplicas(replicas, pods.length)
  try {
    if (missing > 0) {
      const draft = podFromTemplate(template)
      await createPods(
        cluster,
        owner,
        Array.from({ length: missing }, () => draft),
      )
    }
    if (surplus > 0) await deletePods(cluster, owner, planDeletion(pods, surplus, { now: now(cluster), related: related() }))
    return undefined
  } catch (error) {
    return { error }
  }
}

const now = ({ clock }: { readonly clock: Clock }) => clock.now()

interface Observed {
  readonly pods: readonly Pod[]
  readonly terminating: readonly Pod[]
  readonly now: number
  /** Why pods could not be created or deleted. */
  readonly failure: unknown
}

export function countReplicas(replicated: Replicated, { pods, terminating, now, failure }: Observed): Counts {
  const { owner, template, minReadySeconds } = replicated
  const isLabelled = selecting({ matchLabels: template.metadata?.labels ?? {} })
  return {
    replicas: pods.length,
    fullyLabeledReplicas: pods.filter(({ metadata }) => isLabelled(metadata.labels)).length,
    readyReplicas: pods.filter(isReady).length,
    availableReplicas: pods.filter((pod) => isAvailable(pod, minReadySeconds, now)).length,
    terminatingReplicas: terminating.length,
    observedGeneration: owner.metadata.generation,
    conditions: conditionsAfter(replicated, { have: pods.length, now, failure }),
  }
}

const replicaFailure = 'ReplicaFailure'

/** A failure that is already told keeps its words. */
function conditionsAfter(
  { conditions, replicas }: Replicated,
  { have, now, failure }: { have: number; now: number; failure: unknown },
): Condition[] {
  if (!failure) return conditions.filter(({ type }) => type !== replicaFailure)
  if (conditions.some(({ type }) => type === replicaFailure)) return [...conditions]
  const reason = have < replicas ? 'FailedCreate' : have > replicas ? 'FailedDelete' : ''
  const told: Condition = {
    type: replicaFailure,
    status: 'True',
    lastTransitionTime: formatTime(now),
    ...(reason && { reason }),
    message: messageOf(failure),
  }
  return [...conditions, told]
}

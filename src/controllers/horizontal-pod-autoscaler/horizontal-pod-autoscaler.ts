/** HorizontalPodAutoscaler controller: scales its target with what is measured, every 15 seconds. */
import { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import type { Scale } from '#api/autoscaling/v1/scale.ts'
import { HorizontalPodAutoscaler } from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Client } from '#client/client.ts'
import { keyOf } from '#client/indexed-store.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { Kind } from '#schema/kind.ts'
import { findKind, groupOf } from '../find-kind.ts'
import { type Cluster, type Controller, defineController } from '../runtime/controller.ts'
import { type History, limitReplicas, remember } from './limits.ts'
import type { Described } from './metrics.ts'
import { Attempt, failedMetrics, proposeReplicas } from './propose.ts'

/** `horizontal-pod-autoscaler-sync-period`, in seconds. */
const period = 15
const nothing: History = { recommendations: [], up: [], down: [] }

export type Own = Cluster<
  typeof HorizontalPodAutoscaler | typeof Pod | typeof CustomResourceDefinition,
  typeof HorizontalPodAutoscaler
>

/** What each autoscaler remembers, and the selector that it was last seen with. */
interface Memory {
  readonly history: History
  readonly selector: string
}

export interface AutoscalerOptions {
  /** Whom metrics are asked of; default: the API server, with the controller's own identity. */
  readonly metricsClient?: Client | undefined
}

export function horizontalPodAutoscalerController({ metricsClient }: AutoscalerOptions = {}): Controller {
  const memories = new Map<string, Memory>()
  return defineController({
    name: 'horizontal-pod-autoscaler-controller',
    account: 'horizontal-pod-autoscaler',
    for: HorizontalPodAutoscaler,
    reads: [Pod, CustomResourceDefinition],
    // What it measures stands in its own status.
    when: ({ object, old }) => !object || !old || !semanticEqual(object.spec, old.spec),
    grants: [
      { groups: ['*'], resources: ['*/scale'], verbs: ['get', 'update'] },
      { groups: ['metrics.k8s.io'], resources: ['pods'], verbs: ['list'] },
      { groups: ['custom.metrics.k8s.io', 'external.metrics.k8s.io'], resources: ['*'], verbs: ['get', 'list'] },
    ],

    async reconcile(autoscaler, cluster) {
      const attempt = new Attempt(autoscaler, cluster.clock.now())
      await scaleOnce(attempt, cluster, { memories, metrics: metricsClient ?? cluster.live })
      await cluster.status(HorizontalPodAutoscaler, autoscaler, attempt.status)
      return { after: period }
    },

    async reconcileAbsent(at) {
      memories.delete(keyOf(at))
    },
  })
}

/** Failures end in conditions and events, never in a faster retry: the metrics will be no better in 5 ms. */
async function scaleOnce(
  attempt: Attempt,
  cluster: Own,
  { memories, metrics }: { memories: Map<string, Memory>; metrics: Client },
): Promise<void> {
  const { autoscaler } = attempt
  const target = await readScale(attempt, cluster)
  if (!target) return
  const { scale, kind } = target
  attempt.condition('AbleToScale', 'True', {
    reason: 'SucceededGetScale',
    message: "the HPA controller was able to get the target's current scale",
  })
  const current = scale.spec.replicas ?? 0
  const key = keyOf(autoscaler.metadata)
  const known = memories.get(key)
  const history = known?.history ?? { ...nothing, recommendations: [{ replicas: current, at: attempt.now }] }
  memories.set(key, { history, selector: scale.status?.selector ?? '' })
  const wanted = await decide(attempt, { scale, history, cluster, memories, metrics })
  if (!wanted) return attempt.report({ current, desired: autoscaler.status.desiredReplicas, isRescaled: false })
  let desired = current
  if (wanted.replicas !== current) {
    const isDone = await rescale(attempt, { scale, kind, cluster, wanted })
    if (!isDone) return attempt.report({ current, desired: autoscaler.status.desiredReplicas, isRescaled: false })
    desired = wanted.replicas
  }
  if (wanted.wish !== undefined) {
    const wish = { current, desired: wanted.wish, history, now: attempt.now }
    memories.set(key, { history: remember(autoscaler.spec, wish, desired), selector: scale.status?.selector ?? '' })
  }
  attempt.report({ current, desired, isRescaled: desired !== current })
}

async function readScale(attempt: Attempt, cluster: Own): Promise<{ scale: Scale; kind: Kind } | undefined> {
  const { scaleTargetRef: reference } = attempt.autoscaler.spec
  const { namespace } = attempt.autoscaler.metadata
  try {
    const kind = findKind(reference, cluster)
    if (!kind) {
      const group = groupOf(reference.apiVersion ?? '')
      throw new Error(`no matches for kind ${JSON.stringify(reference.kind)} in group ${JSON.stringify(group)}`)
    }
    const scale = await cluster.live.get(kind, { name: reference.name, namespace }, { subresource: 'scale' })
    return { scale, kind }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    cluster.event(attempt.autoscaler, { type: 'Warning', reason: 'FailedGetScale', message: why })
    const message = `the HPA controller was unable to get the target's current scale: ${why}`
    attempt.condition('AbleToScale', 'False', { reason: 'FailedGetScale', message })
    return undefined
  }
}

interface Wanted {
  readonly replicas: number
  /** Why, for the event. */
  readonly reason: string
  /** What the metrics asked for before it was limited. */
  readonly wish?: number
}

interface Deciding {
  readonly scale: Scale
  readonly history: History
  readonly cluster: Own
  readonly memories: ReadonlyMap<string, Memory>
  readonly metrics: Client
}

async function decide(attempt: Attempt, { scale, history, cluster, memories, metrics }: Deciding): Promise<Wanted | undefined> {
  const { spec } = attempt.autoscaler
  const { minReplicas = 1, maxReplicas } = spec
  const current = scale.spec.replicas ?? 0
  if (current === 0 && minReplicas !== 0) {
    const message = 'scaling is disabled since the replica count of the target is zero'
    attempt.condition('ScalingActive', 'False', { reason: 'ScalingDisabled', message })
    return { replicas: 0, reason: '' }
  }
  if (current > maxReplicas) return { replicas: maxReplicas, reason: 'Current number of replicas above Spec.MaxReplicas' }
  if (current < minReplicas) return { replicas: minReplicas, reason: 'Current number of replicas below Spec.MinReplicas' }
  const others = otherSelectors(attempt.autoscaler, cluster, memories)
  const describe = (reference: { apiVersion?: string | undefined; kind: string; name: string }) => describedBy(reference, cluster)
  const proposal = await proposeReplicas(attempt, { scale, cluster, metrics, others, describe })
  if (proposal.error !== undefined) {
    cluster.event(attempt.autoscaler, { type: 'Warning', reason: failedMetrics, message: proposal.error })
  }
  if (proposal.replicas === undefined) return undefined
  const desired = proposal.replicas
  const reason = desired > current ? `${proposal.name} above target` : 'All metrics below target'
  const limited = limitReplicas(spec, { current, desired, history, now: attempt.now })
  attempt.condition('AbleToScale', 'True', limited.ableToScale)
  attempt.condition('ScalingLimited', limited.isLimited ? 'True' : 'False', limited.limited)
  return { replicas: limited.replicas, reason, wish: desired }
}

/** The selectors of the namespace's other autoscalers, by their names. */
function otherSelectors(autoscaler: HorizontalPodAutoscaler, cluster: Own, memories: ReadonlyMap<string, Memory>) {
  const { namespace, name } = autoscaler.metadata
  return cluster
    .list(HorizontalPodAutoscaler, { namespace })
    .filter(({ metadata }) => metadata.name !== name)
    .flatMap(({ metadata }) => {
      const selector = memories.get(keyOf(metadata))?.selector
      return selector ? [{ name: metadata.name, selector }] : []
    })
}

function describedBy(reference: { apiVersion?: string | undefined; kind: string; name: string }, cluster: Own): Described {
  const kind = findKind(reference, cluster)
  if (!kind) {
    const group = groupOf(reference.apiVersion ?? '')
    throw new Error(`no matches for kind ${JSON.stringify(reference.kind)} in group ${JSON.stringify(group)}`)
  }
  const resource = kind.group ? `${kind.plural}.${kind.group}` : kind.plural
  return { resource, name: reference.name, namespaced: kind.namespaced }
}

async function rescale(
  attempt: Attempt,
  { scale, kind, cluster, wanted }: { scale: Scale; kind: Kind; cluster: Own; wanted: Wanted },
): Promise<boolean> {
  const { autoscaler } = attempt
  const { namespace } = autoscaler.metadata
  const { replicas, reason } = wanted
  const body = { ...scale, spec: { ...scale.spec, replicas } }
  try {
    const { name } = autoscaler.spec.scaleTargetRef
    await cluster.live.transport.request({ verb: 'update', resource: kind, namespace, name, subresource: 'scale', body })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const text = `New size: ${replicas}; reason: ${reason}; error: ${why}`
    cluster.event(autoscaler, { type: 'Warning', reason: 'FailedRescale', message: text })
    const message = `the HPA controller was unable to update the target scale: ${why}`
    attempt.condition('AbleToScale', 'False', { reason: 'FailedUpdateScale', message })
    return false
  }
  const message = `the HPA controller was able to update the target scale to ${replicas}`
  attempt.condition('AbleToScale', 'True', { reason: 'SucceededRescale', message })
  cluster.event(autoscaler, { type: 'Normal', reason: 'SuccessfulRescale', message: `New size: ${replicas}; reason: ${reason}` })
  return true
}

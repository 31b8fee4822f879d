/**
 * ResourceQuota controller: keeps what a quota says is used in step with what there is. Admission counts up; this counts down when
 * objects go, and puts right what was counted for writes that did not come about.
 */
import { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { quotaEvaluator } from '#api/core/v1/quota-usage.ts'
import { ReplicationController } from '#api/core/v1/replication-controller.ts'
import { ResourceQuota } from '#api/core/v1/resource-quota.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { Service } from '#api/core/v1/service.ts'
import { kinds as builtIn } from '#api/kinds.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { Kind } from '#schema/kind.ts'
import { type Caches, type Change, type Cluster, defineController } from '../runtime/controller.ts'
import { kindsOf } from '../runtime/custom-kinds.ts'
import { type Counted, countedKinds, planQuota } from './plan.ts'

/** Seconds between counts that nothing asked for (`resource-quota-sync-period`). */
const resync = 300
/** The same where objects are counted that nobody here watches. */
const unwatchedResync = 30

/** Kinds that are counted from caches. */
const watched = [Pod, Service, PersistentVolumeClaim, ResourceClaim, ConfigMap, Secret, ReplicationController] as const
type Reads = typeof ResourceQuota | typeof CustomResourceDefinition | (typeof watched)[number]

export const resourceQuotaController = defineController({
  name: 'resourcequota-controller',
  for: ResourceQuota,
  reads: [...watched, CustomResourceDefinition],
  // Admission writes the status; to count right then, before the object is there, would give away what it took.
  when: ({ object, old }) => !object || !old || !semanticEqual(object.spec, old.spec) || !old.status.used,
  watches: watched.map((kind: Kind) => ({ kind, when: (change: Change) => frees(kind, change), visits: quotasBeside })),
  grants: [{ groups: ['*'], resources: ['*'], verbs: ['list', 'watch'] }],

  async reconcile(quota, cluster) {
    const { hard = {} } = quota.spec
    const kinds = countedKinds(hard, [
      ...builtIn,
      ...cluster.list(CustomResourceDefinition).flatMap((one) => kindsOf(one).slice(0, 1)),
    ])
    const counted = await Promise.all(kinds.map((kind) => count(kind, quota, cluster)))
    const status = planQuota(quota, counted, cluster.clock.now())
    await cluster.status(ResourceQuota, quota, status, { onlyOnto: quota.metadata.resourceVersion ?? '' })
    return { after: kinds.every(isWatched) ? resync : unwatchedResync }
  },
})

function isWatched(kind: Kind): boolean {
  return watched.some((one) => one.plural === kind.plural && one.group === kind.group)
}

function quotasBeside({ metadata }: Pod, caches: Caches<typeof ResourceQuota>) {
  return caches.list(ResourceQuota, { namespace: metadata.namespace }).map((quota) => quota.metadata)
}

/** Whether there may be more room than before; how much is taken by what is new, admission has counted. */
function frees(kind: Kind, { object, old }: Change): boolean {
  if (!object) return true
  if (!old) return false
  const { usage } = quotaEvaluator(kind)
  const hasEnded = kind === Pod && (object as Pod).status.phase !== (old as Pod).status.phase
  return hasEnded || (kind !== ConfigMap && kind !== Secret && !semanticEqual(usage(object, 0), usage(old, 0)))
}

async function count(kind: Kind, { metadata, spec }: ResourceQuota, cluster: Cluster<Reads, never>): Promise<Counted> {
  const { namespace } = metadata
  const evaluator = quotaEvaluator(kind)
  if (isWatched(kind)) return { evaluator, objects: cluster.list(kind as typeof Pod, { namespace }) }
  const isScoped = Boolean(spec.scopes?.length || spec.scopeSelector?.matchExpressions?.length)
  if (isScoped) return { evaluator, objects: [] }
  const { items, metadata: page } = await cluster.live.list(kind, { namespace, limit: 1 })
  return { evaluator, objects: [], number: items.length + (page.remainingItemCount ?? 0) }
}

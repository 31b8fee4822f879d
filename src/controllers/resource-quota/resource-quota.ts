/**
 * ResourceQuota controller: keeps what a quota says is used in step with what there is. Admission counts up; this counts down when
 * objects go, and puts right what was counted for writes that did not come about.
 */
import { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { quotaEvaluator, usedAmounts } from '#api/core/v1/quota-usage.ts'
import { ReplicationController } from '#api/core/v1/replication-controller.ts'
import { ResourceQuota } from '#api/core/v1/resource-quota.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { Service } from '#api/core/v1/service.ts'
import { kinds as builtIn } from '#api/kinds.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { Kind } from '#schema/kind.ts'
import { canonical } from '../canonical.ts'
import { type Caches, type Change, type Cluster, defineController } from '../runtime/controller.ts'
import { kindsOf } from '../runtime/custom-kinds.ts'
import { Memory } from '../runtime/memory.ts'
import { countedKinds, planQuota } from './plan.ts'
import { Tally } from './tally.ts'

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
  watches: watched.map((kind: Kind) => ({
    kind,
    when: (change: Change) => frees(kind, change),
    visits: quotasBeside,
    follows: 'all',
  })),
  grants: [{ groups: ['*'], resources: ['*'], verbs: ['list', 'watch'] }],

  async reconcile(quota, cluster) {
    const { hard = {} } = quota.spec
    const kinds = countedKinds(hard, [
      ...builtIn,
      ...cluster.list(CustomResourceDefinition).flatMap((one) => kindsOf(one).slice(0, 1)),
    ])
    const tallies = memory.of(cluster, quota)
    tallies.look(quota, cluster)
    const counted = await Promise.all(
      kinds.map((kind) => tallies.of(kind)?.sum(cluster.clock.now()) ?? countLive(kind, quota, cluster)),
    )
    const status = planQuota(quota, counted)
    await cluster.status(ResourceQuota, quota, status, { onlyOnto: quota.metadata.resourceVersion ?? '' })
    return { after: kinds.every(isWatched) ? resync : unwatchedResync }
  },

  async reconcileAbsent(at, cluster) {
    memory.forget(cluster, at)
  },
})

/** Those of a quota, one for each kind that is watched and bounded. */
class Tallies {
  #spec = ''
  #byKind = new Map<Kind, Tally>()

  of(kind: Kind): Tally | undefined {
    return this.#byKind.get(watchedKind(kind) as Kind)
  }

  look(quota: ResourceQuota, cluster: Cluster<Reads, never>): void {
    const spec = canonical(quota.spec)
    const anew = this.#spec !== spec
    this.#spec = spec
    if (anew) {
      const kinds = countedKinds(quota.spec.hard ?? {}, watched)
      this.#byKind = new Map(kinds.map((kind) => [kind, new Tally(quotaEvaluator(kind), quota)]))
    }
    const now = cluster.clock.now()
    for (const [kind, tally] of this.#byKind) tally.look(cluster.changes(kind as typeof Pod, quota, { whole: anew }), now)
  }
}

const memory = new Memory(() => new Tallies())

function isWatched(kind: Kind): boolean {
  return watchedKind(kind) !== undefined
}

function watchedKind(kind: Kind): Kind | undefined {
  return watched.find((one: Kind) => one.plural === kind.plural && one.group === kind.group)
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

/** Of others only the number is known, which scopes do not concern. */
async function countLive(
  kind: Kind,
  { metadata, spec }: ResourceQuota,
  cluster: Cluster<Reads, never>,
): Promise<Record<string, string>> {
  const { namespace } = metadata
  const evaluator = quotaEvaluator(kind)
  const none = usedAmounts({ spec, hard: spec.hard ?? {} }, { evaluator, objects: [], now: 0 })
  if (spec.scopes?.length || spec.scopeSelector?.matchExpressions?.length) return none
  const { items, metadata: page } = await cluster.live.list(kind, { namespace, limit: 1 })
  const number = String(items.length + (page.remainingItemCount ?? 0))
  return Object.fromEntries(Object.keys(none).map((name) => [name, number]))
}

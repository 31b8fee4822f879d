/**
 * Device taint eviction controller (KEP-5055): drives pods off devices with NoExecute taints that their claims do not tolerate, or not for
 * longer. Taints stand in ResourceSlices and, where the API has them, in DeviceTaintRules, whose status a second loop keeps.
 */
import { Pod } from '#api/core/v1/pod.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { DeviceTaintRule } from '#api/resource/v1beta2/device-taint-rule.ts'
import type { Ref } from '#client/client.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { Kind } from '#schema/kind.ts'
import { markDisrupted } from '../pod-failure.ts'
import { isFinished } from '../pod-state.ts'
import { type Caches, type Change, type Controller, defineController, type Watch } from '../runtime/controller.ts'
import { type Eviction, planEviction } from './plan.ts'
import { EvictedPods, taintRuleStatusController } from './rule-status.ts'

const name = 'device-taint-eviction-controller'

export type Known = Caches<typeof Pod | typeof ResourceClaim | typeof ResourceSlice | typeof DeviceTaintRule>

export function deviceTaintEvictionControllers(kinds: readonly Kind[]): readonly Controller[] {
  const hasRules = kinds.includes(DeviceTaintRule)
  const evicted = new EvictedPods()
  return [podsController(hasRules, evicted), ...(hasRules ? [taintRuleStatusController(name, evicted)] : [])]
}

function podsController(hasRules: boolean, evicted: EvictedPods): Controller {
  /** UIDs of pods whose time runs. */
  const waiting = new Set<string>()
  return defineController({
    name,
    for: Pod,
    when: ({ object, old }) => !object || (usesClaims(object) && !(old && staysAlike(object, old))),
    reads: hasRules ? [ResourceClaim, ResourceSlice, DeviceTaintRule] : [ResourceClaim, ResourceSlice],
    writes: [Pod],
    watches: hasRules ? [claimWatch, sliceWatch, ruleWatch] : [claimWatch, sliceWatch],

    async reconcile(pod, cluster) {
      const now = cluster.clock.now()
      const eviction = evictionOf(pod, cluster as Known, hasRules)
      const { uid } = pod.metadata
      if (!eviction) {
        if (waiting.delete(uid) && !pod.metadata.deletionTimestamp) tell('Cancelling deletion')
        return
      }
      if (eviction.due > now) {
        waiting.add(uid)
        return { after: (eviction.due - now) / 1000 }
      }
      tell('Marking for deletion')
      const message = 'Device Taint manager: deleting due to NoExecute taint'
      await markDisrupted(cluster, pod, { reason: 'DeletionByDeviceTaintManager', message })
      await cluster.delete(Pod, pod)
      waiting.delete(uid)
      evicted.note(eviction.rules)

      function tell(message: string): void {
        cluster.event(pod, { type: 'Normal', reason: 'DeviceTaintManagerEviction', message })
      }
    },
  })
}

export function evictionOf(pod: Pod, caches: Known, hasRules: boolean): Eviction | undefined {
  const { namespace } = pod.metadata
  if (isFinished(pod) || !usesClaims(pod)) return undefined
  return planEviction(pod, {
    slices: caches.list(ResourceSlice),
    rules: hasRules ? caches.list(DeviceTaintRule) : [],
    claim: (name) => caches.get(ResourceClaim, { name, namespace }),
  })
}

function usesClaims({ spec }: Pod): boolean {
  return (spec.resourceClaims?.length ?? 0) > 0
}

function staysAlike(pod: Pod, old: Pod): boolean {
  return (
    pod.spec.nodeName === old.spec.nodeName && semanticEqual(pod.status.resourceClaimStatuses, old.status.resourceClaimStatuses)
  )
}

const claimWatch: Watch = { kind: ResourceClaim, visits: (claim: ResourceClaim) => consumersOf(claim) }

const sliceWatch: Watch = {
  kind: ResourceSlice,
  when: ({ object, old }: Change<ResourceSlice>) => !semanticEqual(taintsIn(object), taintsIn(old)),
  visits: ({ spec }: ResourceSlice, caches: Caches<typeof ResourceClaim>) =>
    usersOf(caches, ({ driver, pool }) => driver === spec.driver && pool === spec.pool.name),
}

const ruleWatch: Watch = {
  kind: DeviceTaintRule,
  when: ({ object, old }: Change<DeviceTaintRule>) => !semanticEqual(object?.spec, old?.spec),
  // Also those that a change of the selector lets go.
  visits: (_: DeviceTaintRule, caches: Caches<typeof ResourceClaim>) => usersOf(caches, () => true),
}

/** A generation that is out of date takes its taints along. */
function taintsIn(slice: ResourceSlice | undefined) {
  return slice && [slice.spec.pool.generation, slice.spec.devices?.map(({ name, taints }) => [name, taints ?? []])]
}

type Result = NonNullable<NonNullable<ResourceClaim['status']['allocation']>['devices']['results']>[number]

function usersOf(caches: Caches<typeof ResourceClaim>, concerns: (result: Result) => boolean): readonly Ref[] {
  return caches
    .list(ResourceClaim)
    .filter(({ status }) => status.allocation?.devices.results?.some(concerns))
    .flatMap(consumersOf)
}

function consumersOf({ metadata, status }: ResourceClaim): readonly Ref[] {
  const { namespace } = metadata
  return (status.reservedFor ?? [])
    .filter(({ apiGroup, resource }) => !apiGroup && resource === 'pods')
    .map(({ name }) => ({ name, namespace }))
}

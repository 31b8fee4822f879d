/** What a DeviceTaintRule says of the pods that it drives off, or would drive off. */
import { Pod } from '#api/core/v1/pod.ts'
import type { Condition } from '#api/meta/v1/condition.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { DeviceTaintRule } from '#api/resource/v1beta2/device-taint-rule.ts'
import { formatTime } from '#lib/clock.ts'
import { type Caches, type Change, type Controller, defineController } from '../runtime/controller.ts'
import { currentSlices, matches, planEviction } from './plan.ts'

/** Milliseconds between two updates of one rule. */
const period = 10_000
const inProgress = 'EvictionInProgress'

/** How many pods each rule has driven off since this process began. */
export class EvictedPods {
  #counts = new Map<string, number>()

  note(rules: ReadonlySet<string>): void {
    for (const uid of rules) this.#counts.set(uid, this.of(uid) + 1)
  }

  of(uid: string): number {
    return this.#counts.get(uid) ?? 0
  }

  keepOnly(uids: ReadonlySet<string>): void {
    for (const uid of this.#counts.keys()) if (!uids.has(uid)) this.#counts.delete(uid)
  }
}

export function taintRuleStatusController(name: string, evicted: EvictedPods): Controller {
  return defineController({
    name,
    for: DeviceTaintRule,
    reads: [Pod, ResourceClaim, ResourceSlice],
    watches: [
      {
        kind: Pod,
        when: ({ object, old }: Change<Pod>) => (object ?? old)?.spec.resourceClaims !== undefined && hasMoved({ object, old }),
        visits: (_: Pod, caches: Caches<typeof DeviceTaintRule>) =>
          caches
            .list(DeviceTaintRule)
            .filter(({ spec }) => spec.taint.effect === 'NoExecute')
            .map(({ metadata }) => metadata),
      },
    ],

    async reconcile(rule, cluster) {
      const now = cluster.clock.now()
      const before = rule.status.conditions?.find(({ type }) => type === inProgress)
      if (before && before.observedGeneration === rule.metadata.generation) {
        if (rule.spec.taint.effect === 'None') return
        const left = Date.parse(before.lastTransitionTime) + period - now
        if (left > 0) return { after: left / 1000 }
      }
      const condition = planCondition(rule, lookAt(rule, cluster), evicted.of(rule.metadata.uid))
      const { lastTransitionTime: _, ...told } = before ?? { lastTransitionTime: '' }
      if (sameCondition(told, condition)) return
      const others = (rule.status.conditions ?? []).filter(({ type }) => type !== inProgress)
      await cluster.status(DeviceTaintRule, rule, {
        conditions: [...others, { ...condition, lastTransitionTime: formatTime(now) } as Condition],
      })
      return condition.status === 'True' ? { after: period / 1000 } : undefined
    },

    async reconcileAbsent(_at, cluster) {
      evicted.keepOnly(new Set(cluster.list(DeviceTaintRule).map(({ metadata }) => metadata.uid)))
    },
  })
}

function hasMoved({ object, old }: Change<Pod>): boolean {
  if (!object || !old) return true
  return (
    object.spec.nodeName !== old.spec.nodeName ||
    Boolean(object.metadata.deletionTimestamp) !== Boolean(old.metadata.deletionTimestamp)
  )
}

export interface Counts {
  readonly published: number
  readonly allocated: number
  readonly pods: number
  readonly namespaces: number
}

/** A rule without effect is looked at as if it drove pods off. */
function lookAt(rule: DeviceTaintRule, caches: Caches<typeof Pod | typeof ResourceClaim | typeof ResourceSlice>): Counts {
  const { effect } = rule.spec.taint
  if (effect !== 'None' && effect !== 'NoExecute') return { published: 0, allocated: 0, pods: 0, namespaces: 0 }
  const evicting = { ...rule, spec: { ...rule.spec, taint: { ...rule.spec.taint, effect: 'NoExecute' } } } as DeviceTaintRule
  const slices = currentSlices(caches.list(ResourceSlice))
  const published = slices.flatMap(({ spec }) =>
    (spec.devices ?? []).filter(({ name }) => matches(rule, { driver: spec.driver, pool: spec.pool.name, device: name })),
  )
  const results = caches.list(ResourceClaim).flatMap(({ status }) => status.allocation?.devices.results ?? [])
  const pending = caches.list(Pod).filter((pod) => {
    const claim = (name: string) => caches.get(ResourceClaim, { name, namespace: pod.metadata.namespace })
    return planEviction(pod, { slices: [], rules: [evicting], claim })
  })
  return {
    published: published.length,
    allocated: results.filter((result) => matches(rule, result)).length,
    pods: pending.length,
    namespaces: new Set(pending.map(({ metadata }) => metadata.namespace)).size,
  }
}

type Told = Omit<Condition, 'lastTransitionTime'>

/** The condition, without its time. */
export function planCondition({ metadata, spec }: DeviceTaintRule, counts: Counts, evicted: number): Told {
  const { effect } = spec.taint
  const since = evicted > 0 ? `${several(evicted, 'pod')} evicted since starting the controller.` : ''
  const say = (reason: string, message: string, status: 'True' | 'False' = 'False') =>
    ({
      type: inProgress,
      status,
      reason,
      message: [message, since].filter(Boolean).join(' '),
      ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
    }) as Told
  if (effect === 'None') return say('NoEffect', simulated(counts))
  if (effect !== 'NoExecute') return say('OtherEffect', 'Eviction only happens for the NoExecute effect.')
  if (counts.pods > 0) {
    const need = counts.pods === 1 ? 'needs' : 'need'
    return say('PodsPendingEviction', `${several(counts.pods, 'pod')} ${need} to be evicted in ${places(counts)}.`, 'True')
  }
  return say(evicted > 0 ? 'Completed' : 'NotStarted', '')
}

function simulated(counts: Counts): string {
  const devices = `${several(counts.published, 'published device')} selected. ${several(counts.allocated, 'allocated device')} selected.`
  const effect = `${several(counts.pods, 'pod')} would be evicted in ${places(counts)} if the effect was NoExecute.`
  return `${devices} ${effect} This information will not be updated again. Recreate the DeviceTaintRule to trigger an update.`
}

const several = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`
const places = ({ namespaces }: Counts) => (namespaces === 1 ? '1 namespace' : `${namespaces} different namespaces`)

function sameCondition(a: Partial<Told>, b: Told): boolean {
  return (
    a.status === b.status && a.reason === b.reason && a.message === b.message && a.observedGeneration === b.observedGeneration
  )
}

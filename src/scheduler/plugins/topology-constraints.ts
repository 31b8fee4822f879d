/** Which spread constraints hold for a pod: its own, or the profile's for pods of services and controllers. */
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import type { TopologySpreadConstraint } from '#api/core/v1/affinity.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { ReplicationController } from '#api/core/v1/replication-controller.ts'
import { Service } from '#api/core/v1/service.ts'
import type { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { LabelMatcher } from '#schema/selector.ts'
import { compiled, withOwnLabels } from '../framework/pod-terms.ts'
import type { Snapshot } from '../framework/snapshot.ts'

export interface SpreadArgs {
  readonly defaultConstraints?: readonly TopologySpreadConstraint[]
  /** `System`: zones and nodes, softly. `List`: those above. */
  readonly defaultingType?: 'System' | 'List'
}

export interface Constraint {
  readonly topologyKey: string
  readonly maxSkew: number
  readonly minDomains: number
  readonly selector: LabelMatcher
  readonly honorsAffinity: boolean
  readonly honorsTaints: boolean
  /** Equal for constraints that count the same pods. */
  readonly counts: string
}

type When = TopologySpreadConstraint['whenUnsatisfiable']

const hostname = 'kubernetes.io/hostname'

const systemDefaults: readonly TopologySpreadConstraint[] = [
  { topologyKey: hostname, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
]

const known = new WeakMap<Pod, Partial<Record<When, readonly Constraint[]>>>()

/** The pod's own. */
export function constraintsOf(pod: Pod, when: When): readonly Constraint[] {
  let byWhen = known.get(pod)
  if (!byWhen) known.set(pod, (byWhen = {}))
  byWhen[when] ??= (pod.spec.topologySpreadConstraints ?? [])
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when)
    .map((constraint) => {
      const keys = constraint.matchLabelKeys ?? []
      const selector = withOwnLabels(constraint.labelSelector, pod.metadata.labels ?? {}, { keys, operator: 'In' })
      return constraintOf(constraint, compiled(selector), JSON.stringify(selector ?? null))
    })
  return byWhen[when] as readonly Constraint[]
}

export function defaultsFor(
  pod: Pod,
  snapshot: Snapshot,
  { args, when }: { args: SpreadArgs; when: When },
): readonly Constraint[] {
  const isSystem = (args.defaultingType ?? 'System') === 'System'
  const wanted = isSystem ? systemDefaults : (args.defaultConstraints ?? [])
  const matching = wanted.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when)
  if (matching.length === 0) return []
  const selector = groupSelector(pod, snapshot)
  if (selector.isEmpty) return []
  return matching.map((constraint) => constraintOf(constraint, selector, selector.toString()))
}

function constraintOf(constraint: TopologySpreadConstraint, selector: LabelMatcher, text: string): Constraint {
  const { topologyKey, maxSkew, minDomains, nodeAffinityPolicy, nodeTaintsPolicy } = constraint
  return {
    ...{ topologyKey, maxSkew, selector },
    minDomains: minDomains ?? 1,
    honorsAffinity: (nodeAffinityPolicy ?? 'Honor') === 'Honor',
    honorsTaints: nodeTaintsPolicy === 'Honor',
    counts: text,
  }
}

const nobody = new LabelMatcher([])

/** What the services and the controller of the pod select, all at once (upstream `helper.DefaultSelector`). */
function groupSelector(pod: Pod, { objects }: Snapshot): LabelMatcher {
  const { namespace = '', labels = {}, ownerReferences = [] } = pod.metadata
  const services = objects.list(Service, namespace)
  if (services.length === 0 && ownerReferences.length === 0) return nobody
  const equal: Record<string, string> = {}
  for (const { spec } of services) {
    const pairs = Object.entries(spec.selector ?? {})
    if (pairs.length > 0 && pairs.every(([key, value]) => labels[key] === value)) Object.assign(equal, spec.selector)
  }
  const owner = ownerReferences.find(({ controller }) => controller)
  const at = { namespace, name: owner?.name ?? '' }
  let rules: LabelMatcher['requirements'] = []
  if (owner?.kind === 'ReplicationController') {
    Object.assign(equal, objects.get(ReplicationController, at)?.spec.selector)
  } else if (owner?.kind === 'ReplicaSet' || owner?.kind === 'StatefulSet') {
    const controller = owner.kind === 'ReplicaSet' ? objects.get(ReplicaSet, at) : objects.get(StatefulSet, at)
    if (controller) rules = compiled(controller.spec.selector as LabelSelector).requirements
  }
  const more = Object.entries(equal).map(([key, value]) => ({ key, operator: '=' as const, values: [value] }))
  return new LabelMatcher([...more, ...rules])
}

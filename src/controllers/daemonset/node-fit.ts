/** On which nodes the pods of a DaemonSet run, and what they are like there (`nodeShouldRunDaemonPod`, `daemonset_util.go`). */
import type { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import type { Node } from '#api/core/v1/node.ts'
import { matchesRequired } from '#api/core/v1/node-selector.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { PodSpec } from '#api/core/v1/pod-spec.ts'
import type { Toleration } from '#api/core/v1/taint.ts'
import type { Draft } from '#schema/words.ts'
import { tolerates } from '../node/taint-eviction.ts'
import { podFromTemplate } from '../pod-control.ts'

export interface Fit {
  /** A pod should be made where there is none. */
  readonly starts: boolean
  /** A pod that is there may stay. */
  readonly stays: boolean
}

export function fitOf(set: DaemonSet, node: Node): Fit {
  const { spec } = set.spec.template
  if (spec.nodeName && spec.nodeName !== node.metadata.name) return { starts: false, stays: false }
  if (!matchesRequired({ spec }, node)) return { starts: false, stays: false }
  const tolerations = tolerationsOf(spec)
  const untolerated = (node.spec.taints ?? []).filter((taint) => !tolerations.some((one) => tolerates(one, taint)))
  return {
    starts: !untolerated.some(({ effect }) => effect === 'NoExecute' || effect === 'NoSchedule'),
    stays: !untolerated.some(({ effect }) => effect === 'NoExecute'),
  }
}

/** Daemons outlive whatever is wrong with their node. */
const always: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
]
const onHostNetwork: Toleration = { key: 'node.kubernetes.io/network-unavailable', operator: 'Exists', effect: 'NoSchedule' }

/** The template's tolerations and those that all daemons have; of equal ones the template's stands first. */
export function tolerationsOf({ tolerations = [], hostNetwork }: PodSpec): readonly Toleration[] {
  const added = hostNetwork ? [...always, onHostNetwork] : always
  const isNew = (one: Toleration) =>
    !tolerations.some(
      ({ key, operator, effect, value }) =>
        key === one.key && operator === one.operator && effect === one.effect && (value ?? '') === '',
    )
  return [...tolerations, ...added.filter(isNew)]
}

const nameField = 'metadata.name'

/**
 * The node's name leaves nothing for the scheduler but to bind the pod there, or to wait. It stands for the template's required
 * terms, which the node was found to match.
 */
export function affinityFor(affinity: PodSpec['affinity'], node: string): PodSpec['affinity'] {
  const required = { nodeSelectorTerms: [{ matchFields: [{ key: nameField, operator: 'In', values: [node] }] }] }
  const nodeAffinity = { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: required }
  return { ...affinity, nodeAffinity } as PodSpec['affinity']
}

/** The node that a pod is for: where it runs, or else the one that its affinity names. */
export function targetOf({ spec }: Pod): string | undefined {
  if (spec.nodeName) return spec.nodeName
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  for (const { matchFields = [] } of terms) {
    const rule = matchFields.find(({ key, operator, values }) => key === nameField && operator === 'In' && values?.length === 1)
    if (rule) return rule.values?.[0]
  }
  return undefined
}

export const hashLabel = 'controller-revision-hash'
const generationLabel = 'pod-template-generation'
const generationAnnotation = 'deprecated.daemonset.template.generation'

function generationOf({ metadata }: DaemonSet): string | undefined {
  return metadata.annotations?.[generationAnnotation]
}

export function daemonPod(set: DaemonSet, hash: string, node: string): Draft<Pod> {
  const draft = podFromTemplate(set.spec.template)
  const { spec } = set.spec.template
  const generation = generationOf(set)
  const labels = {
    ...draft.metadata?.labels,
    ...(generation && { [generationLabel]: generation }),
    ...(hash && { [hashLabel]: hash }),
  }
  return {
    metadata: { ...draft.metadata, labels },
    spec: {
      ...draft.spec,
      tolerations: [...tolerationsOf(spec)],
      affinity: affinityFor(spec.affinity, node),
    } as Draft<Pod>['spec'],
  }
}

/** Whether the pod is of the newest template, by either of the ways in which pods say so. */
export function isUpdated(set: DaemonSet, pod: Pod, hash: string): boolean {
  const { labels = {} } = pod.metadata
  const generation = generationOf(set)
  return (generation !== undefined && labels[generationLabel] === generation) || (hash !== '' && labels[hashLabel] === hash)
}

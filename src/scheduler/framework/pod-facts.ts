/** What plugins need to know of a pod again and again, worked out once per pod. */
import type { Pod } from '#api/core/v1/pod.ts'
import { semanticEqual } from '#schema/equal.ts'
import { hostPorts } from './host-ports.ts'
import { type PodTerms, podTerms } from './pod-terms.ts'
import { podRequests } from './resources.ts'
import type { Resources } from './snapshot.ts'

export interface PodFacts {
  readonly requests: Resources
  readonly nonZero: Resources
  readonly ports: readonly string[]
  readonly terms: PodTerms
  /** `namespace/name` of the claims for volumes that it uses. */
  readonly volumeClaims: readonly string[]
}

const known = new WeakMap<Pod, PodFacts>()

export function factsOf(pod: Pod): PodFacts {
  const facts = known.get(pod)
  if (facts) return facts
  const requests = podRequests(pod)
  const made: PodFacts = {
    requests,
    nonZero: asksForBoth(pod) ? requests : podRequests(pod, { nonZero: true }),
    ports: hostPorts(pod),
    terms: podTerms(pod),
    volumeClaims: volumeClaims(pod),
  }
  known.set(pod, made)
  return made
}

/** Nothing is left to assume about it. */
function asksForBoth({ spec }: Pod): boolean {
  const asks = ({ resources }: Pod['spec']['containers'][number]) =>
    resources?.requests?.cpu !== undefined && resources.requests.memory !== undefined
  return spec.containers.every(asks) && !spec.initContainers?.length
}

/**
 * Another state of a known pod: true where it counts for the same, so that this is not worked out again. Status does not matter but for what a resize
 * leaves there.
 */
export function keepsFacts(pod: Pod, before: Pod): boolean {
  const facts = known.get(before)
  if (!facts || pod.spec !== before.spec || pod.metadata.deletionTimestamp !== before.metadata.deletionTimestamp) return false
  if (isResized(pod) || isResized(before)) return false
  if (!semanticEqual(pod.metadata.labels ?? {}, before.metadata.labels ?? {})) return false
  known.set(pod, facts)
  return true
}

/** What its containers have may differ from what they ask for. */
export function isResized({ spec, status }: Pod): boolean {
  if (!spec.nodeName) return false
  const differs = ({ allocatedResources, resources }: Amounts) => allocatedResources !== undefined || resources !== undefined
  return (
    differs(status as Amounts) ||
    (status.containerStatuses ?? []).some((one) => differs(one as Amounts)) ||
    (status.initContainerStatuses ?? []).some((one) => differs(one as Amounts))
  )
}

interface Amounts {
  readonly allocatedResources?: unknown
  readonly resources?: unknown
}

/** The pod as if it were on the node. */
export function onNode(pod: Pod, nodeName: string): Pod {
  const placed = { ...pod, spec: { ...pod.spec, nodeName } }
  known.set(placed, factsOf(pod))
  return placed
}

export function priorityOf({ spec }: Pod): number {
  return spec.priority ?? 0
}

/** The claim of a generic ephemeral volume is named after the pod and the volume. */
export function claimNameOf({ metadata }: Pod, volume: NonNullable<Pod['spec']['volumes']>[number]): string | undefined {
  if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName
  return volume.ephemeral ? `${metadata.name}-${volume.name}` : undefined
}

function volumeClaims(pod: Pod): readonly string[] {
  if (!pod.spec.volumes?.length) return none
  const names = pod.spec.volumes.map((volume) => claimNameOf(pod, volume))
  return [...new Set(names.filter((name) => name !== undefined))].map((name) => `${pod.metadata.namespace}/${name}`)
}

const none: readonly string[] = []

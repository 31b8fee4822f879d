/** What changed between two states of an object, in the words by which plugins say what may cure them. */
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { ActionType } from './framework/plugin.ts'
import { factsOf, isResized } from './framework/pod-facts.ts'
import { amountOf } from './framework/resources.ts'
import type { Resources } from './framework/snapshot.ts'

export function nodeChanges(before: Node, after: Node): ActionType[] {
  const changes: ActionType[] = []
  const differs = (part: (node: Node) => unknown) => JSON.stringify(part(before)) !== JSON.stringify(part(after))
  if (differs(({ status }) => status.allocatable)) changes.push('allocatableChanged')
  if (differs(({ metadata }) => metadata.labels)) changes.push('labelsChanged')
  if (differs(({ spec }) => [spec.taints, spec.unschedulable])) changes.push('taintsChanged')
  if (differs(({ status }) => status.conditions?.map(({ type, status }) => [type, status]))) changes.push('conditionsChanged')
  if (differs(({ metadata }) => metadata.annotations)) changes.push('annotationsChanged')
  if (differs(({ status }) => status.declaredFeatures)) changes.push('declaredFeaturesChanged')
  return changes
}

/** Of a placed pod. One that asks for less makes room, also where its node tells so in the status, at the end of a resize (KEP-1287). */
export function podChanges(before: Pod, after: Pod): ActionType[] {
  const changes: ActionType[] = []
  if (JSON.stringify(before.metadata.labels) !== JSON.stringify(after.metadata.labels)) changes.push('labelsChanged')
  const mayAskForLess = before.spec !== after.spec || isResized(before) || isResized(after)
  if (mayAskForLess && asksForLess(factsOf(before).requests, factsOf(after).requests)) changes.push('scaledDown')
  return changes
}

/** Of a pod that waits for a node: what may bring plugins round that refused it. */
export function ownChanges(before: Pod, after: Pod): ActionType[] {
  const changes = podChanges(before, after)
  const count = ({ spec }: Pod, list: 'tolerations' | 'schedulingGates') => spec[list]?.length ?? 0
  const claims = ({ status }: Pod) => JSON.stringify([status.resourceClaimStatuses ?? [], status.extendedResourceClaimStatus])
  if (count(before, 'schedulingGates') > 0 && count(after, 'schedulingGates') === 0) changes.push('gatesEliminated')
  if (count(before, 'tolerations') !== count(after, 'tolerations')) changes.push('tolerationsChanged')
  if (claims(before) !== claims(after)) changes.push('claimsGenerated')
  return [...changes, 'updated']
}

/** Of some resource. */
function asksForLess(before: Resources, after: Resources): boolean {
  const names = ['cpu', 'memory', 'ephemeral-storage', ...before.others.keys()]
  return names.some((name) => amountOf(after, name) < amountOf(before, name))
}

/** What changed between two states of an object, in the words by which plugins say what may cure them. */
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { ActionType } from './framework/plugin.ts'
import { podRequests } from './framework/resources.ts'

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

/** A placed pod that asks for less, or has ended, makes room. */
export function podChanges(before: Pod, after: Pod): ActionType[] {
  const changes: ActionType[] = []
  if (JSON.stringify(before.metadata.labels) !== JSON.stringify(after.metadata.labels)) changes.push('labelsChanged')
  if (before.spec !== after.spec) {
    const [old, now] = [podRequests(before), podRequests(after)]
    if (now.cpu < old.cpu || now.memory < old.memory) changes.push('scaledDown')
  }
  return changes
}

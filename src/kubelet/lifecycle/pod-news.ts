/** Whether a change of a pod's object asks for a look at the pod. */
import { isDeepStrictEqual } from 'node:util'
import type { Pod } from '#api/core/v1/pod.ts'
import { ownConditions } from '../status/conditions.ts'

/** The agent's own status writes come back to it, and must not make it try failed things again at once. */
export function isNews(pod: Pod, old: Pod): boolean {
  return !isDeepStrictEqual(facts(pod), facts(old))
}

function facts({ metadata, spec, status }: Pod) {
  const { generation, labels, annotations, deletionTimestamp, deletionGracePeriodSeconds, finalizers } = metadata
  const gates = status.conditions?.filter(({ type }) => !ownConditions.has(type)) ?? []
  return { generation, labels, annotations, deletionTimestamp, deletionGracePeriodSeconds, finalizers, gates, spec }
}

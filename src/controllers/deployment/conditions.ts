/** Conditions of a Deployment's status. */
import type { DeploymentCondition, DeploymentStatus } from '#api/apps/v1/deployment.ts'
import { formatTime } from '#lib/clock.ts'

type Type = 'Available' | 'Progressing' | 'ReplicaFailure'

export function conditionOf({ conditions }: DeploymentStatus, type: Type): DeploymentCondition | undefined {
  return conditions?.find((condition) => condition.type === type)
}

export function condition(
  type: Type,
  status: DeploymentCondition['status'],
  { reason, message, now }: { reason: string; message: string; now: number },
): DeploymentCondition {
  const time = formatTime(now)
  return { type, status, lastUpdateTime: time, lastTransitionTime: time, reason, message }
}

/** The list with `next` in it. The same status for the same reason stays as it is; the same status keeps its time. */
export function withCondition(
  list: readonly DeploymentCondition[] | undefined,
  next: DeploymentCondition,
): DeploymentCondition[] {
  const current = list?.find(({ type }) => type === next.type)
  if (current && current.status === next.status && current.reason === next.reason) return [...(list ?? [])]
  const { lastTransitionTime } = current?.status === next.status ? current : next
  return [...withoutCondition(list, next.type as Type), { ...next, lastTransitionTime }]
}

export function withoutCondition(list: readonly DeploymentCondition[] | undefined, type: Type): DeploymentCondition[] {
  return (list ?? []).filter((condition) => condition.type !== type)
}

/** Whether a node still gives signs of life, and what is to be said of it when it does not. */
import type { Node, NodeCondition } from '#api/core/v1/node.ts'
import { formatTime } from '#lib/clock.ts'

/** Milliseconds without a sign of life until a node counts as unknown; upstream's default since 1.32. */
export const gracePeriod = 50_000
/** For a node that has never reported. */
export const startupGracePeriod = 60_000

/** The newest signs of life, and when this process noticed them: clocks of nodes are not trusted. */
export interface Signs {
  readonly heartbeat: string
  readonly renewal: string
  readonly noticed: number
}

export function signsOf(
  node: Node,
  renewal: string | undefined,
  { before, now }: { before: Signs | undefined; now: number },
): Signs {
  const heartbeat = readyOf(node)?.lastHeartbeatTime ?? ''
  const seen = { heartbeat, renewal: renewal ?? '' }
  if (before && before.heartbeat === seen.heartbeat && before.renewal === seen.renewal) return before
  return { ...seen, noticed: now }
}

export function readyOf({ status }: Node): NodeCondition | undefined {
  return status.conditions?.find(({ type }) => type === 'Ready')
}

/** Milliseconds until the node counts as unknown; 0 or less when it does. */
export function timeLeft(node: Node, signs: Signs, now: number): number {
  return signs.noticed + (readyOf(node) ? gracePeriod : startupGracePeriod) - now
}

const watched = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']

/** The conditions of a node that is silent; undefined when they say so already. */
export function planUnknown(node: Node, now: number): NodeCondition[] | undefined {
  const conditions = node.status.conditions ?? []
  const time = formatTime(now)
  const kept = conditions.map((condition): NodeCondition => {
    if (!watched.includes(condition.type) || condition.status === 'Unknown') return condition
    const told = { reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' }
    return { ...condition, status: 'Unknown', lastTransitionTime: time, ...told }
  })
  const missing = watched
    .filter((type) => !conditions.some((condition) => condition.type === type))
    .map(
      (type): NodeCondition => ({
        type,
        status: 'Unknown',
        lastHeartbeatTime: node.metadata.creationTimestamp,
        lastTransitionTime: time,
        reason: 'NodeStatusNeverUpdated',
        message: 'Kubelet never posted node status.',
      }),
    )
  const next = [...kept, ...missing]
  const changed = missing.length > 0 || kept.some((condition, at) => condition !== conditions[at])
  return changed ? next : undefined
}

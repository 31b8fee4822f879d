/** Taints by which a node's conditions keep pods off it, or drive them away. */
import type { Node } from '#api/core/v1/node.ts'
import type { Taint } from '#api/core/v1/taint.ts'
import { formatTime } from '#lib/clock.ts'
import { readyOf } from './health.ts'

export const notReady = 'node.kubernetes.io/not-ready'
export const unreachable = 'node.kubernetes.io/unreachable'

/** Condition -> status -> key. */
const byCondition: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: notReady, Unknown: unreachable },
  MemoryPressure: { True: 'node.kubernetes.io/memory-pressure' },
  DiskPressure: { True: 'node.kubernetes.io/disk-pressure' },
  NetworkUnavailable: { True: 'node.kubernetes.io/network-unavailable' },
  PIDPressure: { True: 'node.kubernetes.io/pid-pressure' },
}
const unschedulable = 'node.kubernetes.io/unschedulable'
const managed = new Set([...Object.values(byCondition).flatMap((keys) => Object.values(keys)), unschedulable])

/** The node's taints with those NoSchedule ones that its conditions call for; undefined when they are there. */
export function planNoSchedule(node: Node, now: number): Taint[] | undefined {
  const wanted = new Set(node.spec.unschedulable ? [unschedulable] : [])
  for (const { type, status } of node.status.conditions ?? []) {
    const key = byCondition[type]?.[status]
    if (key) wanted.add(key)
  }
  return changed(node, {
    wanted,
    manages: (taint) => taint.effect === 'NoSchedule' && managed.has(taint.key),
    effect: 'NoSchedule',
    now,
  })
}

/** The same for the NoExecute taint of a node that is not ready; `key` undefined takes it off. */
export function planNoExecute(node: Node, key: string | undefined, now: number): Taint[] | undefined {
  const manages = (taint: Taint) => taint.effect === 'NoExecute' && (taint.key === notReady || taint.key === unreachable)
  return changed(node, { wanted: new Set(key ? [key] : []), manages, effect: 'NoExecute', now })
}

/** What drives pods away from a node in this state. */
export function evictingKey(node: Node): string | undefined {
  return byCondition.Ready?.[readyOf(node)?.status ?? '']
}

interface Wanted {
  readonly wanted: ReadonlySet<string>
  readonly manages: (taint: Taint) => boolean
  readonly effect: Taint['effect']
  readonly now: number
}

function changed({ spec }: Node, { wanted, manages, effect, now }: Wanted): Taint[] | undefined {
  const taints = spec.taints ?? []
  const kept = taints.filter((taint) => !manages(taint) || wanted.has(taint.key))
  const present = new Set(kept.filter(manages).map(({ key }) => key))
  const added = [...wanted].filter((key) => !present.has(key)).map((key) => ({ key, effect, timeAdded: formatTime(now) }))
  return added.length > 0 || kept.length < taints.length ? [...kept, ...added] : undefined
}

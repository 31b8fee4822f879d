/** A rolling update of daemon pods (`rollingUpdate` in `daemon/update.go`). */
import type { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { isAvailable } from '../pod-state.ts'
import { fitOf, isUpdated } from './node-fit.ts'
import { podsByNode, type View } from './plan.ts'

export interface RollingPlan {
  readonly create: readonly string[]
  readonly remove: readonly Pod[]
}

export interface Budget {
  readonly surge: number
  readonly unavailable: number
}

/** Both are rounded up; were both nothing, no pod could ever be replaced. */
export function budgetOf({ spec }: DaemonSet, desired: number): Budget {
  const { rollingUpdate } = spec.updateStrategy
  const surge = scaled(rollingUpdate?.maxSurge ?? 0, desired)
  const unavailable = scaled(rollingUpdate?.maxUnavailable ?? 1, desired)
  return desired > 0 && surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable }
}

function scaled(value: number | string, total: number): number {
  return typeof value === 'number' ? value : Math.ceil((Number.parseInt(value, 10) * total) / 100)
}

/** The pods of a node as an update sees them; undefined while there are more than one of a kind. */
interface Pair {
  readonly current: Pod | undefined
  readonly former: Pod | undefined
}

export function planRolling(view: View): RollingPlan {
  if (view.set.spec.updateStrategy.type === 'OnDelete') return { create: [], remove: [] }
  const starting = view.nodes.filter((node) => fitOf(view.set, node).starts).map(({ metadata }) => metadata.name)
  const budget = budgetOf(view.set, starting.length)
  const byNode = podsByNode(view.pods)
  const names = [...new Set([...byNode.keys(), ...starting])].sort()
  const pairs = new Map(names.map((name) => [name, pairOf(view, byNode.get(name) ?? [])]))
  return budget.surge === 0
    ? planReplacement(view, pairs, budget)
    : planSurge(view, pairs, { budget, starting: new Set(starting) })
}

function pairOf({ set, hash }: View, pods: readonly Pod[]): Pair | undefined {
  const alive = pods.filter(({ metadata }) => !metadata.deletionTimestamp)
  const current = alive.filter((pod) => isUpdated(set, pod, hash))
  const former = alive.filter((pod) => !isUpdated(set, pod, hash))
  return current.length > 1 || former.length > 1 ? undefined : { current: current[0], former: former[0] }
}

type Pairs = ReadonlyMap<string, Pair | undefined>

/** Old pods that are not available go at once, others as long as few enough are unavailable. */
function planReplacement(view: View, pairs: Pairs, { unavailable: most }: Budget): RollingPlan {
  const free: Pod[] = []
  const candidates: Pod[] = []
  let unavailable = 0
  for (const pair of pairs.values()) {
    const { current, former } = pair ?? {}
    const only = current && former ? undefined : (current ?? former)
    const missing = !only || !available(view, only)
    if (missing) unavailable++
    if (only && only === former) (missing ? free : candidates).push(only)
  }
  return { create: [], remove: [...free, ...candidates.slice(0, Math.max(0, most - unavailable))] }
}

/** New pods come beside old ones, which go as soon as the new one is available. */
function planSurge(
  view: View,
  pairs: Pairs,
  { budget, starting }: { budget: Budget; starting: ReadonlySet<string> },
): RollingPlan {
  const free: string[] = []
  const candidates: string[] = []
  const remove: Pod[] = []
  const leaving: Pod[] = []
  let surged = 0
  let availables = 0
  for (const [node, pair] of pairs) {
    if (!pair) {
      surged++
      continue
    }
    const { current, former } = pair
    const counted = former ?? current
    if (counted && available(view, counted)) availables++
    if (!former) continue
    if (current) {
      if (available(view, current)) remove.push(former)
      else surged++
    } else if (!available(view, former)) {
      if (starting.has(node)) free.push(node)
      else remove.push(former)
    } else if (!starting.has(node)) leaving.push(former)
    else candidates.push(node)
  }
  // Where the nodes to run on have changed, old ones go only as new ones take over.
  remove.push(...leaving.slice(0, Math.max(0, availables - starting.size)))
  return { create: [...free, ...candidates.slice(0, Math.max(0, budget.surge - surged))], remove }
}

function available({ set, now }: View, pod: Pod): boolean {
  return isAvailable(pod, set.spec.minReadySeconds ?? 0, now)
}

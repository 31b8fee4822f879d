/** Which daemon pods have to go and where new ones are needed, apart from updates (`podsShouldBeOnNode`). */
import type { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { isAvailable, isReady } from '../pod-state.ts'
import { fitOf, hashLabel, targetOf } from './node-fit.ts'

export interface View {
  readonly set: DaemonSet
  /** Of the newest revision. */
  readonly hash: string
  readonly nodes: readonly Node[]
  /** Without those that have ended and are being deleted. */
  readonly pods: readonly Pod[]
  readonly now: number
}

export interface DaemonPlan {
  /** Names of nodes that need a pod. */
  readonly create: readonly string[]
  readonly remove: readonly Pod[]
  /** Of `remove`, pods that failed: whether it is time for them is the caller's to say. */
  readonly failed: readonly Pod[]
  readonly succeeded: readonly Pod[]
}

/** Node -> its pods, older ones first, pods with a node before those without. */
export function podsByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const found = new Map<string, Pod[]>()
  for (const pod of pods) {
    const node = targetOf(pod)
    if (node === undefined) continue
    const known = found.get(node)
    if (known) known.push(pod)
    else found.set(node, [pod])
  }
  for (const list of found.values()) list.sort(olderFirst)
  return found
}

export function allowsSurge({ spec }: DaemonSet): boolean {
  const { type, rollingUpdate } = spec.updateStrategy
  const surge = rollingUpdate?.maxSurge ?? 0
  return type === 'RollingUpdate' && surge !== 0 && surge !== '0%'
}

export function planDaemonSet(view: View): DaemonPlan {
  const plan = { create: [] as string[], remove: [] as Pod[], failed: [] as Pod[], succeeded: [] as Pod[] }
  const byNode = podsByNode(view.pods)
  for (const node of view.nodes) {
    const { name } = node.metadata
    const { starts, stays } = fitOf(view.set, node)
    const pods = byNode.get(name)
    if (starts && !pods) plan.create.push(name)
    else if (stays) tend(view, pods ?? [], { plan, node: name, starts })
    else plan.remove.push(...(pods ?? []).filter(({ metadata }) => !metadata.deletionTimestamp))
  }
  const known = new Set(view.nodes.map(({ metadata }) => metadata.name))
  // Pods that wait for a node that is gone: nobody else would ever remove them.
  for (const [node, pods] of byNode) {
    if (!known.has(node)) plan.remove.push(...pods.filter(({ spec, metadata }) => !spec.nodeName && !metadata.deletionTimestamp))
  }
  return plan
}

type Growing = { create: string[]; remove: Pod[]; failed: Pod[]; succeeded: Pod[] }

function tend(view: View, pods: readonly Pod[], { plan, node, starts }: { plan: Growing; node: string; starts: boolean }): void {
  const alive = pods.filter(({ metadata }) => !metadata.deletionTimestamp)
  plan.failed.push(...alive.filter(({ status }) => status.phase === 'Failed'))
  plan.succeeded.push(...alive.filter(({ status }) => status.phase === 'Succeeded'))
  const running = alive.filter(({ status }) => status.phase !== 'Failed' && status.phase !== 'Succeeded')
  if (!allowsSurge(view.set)) {
    plan.remove.push(...running.slice(1))
    return
  }
  if (running.length === 0 && starts) plan.create.push(node)
  if (running.length > 1) plan.remove.push(...surplusOf(view, running))
}

/** With surge an old and a new pod may stand side by side, as long as the old one is ready and the new one is not available. */
function surplusOf({ set, hash, now }: View, running: readonly Pod[]): readonly Pod[] {
  const isNew = ({ metadata }: Pod) => metadata.labels?.[hashLabel] === hash
  const current = running.find(isNew)
  const former = running.find((pod) => !isNew(pod))
  const surplus = running.filter((pod) => pod !== current && pod !== former)
  if (!current || !former) return surplus
  const replaced = !isReady(former) || isAvailable(current, set.spec.minReadySeconds ?? 0, now)
  return replaced ? [...surplus, former] : surplus
}

function olderFirst(a: Pod, b: Pod): number {
  const bound = Number(Boolean(b.spec.nodeName)) - Number(Boolean(a.spec.nodeName))
  if (bound) return bound
  const ages = Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp)
  return ages || (a.metadata.name < b.metadata.name ? -1 : 1)
}

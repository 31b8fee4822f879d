/** In-place resize of containers (KEP-1287): what a changed request or limit asks for, and whether the node can give it. */
import type { Node } from '#api/core/v1/node.ts'
import type { Pod, PodStatus } from '#api/core/v1/pod.ts'
import { compareQuantity, milliValue, quantityValue } from '#schema/quantity.ts'
import { type Container, findContainer } from '../containers/pod-names.ts'
import { latest, type RuntimePod } from '../containers/runtime-pod.ts'
import { admit, requestsOf } from './node-admission.ts'

export type Requirements = Pick<Container['resources'], 'requests' | 'limits'>

const resizable = ['cpu', 'memory'] as const

/** `applied`: what the running container was given; undefined: not known, and left alone. */
export function resizeOf(container: Container, applied: Requirements | undefined): 'none' | 'update' | 'restart' {
  if (!applied) return 'none'
  const changed = resizable.filter((name) => {
    const same = (list: 'requests' | 'limits') =>
      compareQuantity(container.resources[list]?.[name] ?? '0', applied[list]?.[name] ?? '0') === 0
    return !same('requests') || !same('limits')
  })
  if (changed.length === 0) return 'none'
  const restarts = changed.some((name) => policyOf(container, name) === 'RestartContainer')
  return restarts ? 'restart' : 'update'
}

function policyOf({ resizePolicy }: Container, name: string): string {
  return resizePolicy?.find(({ resourceName }) => resourceName === name)?.restartPolicy ?? 'NotRequired'
}

export function wantsResize(pod: Pod, status: RuntimePod, applied: ReadonlyMap<string, Requirements>): boolean {
  return pod.spec.containers.some((container) => {
    const run = latest(status, container.name)
    return run?.state === 'running' && resizeOf(container, applied.get(run.id)) !== 'none'
  })
}

/** What a container was given when it was created; one that was there before the agent has it in the pod's status. */
export function rememberResources(
  applied: Map<string, Requirements>,
  { pod, status, last }: { pod: Pod; status: RuntimePod; last: PodStatus },
): void {
  const present = new Set(status.containers.map(({ id }) => id))
  for (const id of applied.keys()) if (!present.has(id)) applied.delete(id)
  for (const { id, name } of status.containers) {
    if (applied.has(id)) continue
    const reported = last.containerStatuses?.find(({ containerID }) => containerID?.endsWith(`//${id}`))
    const container = findContainer(pod, name)?.container
    if (container) applied.set(id, reported ? (reported.resources ?? {}) : container.resources)
  }
}

export interface ResizeRefusal {
  /** Infeasible: never on this node; Deferred: not now. */
  readonly reason: 'Infeasible' | 'Deferred'
  readonly message: string
}

/** `others`: the pods that share the node with this one. */
export function admitResize(pod: Pod, others: readonly Pod[], node: Node): ResizeRefusal | undefined {
  const allocatable = node.status.allocatable ?? {}
  const requests = requestsOf(pod)
  for (const [name, measure] of [
    ['cpu', milliValue],
    ['memory', quantityValue],
  ] as const) {
    const [requested, capacity] = [requests.get(name) ?? 0, measure(allocatable[name] ?? '0')]
    if (requested <= capacity) continue
    const message = `Node didn't have enough capacity: ${name}, requested: ${requested}, capacity: ${capacity}`
    return { reason: 'Infeasible', message }
  }
  const rejection = admit(pod, others, node)
  return rejection?.reason.startsWith('OutOf') ? { reason: 'Deferred', message: rejection.message } : undefined
}

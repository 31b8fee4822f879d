/** Whether this node takes a pod that was bound to it: the agent's own check, since the scheduler may have been wrong (upstream: `pkg/kubelet/lifecycle/predicate.go`). */
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { isExtendedResource } from '#api/core/v1/validation/resources.ts'
import { milliValue, quantityValue } from '#schema/quantity.ts'
import { isSidecar } from '../containers/pod-names.ts'
import { matchesNode } from './node-match.ts'
import { forbiddenSysctl } from './sysctls.ts'

export interface Rejection {
  readonly reason: string
  readonly message: string
}

/** `others`: the pods that the node has taken and that have not ended. */
export function admit(pod: Pod, others: readonly Pod[], node: Node): Rejection | undefined {
  return forbiddenSysctl(pod) ?? unsupported(pod, node) ?? outOfResources(pod, others, node) ?? mismatch(pod, others, node)
}

function unsupported({ spec }: Pod, { status }: Node): Rejection | undefined {
  const isStrict = spec.securityContext?.supplementalGroupsPolicy === 'Strict'
  if (!isStrict || status.features?.supplementalGroupsPolicy) return undefined
  const message = 'SupplementalGroupsPolicy=Strict is not supported in this node'
  return { reason: 'SupplementalGroupsPolicyNotSupported', message }
}

function outOfResources(pod: Pod, others: readonly Pod[], node: Node): Rejection | undefined {
  const allocatable = node.status.allocatable ?? {}
  const pods = quantityValue(allocatable.pods ?? '110')
  if (others.length + 1 > pods) return insufficient('pods', { requested: 1, used: others.length, capacity: pods })
  const totals = others.map(requestsOf)
  for (const [name, requested] of requestsOf(pod)) {
    if (requested === 0 || isElsewhere(name, allocatable)) continue
    const capacity = amount(name, allocatable[name] ?? '0')
    const used = totals.reduce((sum, requests) => sum + (requests.get(name) ?? 0), 0)
    if (requested + used > capacity) return insufficient(name, { requested, used, capacity })
  }
  return undefined
}

/** A node that does not know the resource does not count it: it is the cluster's, or comes as devices by a claim. */
function isElsewhere(name: string, allocatable: Readonly<Record<string, string>>): boolean {
  if (allocatable[name] !== undefined) return false
  return isExtendedResource(name) || name.startsWith('deviceclass.resource.kubernetes.io/')
}

function insufficient(
  resource: string,
  { requested, used, capacity }: { requested: number; used: number; capacity: number },
): Rejection {
  const message = `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`
  return { reason: `OutOf${resource}`, message }
}

function amount(resource: string, quantity: string): number {
  return resource === 'cpu' ? milliValue(quantity) : quantityValue(quantity)
}

/** Regular containers and sidecars together, or what the largest init container needs beside the sidecars before it. */
export function requestsOf(pod: Pod): Map<string, number> {
  const total = new Map<string, number>()
  const own = pod.spec.resources?.requests
  const add = (to: Map<string, number>, requests: Readonly<Record<string, string>> = {}) => {
    for (const [name, quantity] of Object.entries(requests)) to.set(name, (to.get(name) ?? 0) + amount(name, quantity))
  }
  for (const { resources } of pod.spec.containers) add(total, resources.requests)
  const sidecars = new Map<string, number>()
  const peak = new Map<string, number>()
  for (const container of pod.spec.initContainers ?? []) {
    if (isSidecar(container)) {
      add(sidecars, container.resources.requests)
      continue
    }
    const needed = new Map(sidecars)
    add(needed, container.resources.requests)
    for (const [name, value] of needed) peak.set(name, Math.max(peak.get(name) ?? 0, value))
  }
  for (const [name, value] of sidecars) total.set(name, (total.get(name) ?? 0) + value)
  for (const [name, value] of peak) total.set(name, Math.max(total.get(name) ?? 0, value))
  for (const [name, quantity] of Object.entries(own ?? {})) total.set(name, amount(name, quantity))
  add(total, pod.spec.overhead)
  return total
}

function mismatch(pod: Pod, others: readonly Pod[], node: Node): Rejection | undefined {
  if (!matchesNode(pod, node)) return predicate('NodeAffinity', "node(s) didn't match Pod's node affinity/selector")
  const taken = new Set(others.flatMap(hostPorts))
  if (hostPorts(pod).some((port) => taken.has(port))) {
    return predicate('NodePorts', "node(s) didn't have free ports for the requested pod ports")
  }
  const untolerated = node.spec.taints?.some(
    (taint) =>
      taint.effect === 'NoExecute' &&
      !pod.spec.tolerations?.some(
        ({ key, operator, value, effect }) =>
          (!effect || effect === taint.effect) &&
          (!key || key === taint.key) &&
          (operator === 'Exists' || (value ?? '') === (taint.value ?? '')),
      ),
  )
  if (untolerated) return predicate('TaintToleration', "node(s) had taints that the pod didn't tolerate")
  return undefined
}

function predicate(reason: string, text: string): Rejection {
  return { reason, message: `Predicate ${reason} failed: ${text}` }
}

function hostPorts(pod: Pod): string[] {
  return [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers].flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, containerPort, protocol, hostIP }) => {
      const port = hostPort || (pod.spec.hostNetwork ? containerPort : 0)
      return port ? [`${protocol ?? 'TCP'}/${hostIP || '0.0.0.0'}/${port}`] : []
    }),
  )
}

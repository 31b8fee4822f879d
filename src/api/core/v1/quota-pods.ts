/** What a pod counts for in a quota, and which scopes it is in (upstream `pkg/quota/v1/evaluator/core/pods.go`). */
import type { Container } from '#api/core/v1/container.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { qosClassOf } from '#api/core/v1/pod-qos.ts'
import { isHugePages, isNativeResource, podLimits, podRequests } from '#api/core/v1/pod-resources.ts'
import type { ScopedResourceSelectorRequirement } from '#api/core/v1/resource-quota.ts'
import { isExtendedResource } from '#api/core/v1/validation/resources.ts'
import { compareQuantity } from '#schema/quantity.ts'
import { valueMatches } from './quota-scopes.ts'
import type { QuotaEvaluator } from './quota-usage.ts'

type Resources = Readonly<Record<string, string>>

export const podEvaluator: QuotaEvaluator<Pod> = {
  handles: ({ operation, subresource }) =>
    (operation === 'CREATE' && (subresource === '' || subresource === 'resize')) ||
    (operation === 'UPDATE' && subresource === 'resize'),
  counts: (name) => counted.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-') || isExtendedQuotaName(name),
  usage: podUsage,
  inScope: podInScope,
  missing: missingAmounts,
}

const compute = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']
const counted: ReadonlySet<string> = new Set([
  ...['count/pods', 'pods', ...compute],
  ...['ephemeral-storage', 'requests.ephemeral-storage', 'limits.ephemeral-storage'],
])

/** Extended resources cannot be overcommitted, so that only their requests are bounded. */
function isExtendedQuotaName(name: string): boolean {
  return !isNativeResource(name) && name.startsWith('requests.')
}

/** `count/pods` counts all that are stored, the rest those that have not ended. */
function podUsage(pod: Pod, now: number): Record<string, string> {
  if (hasEnded(pod, now)) return { 'count/pods': '1' }
  const spec = chargedSpec(pod)
  return { 'count/pods': '1', ...computeUsage(podRequests(spec), podLimits(spec)) }
}

function hasEnded({ metadata, status }: Pod, now: number): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return true
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata
  if (!deletionTimestamp || deletionGracePeriodSeconds === undefined) return false
  return now > Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000
}

/** While a resize is under way, the larger of what is wanted and what is given counts. */
function chargedSpec({ spec, status }: Pod): Pod['spec'] {
  const { containerStatuses = [], initContainerStatuses = [], conditions = [] } = status ?? {}
  const all = [...containerStatuses, ...initContainerStatuses]
  if (!all.some(({ resources, allocatedResources }) => resources || allocatedResources)) return spec
  const isInfeasible = conditions.some(({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible')
  const charged = (container: Container): Container => {
    const found = all.find(({ name }) => name === container.name)
    if (!found?.resources && !found?.allocatedResources) return container
    const { requests, limits } = container.resources
    const given = most(found.resources?.requests, found.allocatedResources)
    return {
      ...container,
      resources: {
        ...container.resources,
        requests: isInfeasible ? given : most(requests, given),
        limits: isInfeasible ? (found.resources?.limits ?? {}) : most(limits, found.resources?.limits),
      },
    }
  }
  return {
    ...spec,
    containers: spec.containers.map(charged),
    ...(spec.initContainers && { initContainers: spec.initContainers.map(charged) }),
  }
}

function most(a: Resources = {}, b: Resources = {}): Record<string, string> {
  const result: Record<string, string> = { ...a }
  for (const [name, value] of Object.entries(b)) {
    const present = result[name]
    if (present === undefined || compareQuantity(value, present) > 0) result[name] = value
  }
  return result
}

function computeUsage(requests: Resources = {}, limits: Resources = {}): Record<string, string> {
  const usage: Record<string, string> = { pods: '1' }
  for (const [name, value] of Object.entries(requests)) {
    if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || isHugePages(name)) usage[name] = value
    else if (!isExtendedResource(name)) continue
    usage[`requests.${name}`] = value
  }
  for (const name of ['cpu', 'memory', 'ephemeral-storage']) {
    const limit = limits[name]
    if (limit !== undefined) usage[`limits.${name}`] = limit
  }
  return usage
}

function podInScope({ spec }: Pod, { scopeName, operator, ...rest }: ScopedResourceSelectorRequirement): boolean {
  switch (scopeName) {
    case 'Terminating':
      return spec.activeDeadlineSeconds !== undefined
    case 'NotTerminating':
      return spec.activeDeadlineSeconds === undefined
    case 'BestEffort':
      return qosClassOf(spec) === 'BestEffort'
    case 'NotBestEffort':
      return qosClassOf(spec) !== 'BestEffort'
    case 'PriorityClass':
      return valueMatches({ scopeName, operator, ...rest }, spec.priorityClassName ? [spec.priorityClassName] : [])
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(spec)
    default:
      return false
  }
}

function crossesNamespaces({ affinity }: Pod['spec']): boolean {
  return [affinity?.podAffinity, affinity?.podAntiAffinity].some((one) => {
    const required = one?.requiredDuringSchedulingIgnoredDuringExecution ?? []
    const preferred = one?.preferredDuringSchedulingIgnoredDuringExecution ?? []
    return [...required, ...preferred.map(({ podAffinityTerm }) => podAffinityTerm)].some(
      ({ namespaces = [], namespaceSelector }) => namespaces.length > 0 || namespaceSelector !== undefined,
    )
  })
}

/** Where cpu or memory is bounded, each container must say how much of it it wants. */
function missingAmounts({ spec }: Pod, bounded: readonly string[]): string | undefined {
  const required = bounded.filter((name) => compute.includes(name))
  if (required.length === 0) return undefined
  const ofPod = spec.resources ? computeUsage(spec.resources.requests, spec.resources.limits) : {}
  const missing = new Map<string, Set<string>>()
  for (const { name, resources } of [...spec.containers, ...(spec.initContainers ?? [])]) {
    const usage = computeUsage(resources.requests, resources.limits)
    for (const one of required) {
      if (one in usage || one in ofPod) continue
      missing.set(one, (missing.get(one) ?? new Set()).add(name))
    }
  }
  if (missing.size === 0) return undefined
  const parts = [...missing]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([one, names]) => `${one} for: ${[...names].sort().join(',')}`)
  return `must specify ${parts.join('; ')}`
}

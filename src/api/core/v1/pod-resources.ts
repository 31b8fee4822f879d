/** What a pod needs of a node, all containers taken together (upstream `component-helpers/resource`). */
import type { Container } from '#api/core/v1/container.ts'
import type { PodSpec } from '#api/core/v1/pod-spec.ts'
import { addQuantity, compareQuantity, formatQuantity } from '#schema/quantity.ts'

export type Resources = Record<string, string>

/** Requests of the pod as the scheduler and the node count them: containers, or the pod's own, and its overhead. */
export function podRequests(spec: PodSpec): Resources {
  const requests = aggregateRequests(spec)
  for (const [name, value] of Object.entries(spec.resources?.requests ?? {})) {
    if (isPodLevelResource(name)) requests[name] = value
  }
  add(requests, spec.overhead)
  return requests
}

/** Limits of the pod; the overhead counts where there is a limit at all. */
export function podLimits(spec: PodSpec): Resources {
  const limits = aggregateLimits(spec)
  for (const [name, value] of Object.entries(spec.resources?.limits ?? {})) {
    if (isPodLevelResource(name)) limits[name] = value
  }
  for (const [name, value] of Object.entries(spec.overhead ?? {})) {
    const limit = limits[name]
    if (limit !== undefined && compareQuantity(limit, '0') !== 0) limits[name] = formatQuantity(addQuantity(limit, value))
  }
  return limits
}

export function aggregateRequests(spec: PodSpec): Resources {
  return aggregate(spec, ({ resources }) => resources.requests)
}

export function aggregateLimits(spec: PodSpec): Resources {
  return aggregate(spec, ({ resources }) => resources.limits)
}

/**
 * KEP-753: init containers run one after the other, each beside the sidecars started before it, and all of them before
 * the containers; a pod needs the most that any of these moments takes.
 */
function aggregate(spec: PodSpec, of: (container: Container) => Resources | undefined): Resources {
  const running: Resources = {}
  for (const container of spec.containers) add(running, of(container))
  const sidecars: Resources = {}
  const starting: Resources = {}
  for (const container of spec.initContainers ?? []) {
    const needs = of(container)
    if (isSidecar(container)) {
      add(running, needs)
      add(sidecars, needs)
      raise(starting, sidecars)
    } else {
      const moment: Resources = { ...needs }
      add(moment, sidecars)
      raise(starting, moment)
    }
  }
  raise(running, starting)
  return running
}

/** An init container that stays: it starts before the containers and ends after them. */
export function isSidecar({ restartPolicy }: { restartPolicy?: string | undefined }): boolean {
  return restartPolicy === 'Always'
}

function add(sum: Resources, more: Resources | undefined): void {
  for (const [name, value] of Object.entries(more ?? {})) {
    const present = sum[name]
    sum[name] = present === undefined ? value : formatQuantity(addQuantity(present, value))
  }
}

function raise(most: Resources, other: Resources): void {
  for (const [name, value] of Object.entries(other)) {
    const present = most[name]
    if (present === undefined || compareQuantity(value, present) > 0) most[name] = value
  }
}

export function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-')
}

/** Resources that a pod as a whole may request (KEP-2837). */
export function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || isHugePages(name)
}

/** In the namespace of Kubernetes itself, which includes names without a domain. */
export function isNativeResource(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/')
}

/** Whether limits may be above requests: not for huge pages, nor for what devices offer. */
export function mayOvercommit(name: string): boolean {
  return isNativeResource(name) && !isHugePages(name)
}

/** Rules for `pods/resize`: cpu and memory change, and nothing else (KEP-1287, upstream `ValidatePodResize`). */
import type { Container } from '#api/core/v1/container.ts'
import type { PodParts } from '#api/core/v1/pod.ts'
import { qosClassOf } from '#api/core/v1/pod-qos.ts'
import { isSidecar } from '#api/core/v1/pod-resources.ts'
import type { PodSpec } from '#api/core/v1/pod-spec.ts'
import type { ResourceRequirements } from '#api/core/v1/resources.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { validatePod } from './pod.ts'
import { isMirrorPod } from './pod-annotations.ts'

type Resources = Record<string, string>

export function validatePodResize(pod: PodParts, old: PodParts, at: Path): FieldError[] {
  const alone = (message: string) => [{ ...at.forbidden(message), field: '' }]
  if (isMirrorPod(old.metadata.annotations)) return alone('static pods cannot be resized')
  if (old.spec.os?.name === 'windows') return alone('windows pods cannot be resized')
  const here = at.child('spec')
  const errors = validatePod(pod, at)
  if ((old.status.qosClass ?? qosClassOf(old.spec)) !== qosClassOf(pod.spec)) {
    errors.push(here.invalid(pod.status.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'))
  }
  const running = old.status.containerStatuses?.find(({ state }) => state.running)
  if (running && !running.resources) errors.push(here.forbidden('Pod running on node without support for resize'))

  const copy = structuredClone(pod.spec)
  errors.push(...wholePodErrors(pod.spec, old.spec, { copy, at: here }))
  if (old.status.nodeAllocatableResourceClaimStatuses?.length) {
    errors.push(here.forbidden('pods with node allocatable resource claims cannot be resized'))
  }
  const order = orderErrors(pod.spec, old.spec, here)
  if (order.length > 0) return [...errors, ...order]
  errors.push(...removalErrors(pod.spec, old.spec, here), ...containerErrors(copy, old.spec, here))
  if (errors.length > 0) return errors
  return semanticEqual(copy, old.spec) ? [] : [here.forbidden('only cpu and memory resources are mutable')]
}

function isAsked(resources: ResourceRequirements | undefined): boolean {
  return Object.keys(resources?.requests ?? {}).length + Object.keys(resources?.limits ?? {}).length > 0
}

interface Place {
  /** Of the new spec; what may change is set back in it. */
  copy: PodSpec
  at: Path
}

function wholePodErrors({ resources: now }: PodSpec, { resources: old }: PodSpec, { copy, at }: Place): FieldError[] {
  if (!isAsked(now) && !isAsked(old)) return []
  const here = at.child('resources')
  if (old && !now) return [here.forbidden('pod-level resources cannot be removed')]
  const errors: FieldError[] = []
  if (old && isRemoved(now?.requests, old.requests)) {
    errors.push(here.child('requests').forbidden('pod-level resource requests cannot be removed'))
  }
  if (old && isRemoved(now?.limits, old.limits)) {
    errors.push(here.child('limits').forbidden('pod-level resource limits cannot be removed'))
  }
  if (copy.resources) {
    copy.resources = { ...copy.resources, ...withCpuAndMemoryOf(copy.resources, old ?? {}) }
    if (!old && !isAsked(copy.resources) && !copy.resources.claims) delete copy.resources
  }
  if (!semanticEqual(copy.resources, old)) errors.push(at.forbidden('only cpu and memory resources are mutable at pod-level'))
  return errors
}

function orderErrors(spec: PodSpec, old: PodSpec, at: Path): FieldError[] {
  return (['containers', 'initContainers'] as const).flatMap((list) => {
    const now = spec[list] ?? []
    const before = old[list] ?? []
    const here = at.child(list)
    if (now.length !== before.length) return [here.forbidden(`${list} may not be added or removed on resize`)]
    return before.flatMap(({ name }, index) =>
      now[index]?.name === name
        ? []
        : [here.index(index).child('name').forbidden(`${list} may not be renamed or reordered on resize`)],
    )
  })
}

function removalErrors(spec: PodSpec, old: PodSpec, at: Path): FieldError[] {
  return (['initContainers', 'containers'] as const).flatMap((list) =>
    (old[list] ?? []).flatMap(({ resources: before }, index) => {
      const { resources } = spec[list]![index]!
      const here = at.child(list).index(index).child('resources')
      return [
        ...(isRemoved(resources.requests, before.requests)
          ? [here.child('requests').forbidden('resource requests cannot be removed')]
          : []),
        ...(isRemoved(resources.limits, before.limits)
          ? [here.child('limits').forbidden('resource limits cannot be removed')]
          : []),
      ]
    }),
  )
}

function isRemoved(now: Resources = {}, before: Resources = {}): boolean {
  return Object.keys(before).some((name) => now[name] === undefined)
}

function containerErrors(copy: PodSpec, old: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = []
  for (const [index, container] of copy.containers.entries()) {
    const before = old.containers[index]!
    container.resources = withCpuAndMemoryOf(container.resources, before.resources)
    if (!semanticEqual(container, before)) errors.push(at.forbidden('only cpu and memory resources are mutable'))
  }
  for (const [index, container] of (copy.initContainers ?? []).entries()) {
    errors.push(...initContainerErrors(container, old.initContainers![index]!, at.child('initContainers').index(index)))
  }
  return errors
}

function initContainerErrors(container: Container, before: Container, at: Path): FieldError[] {
  const errors: FieldError[] = []
  const isChanged = !semanticEqual(container, before)
  container.resources = withCpuAndMemoryOf(container.resources, before.resources)
  if (!semanticEqual(container, before)) {
    errors.push(at.forbidden('only cpu and memory resources for init or sidecar containers are mutable'))
  }
  if (!isChanged || isSidecar(container)) return errors
  const message = 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized'
  const restarts = (container.resizePolicy ?? []).filter(({ restartPolicy }) => restartPolicy === 'RestartContainer')
  return [...errors, ...restarts.map(() => at.forbidden(message))]
}

/** The resources with cpu and memory as they were. Claims are dropped, which makes any claim look like a change, as upstream. */
function withCpuAndMemoryOf(resources: ResourceRequirements, old: ResourceRequirements): ResourceRequirements {
  const limits = replaced(resources.limits, old.limits)
  const requests = replaced(resources.requests, old.requests)
  return { ...(limits && { limits }), ...(requests && { requests }) }
}

function replaced(list: Resources | undefined, old: Resources | undefined): Resources | undefined {
  const { cpu: _, memory: __, ...rest } = list ?? {}
  const result = {
    ...rest,
    ...(old?.cpu !== undefined && { cpu: old.cpu }),
    ...(old?.memory !== undefined && { memory: old.memory }),
  }
  return Object.keys(result).length > 0 ? result : undefined
}

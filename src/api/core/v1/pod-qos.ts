/** Quality of service class of a pod, which decides who is killed first when memory runs out (upstream `ComputePodQOS`). */
import type { PodSpec } from '#api/core/v1/pod-spec.ts'
import { addQuantity, compareQuantity, formatQuantity } from '#schema/quantity.ts'

type Resources = Readonly<Record<string, string>>
export type QosClass = 'BestEffort' | 'Burstable' | 'Guaranteed'

/** Guaranteed: every container limits cpu and memory and requests as much. BestEffort: nobody asks for anything. */
export function qosClassOf(spec: PodSpec): QosClass {
  // Resources of the pod as a whole count instead of its containers'.
  const parts = spec.resources
    ? [spec.resources]
    : [...spec.containers, ...(spec.initContainers ?? [])].map(({ resources }) => resources)
  const requests: Record<string, string> = {}
  const limits: Record<string, string> = {}
  let isGuaranteed = true
  for (const part of parts) {
    addComputeResources(requests, part.requests)
    const limited = addComputeResources(limits, part.limits)
    if (limited < 2) isGuaranteed = false
  }
  const names = Object.keys(requests)
  if (names.length === 0 && Object.keys(limits).length === 0) return 'BestEffort'
  const areEqual = names.every((name) => limits[name] !== undefined && compareQuantity(limits[name], requests[name]!) === 0)
  return isGuaranteed && areEqual && names.length === Object.keys(limits).length ? 'Guaranteed' : 'Burstable'
}

/** Answers how many of cpu and memory the list has. */
function addComputeResources(sum: Record<string, string>, list: Resources | undefined): number {
  let found = 0
  for (const name of ['cpu', 'memory']) {
    const value = list?.[name]
    if (value === undefined || compareQuantity(value, '0') <= 0) continue
    const present = sum[name]
    sum[name] = present === undefined ? value : formatQuantity(addQuantity(present, value))
    found++
  }
  return found
}

/** A pod's quality of service class, for pods whose status does not carry it yet (upstream's `ComputePodQOS`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { milliValue, quantityValue } from '#schema/quantity.ts'
import type { QosClass } from '../containers/pod-names.ts'

const computed = ['cpu', 'memory'] as const
const value = { cpu: milliValue, memory: quantityValue }

export function computeQos(pod: Pod): QosClass {
  if (pod.spec.resources) return classOf([pod.spec.resources])
  return classOf([...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ resources }) => resources))
}

type Requirements = Pod['spec']['containers'][number]['resources']

/** Guaranteed: every container limits both resources, and asks for exactly its limits. */
function classOf(all: readonly Requirements[]): QosClass {
  const totals = { requests: { cpu: 0, memory: 0 }, limits: { cpu: 0, memory: 0 } }
  let guaranteed = all.length > 0
  for (const resources of all) {
    for (const name of computed) {
      const request = value[name](resources?.requests?.[name] ?? '0')
      const limit = value[name](resources?.limits?.[name] ?? '0')
      totals.requests[name] += request
      totals.limits[name] += limit
      if (limit === 0) guaranteed = false
    }
  }
  const { requests, limits } = totals
  if (computed.every((name) => requests[name] === 0 && limits[name] === 0)) return 'BestEffort'
  if (guaranteed && computed.every((name) => requests[name] === limits[name])) return 'Guaranteed'
  return 'Burstable'
}

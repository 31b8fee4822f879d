/** Pods' cgroups on the machine's: where a pod's group stands and what all of its containers together may use (upstream: `ResourceConfigForPod`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { milliValue, quantityValue } from '#schema/quantity.ts'
import { cpuShares } from '../containers/resources.ts'
import type { CgroupLimits, Cgroups } from '../node/cgroups.ts'
import { computeQos } from '../status/qos.ts'
import { requestsOf } from './node-admission.ts'
import type { PodCgroups } from './pod-means.ts'

const period = 100_000

export function podCgroups(cgroups: Cgroups): PodCgroups {
  const pathOf = (pod: Pod) => cgroups.podPath(pod.metadata.uid, pod.status.qosClass ?? computeQos(pod))
  const written = new Map<string, string>()
  return {
    /** Written once, and again when the limits change. */
    async ensure(pod) {
      const path = pathOf(pod)
      const limits = podLimits(pod)
      const text = JSON.stringify(limits)
      if (written.get(path) === text) return path
      await cgroups.ensure(path, limits)
      written.set(path, text)
      return path
    },
    async remove(pod) {
      const path = pathOf(pod)
      written.delete(path)
      await cgroups.remove(path)
    },
  }
}

/** A limit counts only when every container has one, or the pod itself. */
export function podLimits(pod: Pod): CgroupLimits {
  const shares = cpuShares(requestsOf(pod).get('cpu') ?? 0)
  if ((pod.status.qosClass ?? computeQos(pod)) === 'BestEffort') return { cpuShares: 2 }
  const cpu = total(pod, 'cpu', milliValue)
  const memory = total(pod, 'memory', quantityValue)
  return {
    cpuShares: shares,
    cpuPeriod: period,
    cpuQuota: cpu === undefined ? -1 : Math.max(1000, Math.floor((cpu * period) / 1000)),
    memoryLimitBytes: memory ?? -1,
  }
}

function total(pod: Pod, name: 'cpu' | 'memory', measure: (quantity: string) => number): number | undefined {
  const own = pod.spec.resources?.limits?.[name]
  if (own) return measure(own)
  const init = (pod.spec.initContainers ?? []).map(({ resources }) => resources.limits?.[name])
  const limits = pod.spec.containers.map(({ resources }) => resources.limits?.[name])
  if ([...init, ...limits].some((limit) => limit === undefined)) return undefined
  const sum = limits.reduce((before, limit) => before + measure(limit ?? '0'), 0)
  return Math.max(sum, ...init.map((limit) => measure(limit ?? '0'))) + measure(pod.spec.overhead?.[name] ?? '0')
}

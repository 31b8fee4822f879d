/** A container's requests and limits as the kernel's numbers (upstream: `kuberuntime_container_linux.go`, `qos/policy.go`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { milliValue, quantityValue } from '#schema/quantity.ts'
import type { LinuxResources } from '../cri/runtime.ts'
import { computeQos } from '../status/qos.ts'
import type { NodeFacts } from './node-facts.ts'
import { type Container, isSidecar } from './pod-names.ts'

const period = 100_000
const hugepages = 'hugepages-'

export function linuxResources(
  pod: Pod,
  container: Container,
  { memoryCapacity, cgroupVersion }: Pick<NodeFacts, 'memoryCapacity' | 'cgroupVersion'>,
): LinuxResources {
  const { requests = {}, limits = {} } = container.resources
  const cpuLimit = milliValue(limits.cpu ?? pod.spec.resources?.limits?.cpu ?? '0')
  const cpuRequest = milliValue(requests.cpu ?? '0') || (limits.cpu ? milliValue(limits.cpu) : 0)
  const memoryLimit = quantityValue(limits.memory ?? pod.spec.resources?.limits?.memory ?? '0')
  const pages = Object.entries(limits)
    .filter(([name]) => name.startsWith(hugepages))
    .map(([name, limit]) => ({ pageSize: `${name.slice(hugepages.length).replace('i', '')}B`, limit: quantityValue(limit) }))
  return {
    cpuShares: cpuShares(cpuRequest),
    cpuPeriod: period,
    ...(cpuLimit > 0 && { cpuQuota: Math.max(1000, Math.floor((cpuLimit * period) / 1000)) }),
    ...(memoryLimit > 0 && { memoryLimitBytes: memoryLimit }),
    oomScoreAdj: oomScoreAdj(pod, container, memoryCapacity),
    ...(pages.length > 0 && { hugepageLimits: pages }),
    ...(cgroupVersion === 2 && { unified: { 'memory.oom.group': '1' } }),
  }
}

/** 1024 shares are one CPU; the kernel takes 2 to 262144. */
export function cpuShares(milliCpu: number): number {
  return Math.min(262_144, Math.max(2, Math.floor((milliCpu * 1024) / 1000)))
}

const guaranteedScore = -997

/** The smaller the share of memory that a burstable container asked for, the sooner it is killed. */
export function oomScoreAdj(pod: Pod, container: Container, memoryCapacity: number): number {
  const nodeCritical = (pod.spec.priority ?? 0) >= 2_000_001_000
  if (nodeCritical) return guaranteedScore
  const qos = pod.status.qosClass ?? computeQos(pod)
  if (qos === 'Guaranteed') return guaranteedScore
  if (qos === 'BestEffort') return 1000
  const isInit = pod.spec.initContainers?.includes(container)
  if (isInit && isSidecar(container)) {
    const own = burstableScore(container, memoryCapacity)
    return Math.min(own, ...pod.spec.containers.map((regular) => burstableScore(regular, memoryCapacity)))
  }
  return burstableScore(container, memoryCapacity)
}

function burstableScore({ resources }: Container, memoryCapacity: number): number {
  const request = quantityValue(resources.requests?.memory ?? '0')
  const score = memoryCapacity > 0 ? 1000 - Math.trunc((1000 * request) / memoryCapacity) : 999
  if (score < 1000 + guaranteedScore) return 1000 + guaranteedScore
  return score === 1000 ? 999 : score
}

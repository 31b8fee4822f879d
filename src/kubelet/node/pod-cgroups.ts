/** The control group of each pod: where it stands by its class, and the limits that all its containers share (upstream `cm/pod_container_manager_linux.go`). */
import { isDeepStrictEqual } from 'node:util'
import type { Pod } from '#api/core/v1/pod.ts'
import { milliValue, quantityValue } from '#schema/quantity.ts'
import type { PodCgroups } from '../lifecycle/pod-means.ts'
import { computeQos } from '../status/qos.ts'
import { type CgroupLimits, type Cgroups, type Qos, toCpuShares } from './cgroups.ts'

const period = 100_000
const unlimited = -1

/** Writes changes only; the burstable class as a whole gets the shares that its pods ask for together. */
export function createPodCgroups(cgroups: Cgroups): PodCgroups {
  const written = new Map<string, CgroupLimits>()
  const burstable = new Map<string, number>()

  async function shareBurstable(): Promise<void> {
    const sum = [...burstable.values()].reduce((all, shares) => all + shares, 0)
    await cgroups.ensure(`${cgroups.top}/burstable`, { cpuShares: Math.max(2, sum) })
  }

  async function write(pod: Pod, limits: CgroupLimits): Promise<void> {
    const { uid } = pod.metadata
    if (isDeepStrictEqual(written.get(uid), limits)) return
    const qos = computeQos(pod)
    await cgroups.ensure(cgroups.podPath(uid, qos), limits)
    written.set(uid, limits)
    if (qos !== 'Burstable') return
    burstable.set(uid, limits.cpuShares ?? 2)
    await shareBurstable()
  }

  return {
    async ensure(pod) {
      const { uid } = pod.metadata
      const qos = computeQos(pod)
      const limits = limitsOf(pod, qos)
      const before = written.get(uid)
      // What an earlier agent wrote is not known, and may be more than the kernel lets one lower now.
      if (before) await write(pod, wider(before, limits))
      else await write(pod, limits).catch(() => write(pod, { cpuShares: limits.cpuShares ?? 2 }))
      return cgroups.podPath(uid, qos)
    },
    async settle(pod) {
      await write(pod, limitsOf(pod, computeQos(pod)))
    },
    async remove(pod) {
      const { uid } = pod.metadata
      await cgroups.remove(cgroups.podPath(uid, computeQos(pod)))
      written.delete(uid)
      if (burstable.delete(uid)) await shareBurstable()
    },
  }
}

/** The newer limits where they are not lower. */
function wider(before: CgroupLimits, limits: CgroupLimits): CgroupLimits {
  const more = (name: 'cpuQuota' | 'memoryLimitBytes') => {
    const [old = unlimited, wanted = unlimited] = [before[name], limits[name]]
    return old === unlimited || wanted === unlimited ? unlimited : Math.max(old, wanted)
  }
  const [cpuQuota, memoryLimitBytes] = [more('cpuQuota'), more('memoryLimitBytes')]
  return {
    ...limits,
    ...((cpuQuota !== unlimited || before.cpuQuota !== undefined) && { cpuPeriod: period, cpuQuota }),
    ...((memoryLimitBytes !== unlimited || before.memoryLimitBytes !== undefined) && { memoryLimitBytes }),
  }
}

/** A limit holds for the pod only where every container has it; what init containers ask for counts where it is more. */
export function limitsOf({ spec }: Pod, qos: Qos): CgroupLimits {
  if (qos === 'BestEffort') return { cpuShares: 2 }
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')
  const running = [...spec.containers, ...sidecars]
  const once = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy !== 'Always')
  const most = (kind: 'requests' | 'limits', name: 'cpu' | 'memory') => {
    const level = spec.resources?.[kind]?.[name]
    if (level !== undefined) return amount(name, level)
    const of = ({ resources }: (typeof running)[number]) => amount(name, resources?.[kind]?.[name] ?? '0')
    return Math.max(
      running.reduce((sum, container) => sum + of(container), 0),
      ...once.map(of),
    )
  }
  const isLimited = (name: 'cpu' | 'memory') =>
    spec.resources?.limits?.[name] !== undefined ||
    [...running, ...once].every(({ resources }) => resources?.limits?.[name] !== undefined)
  const overhead = (name: 'cpu' | 'memory') => amount(name, spec.overhead?.[name] ?? '0')
  return {
    cpuShares: toCpuShares(most('requests', 'cpu') + overhead('cpu')),
    ...(isLimited('cpu') && {
      cpuPeriod: period,
      cpuQuota: Math.max(1000, ((most('limits', 'cpu') + overhead('cpu')) * period) / 1000),
    }),
    ...(isLimited('memory') && { memoryLimitBytes: most('limits', 'memory') + overhead('memory') }),
  }
}

function amount(name: 'cpu' | 'memory', quantity: string): number {
  return name === 'cpu' ? milliValue(quantity) : quantityValue(quantity)
}

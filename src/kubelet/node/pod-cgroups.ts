/** The control group of each pod: where it stands by its class, and the limits that all its containers share (upstream `cm/pod_container_manager_linux.go`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { milliValue, quantityValue } from '#schema/quantity.ts'
import type { PodCgroups } from '../lifecycle/pod-means.ts'
import { computeQos } from '../status/qos.ts'
import { type CgroupLimits, type Cgroups, type Qos, toCpuShares } from './cgroups.ts'

const period = 100_000

/** Writes changes only; the burstable class as a whole gets the shares that its pods ask for together. */
export function createPodCgroups(cgroups: Cgroups): PodCgroups {
  const written = new Map<string, string>()
  const burstable = new Map<string, number>()

  async function shareBurstable(): Promise<void> {
    const sum = [...burstable.values()].reduce((all, shares) => all + shares, 0)
    await cgroups.ensure(`${cgroups.top}/burstable`, { cpuShares: Math.max(2, sum) })
  }

  return {
    async ensure(pod) {
      const { uid } = pod.metadata
      const qos = computeQos(pod)
      const path = cgroups.podPath(uid, qos)
      const limits = limitsOf(pod, qos)
      const text = JSON.stringify(limits)
      if (written.get(uid) === text) return path
      await cgroups.ensure(path, limits)
      written.set(uid, text)
      if (qos === 'Burstable') {
        burstable.set(uid, limits.cpuShares ?? 2)
        await shareBurstable()
      }
      return path
    },
    async remove(pod) {
      const { uid } = pod.metadata
      await cgroups.remove(cgroups.podPath(uid, computeQos(pod)))
      written.delete(uid)
      if (burstable.delete(uid)) await shareBurstable()
    },
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

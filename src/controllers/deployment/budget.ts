/** How many pods a rollout may add and how many it may miss. */
import type { Deployment } from '#api/apps/v1/deployment.ts'

export function replicasOf({ spec }: Deployment): number {
  return spec.replicas ?? 1
}

export function isRolling({ spec }: Deployment): boolean {
  return (spec.strategy.type ?? 'RollingUpdate') === 'RollingUpdate'
}

export function maxSurge(deployment: Deployment): number {
  return isRolling(deployment) ? resolve(deployment).surge : 0
}

export function maxUnavailable(deployment: Deployment): number {
  const replicas = replicasOf(deployment)
  if (!isRolling(deployment) || replicas === 0) return 0
  return Math.min(resolve(deployment).unavailable, replicas)
}

/** Surplus is rounded up, shortage down; were both nothing, no pod could ever be replaced, so one may be missing. */
function resolve(deployment: Deployment): { surge: number; unavailable: number } {
  const { rollingUpdate } = deployment.spec.strategy
  const replicas = replicasOf(deployment)
  const surge = Math.ceil(scaled(rollingUpdate?.maxSurge ?? 0, replicas))
  const unavailable = Math.floor(scaled(rollingUpdate?.maxUnavailable ?? 0, replicas))
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable }
}

function scaled(value: number | string, total: number): number {
  if (typeof value === 'number') return value
  const percent = /^(\d+)%$/.exec(value)
  if (!percent) throw new Error(`invalid value for IntOrString: ${value}`)
  return (Number(percent[1]) * total) / 100
}

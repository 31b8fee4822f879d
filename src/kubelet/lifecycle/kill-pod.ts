/** Ends containers within their grace: Killing events, order of sidecars, preStop hooks, and then the runtime (upstream: `killContainer`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { sleep } from '#lib/clock.ts'
import { type Container, findContainer, isSidecar } from '../containers/pod-names.ts'
import { addressesOf, type RuntimeContainer, type RuntimePod } from '../containers/runtime-pod.ts'
import type { KillReason } from '../sync-pod.ts'
import type { PodMeans } from './pod-means.ts'
import { runHook } from './run-hook.ts'

/** Containers get at least this to end, so that a used-up grace does not become a SIGKILL. */
const leastGrace = 2

export interface KillOptions {
  readonly message?: string
  readonly reason?: KillReason | 'postStart'
  /** Seconds; absent: what the pod says. */
  readonly grace?: number | undefined
  /** Aborted when less grace is given than the kill began with: waits and hooks then end at once. */
  readonly hurry?: AbortSignal | undefined
}

/** Seconds that a container gets, by the pod's deletion, its spec, and the probe that failed (KEP-2238). */
export function graceOf(pod: Pod, container: Container | undefined, reason?: KillOptions['reason']): number {
  const { deletionGracePeriodSeconds } = pod.metadata
  if (deletionGracePeriodSeconds !== undefined) return Math.max(1, deletionGracePeriodSeconds)
  const probe = reason === 'startup' ? container?.startupProbe : reason === 'liveness' ? container?.livenessProbe : undefined
  return probe?.terminationGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? leastGrace
}

export async function killContainer(
  means: PodMeans,
  { pod, run, podIp }: { pod: Pod; run: RuntimeContainer; podIp: string },
  options: KillOptions & { turn?: (grace: number) => Promise<void> } = {},
): Promise<void> {
  const container = findContainer(pod, run.name)?.container
  const message = options.message ?? `Stopping container ${run.name}`
  means.record(pod, { type: 'Normal', reason: 'Killing', message, container: run.name })
  const grace = options.grace ?? graceOf(pod, container, options.reason)
  const began = means.clock.monotonic()
  const left = () => grace - Math.floor((means.clock.monotonic() - began) / 1000)
  if (grace > 0) await options.turn?.(grace)
  const preStop = container?.lifecycle?.preStop
  if (container && preStop && run.state === 'running' && left() > 0 && !options.hurry?.aborted) {
    const end = new AbortController()
    const signal = options.hurry ? AbortSignal.any([options.hurry, end.signal]) : end.signal
    const hook = runHook(preStop, { pod, container, containerId: run.id, podIp, signal }, means).catch(() => {
      if (signal.aborted) return
      means.record(pod, { type: 'Warning', reason: 'FailedPreStopHook', message: 'PreStopHook failed', container: run.name })
    })
    await Promise.race([hook, sleep(means.clock, left() * 1000, signal).catch(() => {})])
    end.abort()
  }
  if (options.hurry?.aborted) return
  const rest = options.grace === 0 ? 0 : Math.max(leastGrace, left())
  await means.runtime.stopContainer(run.id, options.grace === undefined ? rest : Math.min(rest, Math.max(options.grace, 0)))
}

/**
 * Ends all that runs of a pod, then its sandboxes. Main containers go first and together; sidecars after them, the last
 * one first, all within the one grace period.
 */
export async function killPod(means: PodMeans, pod: Pod, status: RuntimePod, options: KillOptions = {}): Promise<void> {
  const podIp = addressesOf(status)[0] ?? ''
  const running = status.containers.filter(({ state }) => state === 'running' || state === 'unknown')
  const order = terminationOrder(pod, running)
  const failures = await Promise.allSettled(
    running.map(async (run) => {
      const turn = (grace: number) => waitForTurn(order, run.name, { means, grace, hurry: options.hurry })
      try {
        await killContainer(means, { pod, run, podIp }, { ...options, turn })
      } finally {
        order.get(run.name)?.done.resolve()
      }
    }),
  )
  const failed = failures.find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
  if (options.hurry?.aborted) return
  for (const sandbox of status.sandboxes) if (sandbox.state === 'ready') await means.runtime.stopPodSandbox(sandbox.id)
}

interface Turn {
  readonly done: PromiseWithResolvers<void>
  readonly after: string[]
}

function terminationOrder(pod: Pod, running: readonly RuntimeContainer[]): Map<string, Turn> {
  const names = new Set(running.map(({ name }) => name))
  const order = new Map<string, Turn>([...names].map((name) => [name, { done: Promise.withResolvers<void>(), after: [] }]))
  const main = pod.spec.containers.map(({ name }) => name).filter((name) => names.has(name))
  let later: string | undefined
  for (const container of (pod.spec.initContainers ?? []).toReversed()) {
    if (!isSidecar(container) || !names.has(container.name)) continue
    order.get(container.name)?.after.push(...main, ...(later === undefined ? [] : [later]))
    later = container.name
  }
  return order
}

async function waitForTurn(
  order: ReadonlyMap<string, Turn>,
  name: string,
  { means, grace, hurry }: { means: PodMeans; grace: number; hurry: AbortSignal | undefined },
): Promise<void> {
  const before = order.get(name)?.after ?? []
  if (before.length === 0 || hurry?.aborted) return
  const end = new AbortController()
  const signal = hurry ? AbortSignal.any([hurry, end.signal]) : end.signal
  const all = Promise.all(before.map((other) => order.get(other)?.done.promise))
  await Promise.race([all, sleep(means.clock, grace * 1000, signal).catch(() => {})])
  end.abort()
}

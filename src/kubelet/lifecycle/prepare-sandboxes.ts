/**
 * Makes again the sandboxes of pods that ran before everything on the node was down, while the API server is still starting: with its network a
 * sandbox is most of what stands between a pod and its first line of code.
 *
 * Guarantees: nothing that is a pod's own is run, and nothing ended. A pod that the API no longer has loses the sandbox as every orphan does; one
 * that would be given another gets that instead (`carry-out.ts`).
 */
import { isDeepStrictEqual } from 'node:util'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Clock } from '#lib/clock.ts'
import type { NodeFacts } from '../containers/node-facts.ts'
import type { PodFiles } from '../containers/pod-files.ts'
import { readRuntimePod } from '../containers/runtime-pod.ts'
import { sandboxConfig } from '../containers/sandbox-config.ts'
import type { Runtime, SandboxConfig } from '../cri/runtime.ts'
import { planPod } from '../sync-pod.ts'
import type { PodCgroups } from './pod-means.ts'

export interface PrepareOptions {
  readonly runtime: Runtime
  readonly files: PodFiles
  readonly cgroups?: PodCgroups | undefined
  readonly facts: NodeFacts
  readonly clock: Clock
  readonly onError: (error: unknown) => void
}

export interface PreparedSandboxes {
  /** Begins no more of them, and resolves with those that were made, by their ids. */
  end(): Promise<Map<string, SandboxConfig>>
}

/** At once; more would only keep each other, and the server, waiting. */
const width = 2

export function prepareSandboxes(options: PrepareOptions): PreparedSandboxes {
  const made = new Map<string, SandboxConfig>()
  let isOver = false
  const work = async () => {
    const pods = await options.files.remembered()
    const next = pods.values()
    const one = async () => {
      for (const pod of next) {
        if (isOver) return
        await prepare(pod, options, made).catch(options.onError)
      }
    }
    await Promise.all(Array.from({ length: width }, one))
  }
  const done = work().catch(options.onError)
  return {
    async end() {
      isOver = true
      await done
      return made
    },
  }
}

/** What has init containers begins with them in a new sandbox, and only there; a class, claims or users of its own are not known without the API. */
export function isForetold({ spec, status }: Pod): boolean {
  const claims = spec.resourceClaims?.length || status.extendedResourceClaimStatus
  const needsMore = spec.initContainers?.length || claims || spec.runtimeClassName || spec.hostUsers === false
  return spec.restartPolicy === 'Always' && !needsMore
}

/** The sandbox that stands was prepared as the pod now has it. */
export function isAsPrepared(made: SandboxConfig | undefined, wanted: SandboxConfig): boolean {
  return made === undefined || isDeepStrictEqual(made, wanted)
}

async function prepare(pod: Pod, options: PrepareOptions, made: Map<string, SandboxConfig>): Promise<void> {
  if (!isForetold(pod)) return
  const { runtime, files, cgroups, facts, clock } = options
  const status = await readRuntimePod(runtime, pod.metadata.uid)
  const isDead = status.containers.length > 0 && status.containers.every(({ state }) => state === 'exited')
  if (!isDead || status.sandboxes.some(({ state }) => state === 'ready')) return
  const noProbes = { startup: () => undefined, liveness: () => undefined }
  const plan = planPod({ pod, status, probes: noProbes, backOff: new Map(), now: clock.now() })
  if (!plan.createSandbox) return
  await files.prepare(pod)
  const cgroupParent = (await cgroups?.ensure(pod)) ?? ''
  const config = sandboxConfig(pod, facts, { attempt: plan.attempt, cgroupParent })
  made.set(await runtime.runPodSandbox(config), config)
}

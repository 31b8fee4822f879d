/** Carries out a plan for a pod that is to run: kills, sandbox, containers in order (upstream: `SyncPod` of kuberuntime). */
import type { Pod } from '#api/core/v1/pod.ts'
import { type BackOff, nextBackOff } from '../containers/back-off.ts'
import { podDns } from '../containers/dns.ts'
import { type Container, isSidecar, podText } from '../containers/pod-names.ts'
import { linuxResources } from '../containers/resources.ts'
import { addressesOf, latest, type RuntimePod } from '../containers/runtime-pod.ts'
import { sandboxConfig } from '../containers/sandbox-config.ts'
import type { IdRange, SandboxConfig } from '../cri/runtime.ts'
import type { StartFailure } from '../status/container-statuses.ts'
import type { PodPlan } from '../sync-pod.ts'
import { killContainer, killPod } from './kill-pod.ts'
import type { PodMeans } from './pod-means.ts'
import type { Requirements } from './resize.ts'
import { startContainer } from './start-container.ts'

/** What a worker remembers of its pod's restarts; lost with the agent, as upstream. */
export interface Memory {
  readonly backOff: Map<string, BackOff>
  readonly failures: Map<string, StartFailure>
  /** Container id -> what it was given. */
  readonly applied: Map<string, Requirements>
}

export interface CarryOut {
  readonly pod: Pod
  readonly status: RuntimePod
  readonly plan: PodPlan
  readonly memory: Memory
  readonly cgroupParent: string
  readonly signal: AbortSignal
}

/** Answers whether something failed that is to be tried again. */
export async function carryOut(means: PodMeans, work: CarryOut): Promise<boolean> {
  const { pod, plan, status, signal } = work
  if (plan.createSandbox && plan.sandboxId) {
    const message = 'Pod sandbox changed, it will be killed and re-created.'
    means.record(pod, { type: 'Normal', reason: 'SandboxChanged', message })
  }
  if (plan.killPod) {
    await killPod(means, pod, status)
    if (!plan.createSandbox) return false
    await removeContainers(means, pod, status)
  } else {
    await killUnwanted(means, work)
    await resize(means, work)
  }
  signal.throwIfAborted()
  if (plan.createSandbox && !(await prepareClaims(means, pod))) return true
  const config = await prepareSandbox(means, work)
  if (!config) return true
  const sandbox = await ensureSandbox(means, work, config)
  if (!sandbox) return true
  return await startAll(means, work, sandbox)
}

async function killUnwanted(means: PodMeans, { pod, plan, status }: CarryOut): Promise<void> {
  const podIp = addressesOf(status)[0] ?? ''
  for (const { id, message, reason } of plan.kill) {
    const run = status.containers.find((container) => container.id === id)
    // Where all begins again nobody is asked: neither hooks nor a grace (KEP-5532).
    const grace = reason === 'restartAll' ? 0 : undefined
    if (run) await killContainer(means, { pod, run, podIp }, { message, reason, grace })
  }
}

async function resize({ runtime, facts }: PodMeans, { pod, plan, memory }: CarryOut): Promise<void> {
  for (const { id, container } of plan.resize) {
    await runtime.updateContainerResources(id, linuxResources(pod, container, facts))
    memory.applied.set(id, container.resources)
  }
}

/** Init containers run again in a new sandbox as if for the first time. */
async function removeContainers({ runtime }: PodMeans, pod: Pod, status: RuntimePod): Promise<void> {
  const init = new Set(pod.spec.initContainers?.map(({ name }) => name))
  for (const { id, name } of status.containers) if (init.has(name)) await runtime.removeContainer(id)
}

async function prepareClaims(means: PodMeans, pod: Pod): Promise<boolean> {
  try {
    await means.claims?.prepare(pod)
    return true
  } catch (error) {
    const message = `Failed to prepare dynamic resources: prepare dynamic resources: ${textOf(error)}`
    means.record(pod, { type: 'Warning', reason: 'FailedPrepareDynamicResources', message })
    return false
  }
}

async function prepareSandbox(means: PodMeans, { pod, plan, cgroupParent }: CarryOut): Promise<SandboxConfig | undefined> {
  const { facts } = means
  try {
    for (const warning of plan.createSandbox ? podDns(pod, facts).warnings : [])
      means.record(pod, { type: 'Warning', ...warning })
    const name = pod.spec.runtimeClassName
    const runtimeHandler = name ? await means.runtimeHandler(name) : undefined
    const users = await usersOf(means, pod, runtimeHandler)
    return sandboxConfig(pod, facts, { attempt: plan.attempt, cgroupParent, runtimeHandler, users })
  } catch (error) {
    failedSandbox(means, pod, error)
    return undefined
  }
}

/** A runtime that cannot give a pod users of its own is not asked: it would run the pod as the node's. */
async function usersOf({ runtime, files }: PodMeans, pod: Pod, handler = ''): Promise<IdRange | undefined> {
  if (pod.spec.hostUsers !== false) return undefined
  const { handlers } = await runtime.status()
  if (handlers.find(({ name }) => name === handler)?.hasUserNamespaces) return await files.idRange(pod.metadata.uid)
  const who = handler ? `RuntimeClass handler ${JSON.stringify(handler)}` : 'runtime'
  throw new Error(`can't set \`spec.hostUsers: false\`, ${who} does not support user namespaces`)
}

interface ReadySandbox {
  readonly id: string
  readonly config: SandboxConfig
  readonly ips: readonly string[]
}

async function ensureSandbox(
  means: PodMeans,
  { pod, plan, status }: CarryOut,
  config: SandboxConfig,
): Promise<ReadySandbox | undefined> {
  if (!plan.createSandbox) return { id: plan.sandboxId, config, ips: addressesOf(status) }
  try {
    const id = await means.runtime.runPodSandbox(config)
    const created = await means.runtime.podSandboxStatus(id)
    return { id, config, ips: created?.ips ?? [] }
  } catch (error) {
    failedSandbox(means, pod, error)
    return undefined
  }
}

function failedSandbox(means: PodMeans, pod: Pod, error: unknown): void {
  const message = `Failed to create pod sandbox: ${textOf(error)}`
  means.record(pod, { type: 'Warning', reason: 'FailedCreatePodSandBox', message })
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

async function startAll(means: PodMeans, work: CarryOut, sandbox: ReadySandbox): Promise<boolean> {
  const { plan } = work
  let failed = false
  const start = async (container: Container) => {
    const outcome = await startOne(means, work, { container, sandbox })
    if (outcome === 'failed') failed = true
    return outcome === 'started'
  }
  for (const container of plan.ephemeral) await start(container)
  for (const container of plan.init) if (!(await start(container)) && !isSidecar(container)) return failed
  for (const container of plan.containers) await start(container)
  return failed
}

async function startOne(
  means: PodMeans,
  { pod, plan, status, memory, signal }: CarryOut,
  { container, sandbox }: { container: Container; sandbox: ReadySandbox },
): Promise<'started' | 'waiting' | 'failed'> {
  const { name } = container
  const wait = plan.waiting.find((waiting) => waiting.name === name)
  if (wait) {
    memory.failures.set(name, { reason: 'CrashLoopBackOff', message: wait.message })
    const message = `Back-off restarting failed container ${name} in pod ${podText(pod)}`
    means.record(pod, { type: 'Warning', reason: 'BackOff', message, container: name })
    return 'waiting'
  }
  const ended = status.containers.find((run) => run.name === name && run.state === 'exited')
  if (ended) memory.backOff.set(name, nextBackOff(memory.backOff.get(name), ended.finishedAt, means.clock.now()))
  await removeUnstarted(means, status, name)
  const failure = await startContainer(means, {
    pod,
    container,
    status,
    sandboxId: sandbox.id,
    sandbox: sandbox.config,
    podIps: sandbox.ips,
    // Whoever asks for others meanwhile is to find a difference.
    created: (id) => memory.applied.set(id, container.resources),
    signal,
  })
  if (!failure) {
    memory.failures.delete(name)
    return 'started'
  }
  memory.failures.set(name, failure)
  return 'failed'
}

/** A container that was created and could not be started is not a run: it would hide the last one. */
async function removeUnstarted({ runtime }: PodMeans, status: RuntimePod, name: string): Promise<void> {
  const run = latest(status, name)
  if (run?.state === 'created') await runtime.removeContainer(run.id)
}

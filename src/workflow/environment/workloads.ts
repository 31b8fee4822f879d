/** A project's Deployments: found by label, changed, watched until they are rolled out, and put back. */
import { Deployment } from '#api/apps/v1/deployment.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Client } from '#client/client.ts'
import { edit } from '#client/client.ts'
import { hasReason } from '#schema/status-error.ts'
import { selectorOf, type Target } from './target.ts'

export type PodTemplate = Deployment['spec']['template']

export async function projectDeployments({ client, namespace, project }: Target): Promise<readonly Deployment[]> {
  const { items } = await client.list(Deployment, { namespace, labelSelector: selectorOf(project) })
  return items
}

/** Read, changed and written until nobody was faster. */
export async function changeDeployment(
  client: Client,
  at: { readonly name: string; readonly namespace: string },
  change: (deployment: Deployment) => void,
): Promise<Deployment> {
  for (;;) {
    const copy = edit(await client.get(Deployment, at))
    change(copy)
    try {
      return await client.update(Deployment, copy, { fieldManager: 'nami' })
    } catch (error) {
      if (!hasReason(error, 'Conflict')) throw error
    }
  }
}

export type Rollout = { readonly isDone: true } | { readonly isDone: false; readonly failure?: string; readonly progress: string }

/** How far a rollout is, by the rules of `kubectl rollout status`. Pure. */
export function rolloutOf({ metadata, spec, status }: Deployment): Rollout {
  const { observedGeneration = 0, updatedReplicas = 0, replicas = 0, availableReplicas = 0, conditions = [] } = status
  const wanted = spec.replicas
  const progress = `${Math.min(availableReplicas, updatedReplicas)} of ${wanted} new pods available`
  if (observedGeneration < (metadata.generation ?? 0)) return { isDone: false, progress: '' }
  const late = conditions.find(({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded')
  if (late) return { isDone: false, failure: `made no progress for ${spec.progressDeadlineSeconds} seconds`, progress }
  if (updatedReplicas < wanted || availableReplicas < updatedReplicas) return { isDone: false, progress }
  const old = replicas - updatedReplicas
  if (old > 0) return { isDone: false, progress: old === 1 ? '1 old pod to end' : `${old} old pods to end` }
  return { isDone: true }
}

export interface Failure {
  readonly name: string
  readonly reason: string
}

/** Waits for all of them side by side. Answers those that failed, with what their pods say. */
export async function waitForRollouts(
  target: Target,
  names: readonly string[],
  timeoutSeconds: number,
): Promise<readonly Failure[]> {
  const { clock } = target.around
  const deadline = clock.monotonic() + timeoutSeconds * 1000
  const outcomes = await Promise.all(names.map((name) => waitForRollout(target, name, deadline)))
  return outcomes.filter((one) => one !== undefined)
}

async function waitForRollout(target: Target, name: string, deadline: number): Promise<Failure | undefined> {
  const { client, namespace, around } = target
  let said = ''
  for (;;) {
    around.signal.throwIfAborted()
    const deployment = await client.get(Deployment, { name, namespace })
    const rollout = rolloutOf(deployment)
    if (rollout.isDone) return undefined
    const failure =
      rollout.failure ??
      (around.clock.monotonic() > deadline ? 'was not ready in time' : undefined) ??
      (await hopelessness(target, deployment))
    if (failure) return { name, reason: [failure, ...(await complaints(target, deployment))].join('; ') }
    if (rollout.progress && rollout.progress !== said) around.note(`  ${name}: ${rollout.progress}`)
    said = rollout.progress
    await around.pause(250)
  }
}

/** As often a container may end before nobody waits for it any more: a first start may have to wait for a database that starts too. */
const mostEnds = { first: 6, later: 3 } as const
/** A registry, or an object that a pod names, may come back within so many seconds. */
const patience = 60

/** What will not mend by waiting, of the pods that the rollout makes: those with its template. */
async function hopelessness(target: Target, deployment: Deployment): Promise<string | undefined> {
  const { spec, status } = deployment
  const images = new Set(spec.template.spec?.containers?.map(({ image }) => image))
  const isLater = (status.replicas ?? 0) > (status.updatedReplicas ?? 0)
  const now = target.around.clock.now()
  for (const pod of await podsOf(target, deployment)) {
    if (!pod.spec.containers.every(({ image }) => images.has(image))) continue
    const reason = hopelessnessOf(pod, { mostEnds: isLater ? mostEnds.later : mostEnds.first, now })
    if (reason) return reason
  }
  return undefined
}

/** Pure. */
export function hopelessnessOf(
  { metadata, status }: Pod,
  { mostEnds, now }: { readonly mostEnds: number; readonly now: number },
): string | undefined {
  const age = (now - Date.parse(metadata.creationTimestamp ?? '')) / 1000
  for (const { name, restartCount, state } of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) {
    const { reason = '' } = state?.waiting ?? {}
    if (reason === 'CrashLoopBackOff' && restartCount + 1 >= mostEnds) return `container ${name} ended ${restartCount + 1} times`
    if (/^(InvalidImageName|ErrImageNeverPull)$/.test(reason)) return `container ${name} cannot start`
    if (/^(CreateContainerConfigError|CreateContainerError|ErrImagePull|ImagePullBackOff)$/.test(reason) && age > patience) {
      return `container ${name} did not start within ${patience} seconds`
    }
  }
  return undefined
}

async function podsOf({ client, namespace }: Target, { spec }: Deployment): Promise<readonly Pod[]> {
  const labelSelector = Object.entries(spec.selector?.matchLabels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  return (await client.list(Pod, { namespace, labelSelector })).items
}

/** What keeps its pods from being ready: each thing once. */
async function complaints(target: Target, deployment: Deployment): Promise<string[]> {
  const found = (await podsOf(target, deployment)).flatMap((pod) => complaintsOf(pod))
  return [...new Set(found)].slice(0, 5)
}

export function complaintsOf({ status }: Pod): string[] {
  const unscheduled = status.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False')
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]
  return [
    ...(unscheduled ? [`not scheduled: ${unscheduled.message ?? unscheduled.reason}`] : []),
    ...containers.flatMap(({ name, state, lastState, ready }) => {
      const ended = state?.terminated ?? lastState?.terminated
      if (ended && ended.exitCode !== 0) return [`container ${name} ended with exit code ${ended.exitCode}`]
      const { reason, message } = state?.waiting ?? {}
      if (reason && reason !== 'ContainerCreating' && reason !== 'PodInitializing') {
        return [`container ${name}: ${reason}${message ? ` (${message})` : ''}`]
      }
      return state?.running && ready === false ? [`container ${name} runs, and its readiness probe fails`] : []
    }),
  ]
}

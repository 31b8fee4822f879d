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
  if (replicas > updatedReplicas) return { isDone: false, progress: `${replicas - updatedReplicas} old pods to end` }
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

/** As often a container may end before nobody waits for it any more. */
const mostCrashes = 5

/** What will not mend by waiting, of the pods that the rollout makes: those with its template. */
async function hopelessness(target: Target, deployment: Deployment): Promise<string | undefined> {
  const images = new Set(deployment.spec.template.spec?.containers?.map(({ image }) => image))
  for (const { spec, status } of await podsOf(target, deployment)) {
    if (!spec.containers.every(({ image }) => images.has(image))) continue
    const crashing = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].find(
      ({ restartCount, state }) => restartCount >= mostCrashes && state?.waiting?.reason === 'CrashLoopBackOff',
    )
    if (crashing) return `container ${crashing.name} ended ${crashing.restartCount + 1} times`
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

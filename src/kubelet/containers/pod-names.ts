/** Small facts about a pod and its containers that the whole agent asks for. */
import type { Container } from '#api/core/v1/container.ts'
import type { Pod } from '#api/core/v1/pod.ts'

export type { Container } from '#api/core/v1/container.ts'

export type ContainerType = 'init' | 'container' | 'ephemeral'

/** `web_default(3f1c...)`, as upstream's `format.Pod` writes it in messages. */
export function podText(pod: Pod): string {
  return `${pod.metadata.name}_${pod.metadata.namespace ?? ''}(${pod.metadata.uid})`
}

/** An init container that keeps running beside the others (KEP-753). */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always'
}

export function ephemeralContainers(pod: Pod): readonly Container[] {
  return (pod.spec.ephemeralContainers ?? []) as readonly Container[]
}

/** Every container of the pod with the list it stands in, in the order init, regular, ephemeral. */
export function* containersOf(pod: Pod): Generator<{ container: Container; type: ContainerType }> {
  for (const container of pod.spec.initContainers ?? []) yield { container, type: 'init' }
  for (const container of pod.spec.containers) yield { container, type: 'container' }
  for (const container of ephemeralContainers(pod)) yield { container, type: 'ephemeral' }
}

export function findContainer(pod: Pod, name: string): { container: Container; type: ContainerType } | undefined {
  for (const found of containersOf(pod)) if (found.container.name === name) return found
  return undefined
}

/** The `fieldPath` of events about a container: `spec.containers{web}`. */
export function fieldPathOf(pod: Pod, name: string): string {
  const type = findContainer(pod, name)?.type
  const list = type === 'init' ? 'initContainers' : type === 'ephemeral' ? 'ephemeralContainers' : 'containers'
  return `spec.${list}{${name}}`
}

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'

/** Whether a container that ended with this code is to run again (upstream's `ContainerShouldRestart`, KEP-5307). */
export function restarts(container: Container, pod: Pod, exitCode: number): boolean {
  const action = restartAction(container, exitCode)
  if (action === 'Restart' || action === 'RestartAllContainers') return true
  const policy = container.restartPolicy ?? pod.spec.restartPolicy
  if (policy === 'Never') return false
  return policy !== 'OnFailure' || exitCode !== 0
}

/** Of the first rule that this code matches. */
export function restartAction({ restartPolicy, restartPolicyRules }: Container, exitCode: number): string | undefined {
  if (!restartPolicy) return undefined
  const rule = restartPolicyRules?.find(({ exitCodes }) => {
    const listed = exitCodes?.values?.includes(exitCode) ?? false
    return exitCodes !== undefined && (exitCodes.operator === 'NotIn' ? !listed : listed)
  })
  return rule?.action
}

/** A command in a container of its own beside a stack: the service's image, values and volumes, without its ports. */
import { Pod } from '#api/core/v1/pod.ts'
import { suffix } from '#lib/random.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import type { PodStreams } from '../environment/target.ts'
import { WorkflowError } from '../workflow-error.ts'
import { withDependencies } from './order.ts'
import { labelOf, planPod } from './plan-pods.ts'
import { podProblem, stateOf } from './pod-state.ts'
import { type RunningStack, startStack } from './run-stack.ts'
import type { Service } from './service.ts'

export interface RunInStack {
  readonly service: string
  readonly command: readonly string[]
  readonly hasTty: boolean
  readonly pods: PodStreams
}

/** The command's exit code. What the service depends on is started first, and stays. */
export async function runInStack(running: RunningStack, { service: name, command, hasTty, pods }: RunInStack): Promise<number> {
  const { stack, client, around, namespace, images } = running
  const service = stack.services[name]
  const image = images.get(name)
  if (!service || !image)
    throw new WorkflowError(`no such service: ${name}. There are: ${Object.keys(stack.services).join(', ')}.`)
  const below = Object.keys(withDependencies(stack.services, [name])).filter((one) => one !== name)
  await startStack(running, below)
  const { check: _, ...unchecked } = service
  const alone: Service = { ...unchecked, command, ports: [], restart: 'Never' }
  const planned = planPod(alone, 1, { ...running, image, publishes: false })
  const container = planned.spec?.containers?.[0] as any
  const pod = await client.create(Pod, {
    ...planned,
    metadata: {
      name: `${planned.metadata?.name?.replace(/-1$/, '')}-run-${suffix(around.random)}`,
      namespace,
      labels: { [labelOf.project]: running.project, [labelOf.kind]: 'stack-run' },
    },
    spec: { ...planned.spec, containers: [{ ...container, ...(hasTty && { stdin: true, stdinOnce: true, tty: true }) }] },
  } as Draft<Pod>)
  const at = { name: pod.metadata.name, namespace }
  try {
    await until(running, at, (one) => stateOf(one).isStarted)
    if (hasTty) await pods.attach(at)
    else await printOutput(pods.logs(at, { isFollowed: true }), around)
    const ended = await until(running, at, (one) => stateOf(one).exitCode !== undefined)
    return stateOf(ended).exitCode ?? 1
  } finally {
    await client.delete(Pod, at, { gracePeriodSeconds: 1 }).catch((error) => {
      if (!hasReason(error, 'NotFound')) throw error
    })
  }
}

async function until(
  { client, around }: RunningStack,
  at: { name: string; namespace: string },
  isSo: (pod: Pod) => boolean,
): Promise<Pod> {
  for (;;) {
    const pod = await client.get(Pod, at)
    if (isSo(pod)) return pod
    const problem = podProblem(pod)
    if (problem) throw new WorkflowError(`${at.name}: ${problem}`)
    await around.pause(60)
  }
}

async function printOutput(output: AsyncIterable<Uint8Array>, { print }: RunningStack['around']): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of output) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) print(line)
  }
  if (rest) print(rest)
}

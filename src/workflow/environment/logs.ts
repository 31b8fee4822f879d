/** The logs of all containers of all running pods of a project, side by side. */
import { Pod } from '#api/core/v1/pod.ts'
import { WorkflowError } from '../workflow-error.ts'
import { commandOf, type LogOptions, selectorOf, type Target } from './target.ts'

export async function printLogs(target: Target, options: LogOptions & { readonly labels: readonly string[] }): Promise<void> {
  const { client, namespace, project, around } = target
  const labelSelector = [selectorOf(project), ...options.labels].join(',')
  const { items } = await client.list(Pod, { namespace, labelSelector })
  const running = items.filter(({ status }) => status.phase === 'Running')
  if (running.length === 0) {
    throw new WorkflowError(`No pod with ${labelSelector} runs in ${namespace}.`, { next: [commandOf(target, 'status')] })
  }
  const sources = running.flatMap((pod) => pod.spec.containers.map(({ name }) => ({ pod: pod.metadata.name, container: name })))
  const isAlone = sources.length === 1
  const ended = await Promise.allSettled(
    sources.map(({ pod, container }) =>
      copy(target, { pod, container, prefix: isAlone ? '' : `[${pod} ${container}] ` }, options),
    ),
  )
  for (const [i, outcome] of ended.entries()) {
    if (outcome.status === 'rejected' && !around.signal.aborted)
      around.note(`warning: ${sources[i]?.pod}: ${outcome.reason?.message}`)
  }
}

interface Source {
  readonly pod: string
  readonly container: string
  readonly prefix: string
}

async function copy({ pods, namespace, around }: Target, { pod, container, prefix }: Source, options: LogOptions): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of pods.logs({ name: pod, namespace }, { ...options, container })) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) around.print(prefix + line)
  }
  if (rest) around.print(prefix + rest)
}

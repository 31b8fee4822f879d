/** The output of a stack's pods on one screen, each line with the name of who says it. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { LogOptions, PodStreams } from '../environment/target.ts'
import type { Surroundings } from '../surroundings.ts'
import { stateOf } from './pod-state.ts'
import { podsOf, type RunningStack } from './run-stack.ts'

export interface Following {
  readonly running: Pick<RunningStack, 'client' | 'namespace'>
  readonly pods: PodStreams
  readonly around: Surroundings
  /** `tail` counts for each container. */
  readonly options: LogOptions
  readonly hasColours: boolean
  /** Services to hear; default all. */
  readonly services?: readonly string[]
}

const colours = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94]
const pollEvery = 150

/** What there is; with `isFollowed` also of pods that come later, until `until` says that it is enough. */
export async function followStack(following: Following, until: (pods: readonly Pod[]) => boolean = () => false): Promise<void> {
  const { around, options } = following
  const heard = new Map<string, Promise<void>>()
  for (;;) {
    const pods = await chosen(following)
    for (const pod of pods) {
      const { uid } = pod.metadata
      if (!heard.has(uid) && stateOf(pod).isStarted) heard.set(uid, copy(following, pod, heard.size))
    }
    if (!options.isFollowed || until(pods)) break
    await around.pause(pollEvery)
  }
  await Promise.race([Promise.all(heard.values()), options.isFollowed ? around.pause(2000) : new Promise(() => {})])
}

async function chosen({ running, services = [] }: Following): Promise<readonly Pod[]> {
  if (services.length === 0) return podsOf(running)
  return (await Promise.all(services.map((service) => podsOf(running, service)))).flat()
}

async function copy({ pods, around, options, hasColours }: Following, { metadata }: Pod, index: number): Promise<void> {
  const colour = colours[index % colours.length]
  const name = `${metadata.name} |`
  const prefix = hasColours ? `\u001b[${colour}m${name}\u001b[0m ` : `${name} `
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for await (const chunk of pods.logs({ name: metadata.name, namespace: metadata.namespace ?? '' }, options)) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) around.print(prefix + line)
    }
    if (rest) around.print(prefix + rest)
  } catch (error) {
    if (!around.signal.aborted) around.note(`${metadata.name}: its output breaks off: ${(error as Error).message}`)
  }
}

/** `kubectl attach`: the terminal joined to a program that runs already. */
import { boolean, duration, text } from './command-line.ts'
import { KubectlError } from './errors.ts'
import { attachablePod, containerOf, containersOf, objectOf } from './pods.ts'
import type { Json } from './session.ts'
import { withRawTerminal } from './streams/raw-terminal.ts'
import { runInContainer } from './streams/remote-command.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const flags = {
  container: text('', { short: 'c' }),
  stdin: boolean(false, { short: 'i' }),
  tty: boolean(false, { short: 't' }),
  quiet: boolean(false, { short: 'q' }),
  'pod-running-timeout': duration(60_000),
} as const

export default defineVerb({
  usage: 'attach (POD | TYPE/NAME) -c CONTAINER',
  summary: 'Attach to a running container',
  examples: ['attach web', 'attach -it web -c shell'],
  flags,
  async run(call) {
    const { flags, args, session } = call
    if (args.length === 0) throw new KubectlError('at least 1 argument is required for attach')
    if (args.length > 1)
      throw new KubectlError(
        `expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw ${args.length}: [${args.join(' ')}]`,
      )
    const object = await objectOf(session, args[0] as string)
    const pod = await attachablePod(session, object, { timeout: flags['pod-running-timeout'], doing: 'attach to' })
    await attachTo(call, pod, flags)
  },
})

export interface AttachOptions {
  readonly container: string
  readonly stdin: boolean
  readonly tty: boolean
  readonly quiet: boolean
}

/** Ends when the program does, or lets go of its streams. */
export async function attachTo(
  { session, terminal, err }: Pick<VerbCall<{}>, 'session' | 'terminal' | 'err'>,
  pod: Json,
  options: AttachOptions,
): Promise<void> {
  const { phase } = pod.status ?? {}
  if (phase === 'Succeeded' || phase === 'Failed') {
    throw new KubectlError(`cannot attach a container in a completed pod; current phase is ${phase}`)
  }
  const container = containerOf(pod, options.container, options.quiet ? undefined : err)
  const spec = containersOf(pod).find(({ name }) => name === container)
  const stdin = options.stdin ? terminal.stdin : undefined
  if (options.tty && !spec?.tty && !options.quiet)
    err(`error: Unable to use a TTY - container ${container} did not allocate one\n`)
  const isTerminal = options.tty && spec?.tty === true && stdin?.isTTY === true
  const remote = { namespace: pod.metadata.namespace, pod: pod.metadata.name, container }
  const { stdout, stderr } = terminal
  if (!options.quiet && options.stdin) err("If you don't see a command prompt, try pressing enter.\n")
  if (isTerminal) await withRawTerminal(terminal, (sizes) => runInContainer(session, remote, { stdin, stdout, sizes }))
  else await runInContainer(session, remote, { stdin, stdout, ...(spec?.tty ? {} : { stderr }) })
}

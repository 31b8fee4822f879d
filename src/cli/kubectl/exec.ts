/** `kubectl exec`: runs a program in a container. */
import { boolean, duration, list, text } from './command-line.ts'
import { Exit, KubectlError, usageError } from './errors.ts'
import { attachablePod, containerOf, objectOf } from './pods.ts'
import { findTargets } from './resources.ts'
import type { Json } from './session.ts'
import { withRawTerminal } from './streams/raw-terminal.ts'
import { runInContainer } from './streams/remote-command.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const flags = {
  filename: list({ short: 'f' }),
  container: text('', { short: 'c' }),
  stdin: boolean(false, { short: 'i' }),
  tty: boolean(false, { short: 't' }),
  quiet: boolean(false, { short: 'q' }),
  'pod-running-timeout': duration(60_000),
} as const

type Call = VerbCall<typeof flags>

export default defineVerb({
  usage: 'exec (POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...]',
  summary: 'Execute a command in a container',
  examples: ['exec web -- ls /', 'exec -it deployment/web -- sh'],
  flags,
  async run(call) {
    const { flags, args, dash, path, session, terminal, err } = call
    const resource = args.length > 0 && dash !== 0 ? (args[0] as string) : ''
    if (dash < 0 && (args.length > 1 || (args.length > 0 && flags.filename.length > 0))) {
      throw usageError(path, 'exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead')
    }
    const command = dash < 0 ? [] : args.slice(dash)
    if (!resource && flags.filename.length === 0) throw new KubectlError('pod, type/name or --filename must be specified')
    if (command.length === 0) throw new KubectlError('you must specify at least one command for the container')
    const timeout = flags['pod-running-timeout']
    const pod = await attachablePod(session, await objectFor(call, resource), { timeout, doing: 'attach to' })
    const { phase } = pod.status ?? {}
    if (phase === 'Succeeded' || phase === 'Failed') {
      throw new KubectlError(`cannot exec into a container in a completed pod; current phase is ${phase}`)
    }
    const container = containerOf(pod, flags.container, flags.quiet ? undefined : err)
    const remote = { namespace: pod.metadata.namespace, pod: pod.metadata.name, container, command }
    const stdin = flags.stdin ? terminal.stdin : undefined
    const isTerminal = flags.tty && stdin?.isTTY === true
    if (flags.tty && stdin && !isTerminal && !flags.quiet) {
      err('Unable to use a TTY - input is not a terminal or the right kind of file\n')
    }
    const { stdout, stderr } = terminal
    const code = isTerminal
      ? await withRawTerminal(terminal, (sizes) => runInContainer(session, remote, { stdin, stdout, sizes }))
      : await runInContainer(session, remote, { stdin, stdout, stderr })
    if (code === 0) return
    err(`command terminated with exit code ${code}\n`)
    throw new Exit(code)
  },
})

async function objectFor({ session, flags }: Call, resource: string): Promise<Json> {
  if (resource) return objectOf(session, resource)
  const { items } = await findTargets(session, { filename: flags.filename })
  const [target] = items
  if (!target || items.length > 1) throw new KubectlError('cannot exec into multiple objects at a time')
  return objectOf(session, `${target.resource.plural}/${target.name}`)
}

/** `nami dev run`, `nami compose run`. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { stackFlags, withStack } from './compose-stack.ts'
import { commonFlags } from './open.ts'

const command: Command = defineCommand({
  summary: 'run a command in a new container of the development stack',
  usage: 'dev run COMMAND',
  details: `  With the image, values and volumes of the project's service (--service-name takes another). What it depends on is started.
  The exit code is the command's. compose run takes the service as its first word.`,
  examples: [
    'dev run node migrate.js',
    'dev run --service-name db -- psql -l',
    'dev run --stop npm test',
    'compose run web -- sh -c env',
  ],
  flags: {
    ...commonFlags,
    ...stackFlags,
    'service-name': { type: 'string', value: 'S', doc: "the service (default: the project's)" },
    stop: { type: 'boolean', doc: 'stop the whole stack afterwards' },
    'no-build': { type: 'boolean', doc: 'run what was built before' },
  },

  async run(call) {
    const { flags, args, rest, terminal } = call
    const isAny = call.name.startsWith('compose')
    const words = [...args, ...rest]
    return withStack(call, { file: flags.filename, profiles: ['*'], name: 'development' }, async (opened) => {
      const [{ runInStack }, { stopStack }, { splitCommand }, { withDependencies }] = await Promise.all([
        import('#workflow/compose/run-in-stack.ts'),
        import('#workflow/compose/run-stack.ts'),
        import('#workflow/environment/command-words.ts'),
        import('#workflow/compose/order.ts'),
      ])
      const { around, calm, place, pods, project } = opened
      const service = flags['service-name'] ?? (isAny ? words.shift() : project)
      if (!service || words.length === 0)
        throw new CommandError('a command is needed', {
          next: [`nami ${call.name} ${isAny ? 'SERVICE ' : ''}COMMAND`],
          exitCode: 2,
        })
      const services = withDependencies(place.stack.services, [service])
      const running = { ...place, around, images: await opened.images(!flags['no-build'], services), publishes: true }
      try {
        const command = words.length === 1 ? splitCommand(words[0] as string) : words
        const hasTty = terminal.stdin.isTTY === true && terminal.stdout.isTTY === true
        return await runInStack(running, { service, command, pods, hasTty })
      } finally {
        if (flags.stop) await stopStack({ ...running, around: calm })
      }
    })
  },
})
export default command

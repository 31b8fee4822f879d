/** `nami dev logs`, `nami compose logs`. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { filename, stackFlags, withStack } from './compose-stack.ts'
import { commonFlags } from './open.ts'

const command: Command = defineCommand({
  summary: 'print what the containers of the development stack say',
  usage: 'dev logs [SERVICE...]',
  examples: ['dev logs', 'dev logs -f --tail 20', 'compose logs web db'],
  flags: {
    ...commonFlags,
    filename,
    profile: stackFlags.profile,
    follow: { type: 'boolean', short: 'f', doc: 'go on printing' },
    tail: { type: 'string', short: 't', value: 'N', doc: 'the last N lines of each container' },
  },

  async run(call) {
    const { flags, args, terminal } = call
    if (flags.tail !== undefined && !/^\d+$/.test(flags.tail))
      throw new CommandError(`--tail ${flags.tail}: a number`, { exitCode: 2 })
    return withStack(
      call,
      { file: flags.filename, profiles: ['*'], name: 'development' },
      async ({ place, pods, around, stack }) => {
        const { followStack } = await import('#workflow/compose/follow.ts')
        const unknown = args.find((name) => !stack.services[name])
        if (unknown) throw new CommandError(`no such service: ${unknown}. There are: ${Object.keys(stack.services).join(', ')}.`)
        const options = { isFollowed: flags.follow ?? false, ...(flags.tail !== undefined && { tail: Number(flags.tail) }) }
        const following = { running: place, pods, around, options, services: args, hasColours: terminal.stdout.isTTY === true }
        await followStack(following).catch((error) => {
          if (!around.signal.aborted) throw error
        })
      },
    )
  },
})
export default command

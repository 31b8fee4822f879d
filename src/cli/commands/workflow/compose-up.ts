/** `nami dev start`, `nami compose up`: a Compose file on the cluster. */
import { type Command, defineCommand } from '#cli/command.ts'
import { stackFlags, withStack } from './compose-stack.ts'
import { commonFlags, exactly } from './open.ts'

const command: Command = defineCommand({
  summary: "start the project's development stack: what hokusai/development.yml says, on the cluster",
  usage: 'dev start',
  details: `  Services start behind what they depend on, in a namespace of their own, and their output comes here until Ctrl-C stops them.
  What no cluster can do is said, by line. compose up does the same with any Compose file.`,
  examples: [
    'dev start',
    'dev start --no-build -d',
    'compose up -f docker-compose.yml --scale worker=3',
    'compose up --profile debug',
  ],
  flags: {
    ...commonFlags,
    ...stackFlags,
    build: { type: 'boolean', doc: '', hidden: true },
    'no-build': { type: 'boolean', doc: 'run what was built before' },
    detach: { type: 'boolean', short: 'd', doc: 'leave it running' },
    scale: { type: 'string', value: 'SERVICE=N', multiple: true, doc: 'so many containers of a service' },
  },

  async run(call) {
    const { flags, args, terminal, note } = call
    exactly(args, [], call.name)
    return withStack(call, { file: flags.filename, profiles: flags.profile, name: 'development' }, async (opened) => {
      const [{ startStack, stopStack }, { followStack }, { withScales }, { portLines }] = await Promise.all([
        import('#workflow/compose/run-stack.ts'),
        import('#workflow/compose/follow.ts'),
        import('#workflow/compose/scale.ts'),
        import('#workflow/compose/describe-stack.ts'),
      ])
      const { around, calm, place, pods } = opened
      const stack = withScales(opened.stack, flags.scale ?? [])
      const running = { ...place, stack, around, images: await opened.images(!flags['no-build']), publishes: true }
      try {
        await startStack(running)
        for (const line of portLines(stack)) note(line)
        if (flags.detach) return 0
        await followStack({ running, pods, around, options: { isFollowed: true }, hasColours: terminal.stdout.isTTY === true })
        return 0
      } catch (error) {
        if (!around.signal.aborted) throw error
        note('stopping')
        await stopStack({ ...running, around: calm })
        return 0
      }
    })
  },
})
export default command

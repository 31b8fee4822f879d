/** `nami dev status`, `nami compose ps`. */
import { type Command, defineCommand } from '#cli/command.ts'
import { stackFlags, withStack } from './compose-stack.ts'
import { commonFlags, exactly } from './open.ts'

const command: Command = defineCommand({
  summary: 'list the containers of the development stack',
  usage: 'dev status',
  examples: ['dev status', 'compose ps'],
  flags: { ...commonFlags, ...stackFlags },

  async run(call) {
    exactly(call.args, [], call.name)
    const { filename: file } = call.flags
    return withStack(call, { file, profiles: ['*'], name: 'development' }, async ({ place }) => {
      const [{ podsOf }, { stackTable }] = await Promise.all([
        import('#workflow/compose/run-stack.ts'),
        import('#workflow/compose/describe-stack.ts'),
      ])
      const pods = await podsOf(place)
      if (pods.length === 0)
        return call.print(
          `Nothing runs in ${place.namespace}.\n  nami ${call.name.startsWith('dev') ? 'dev start' : 'compose up'}`,
        )
      for (const line of stackTable(pods)) call.print(line)
    })
  },
})
export default command

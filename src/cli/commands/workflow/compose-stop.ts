/** `nami dev stop`, `nami compose stop`. */
import { type Command, defineCommand } from '#cli/command.ts'
import { stackFlags, withStack } from './compose-stack.ts'
import { commonFlags, exactly } from './open.ts'

const command: Command = defineCommand({
  summary: 'stop the development stack; its volumes stay',
  usage: 'dev stop',
  details: '  In the reverse order of their start.',
  examples: ['dev stop', 'compose stop'],
  flags: { ...commonFlags, ...stackFlags },

  async run(call) {
    exactly(call.args, [], call.name)
    const { filename: file } = call.flags
    return withStack(call, { file, profiles: ['*'], name: 'development' }, async ({ place, around }) => {
      const { stopStack } = await import('#workflow/compose/run-stack.ts')
      await stopStack({ ...place, around })
    })
  },
})
export default command

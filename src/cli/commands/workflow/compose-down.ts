/** `nami dev clean`, `nami compose down`. */
import { type Command, defineCommand } from '#cli/command.ts'
import { stackFlags, withStack } from './compose-stack.ts'
import { commonFlags, exactly } from './open.ts'

const command: Command = defineCommand({
  summary: 'remove the development stack, volumes included',
  usage: 'dev clean',
  details: '  The cluster is then as if it had never been there.',
  examples: ['dev clean', 'compose down -f docker-compose.yml'],
  flags: { ...commonFlags, ...stackFlags },

  async run(call) {
    exactly(call.args, [], call.name)
    const { filename: file } = call.flags
    return withStack(call, { file, profiles: ['*'], name: 'development' }, async ({ place, around }) => {
      const { cleanStack, stopStack } = await import('#workflow/compose/run-stack.ts')
      await stopStack({ ...place, around })
      call.print((await cleanStack({ ...place, around })) ? `${place.namespace} removed` : 'There was nothing to remove.')
    })
  },
})
export default command

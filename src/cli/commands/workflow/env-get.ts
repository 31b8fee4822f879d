/** `nami staging env get [KEY..]`: the values of the environment. */
import { type Command, defineCommand } from '#cli/command.ts'
import { commonFlags, withTarget } from './open.ts'

const command: Command = defineCommand({
  summary: 'print the values of the environment, sorted',
  usage: 'staging env get [KEY...]',
  examples: [
    'staging env get',
    'production env get LOG_LEVEL',
    'staging env get --reveal DATABASE_URL',
    'review_app env get feature-1',
  ],
  flags: { ...commonFlags, reveal: { type: 'boolean', doc: 'secrets too' } },

  run: (call) =>
    withTarget(call, async (target, { args }) => {
      const [{ nextValues }, { printValues }] = await Promise.all([
        import('#workflow/environment/releases.ts'),
        import('#workflow/environment/values.ts'),
      ])
      const values = await nextValues(target)
      for (const line of printValues(values, { keys: args, isRevealed: call.flags.reveal ?? false })) call.print(line)
    }),
})
export default command

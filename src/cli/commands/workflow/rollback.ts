/** `nami staging rollback [N]`: an earlier release again, values included. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { commonFlags, timeout, withTarget } from './open.ts'

const command: Command = defineCommand({
  summary: 'bring back an earlier release: image, spec and values',
  usage: 'staging rollback [N]',
  details: '  Without a number: the release that ran before. It becomes a new release.',
  examples: ['staging rollback', 'production rollback 12', 'review_app rollback feature-1'],
  flags: { ...commonFlags, timeout },

  run: (call) =>
    withTarget(call, async (target, { args }) => {
      const number = args[0] === undefined ? undefined : Number(/^v?(\d+)$/.exec(args[0])?.[1] ?? Number.NaN)
      if (args.length > 1 || Number.isNaN(number))
        throw new CommandError('the number of one release', { next: [`nami ${call.name} 3`], exitCode: 2 })
      const [{ rollback }, { parseTimeout }] = await Promise.all([
        import('#workflow/environment/change-values.ts'),
        import('#workflow/environment/deploy.ts'),
      ])
      await rollback(target, { number, timeoutSeconds: parseTimeout(call.flags.timeout) })
    }),
})
export default command

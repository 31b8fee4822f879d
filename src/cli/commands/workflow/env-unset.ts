/** `nami staging env unset KEY..`: a release without some values. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { commonFlags, confirmUses, timeout, withTarget, yes } from './open.ts'

const command: Command = defineCommand({
  summary: 'remove values, as a new release that is rolled out',
  usage: 'staging env unset KEY...',
  examples: ['staging env unset LOG_LEVEL', 'production env unset A B --no-restart', 'review_app env unset feature-1 A'],
  flags: { ...commonFlags, timeout, yes, 'no-restart': { type: 'boolean', doc: 'stage it, change no pod' } },

  run: (call) =>
    withTarget(call, async (target, { args }) => {
      const { flags } = call
      if (args.length === 0) throw new CommandError('a KEY is needed', { next: [`nami ${call.name} LOG_LEVEL`], exitCode: 2 })
      const [{ changeValues }, { withoutValues }, { parseTimeout }] = await Promise.all([
        import('#workflow/environment/change-values.ts'),
        import('#workflow/environment/values.ts'),
        import('#workflow/environment/deploy.ts'),
      ])
      const { name } = target.project
      await confirmUses(call, target, { about: [`configmap/${name}-environment`], isSure: flags.yes || flags['no-restart'] })
      await changeValues(target, {
        change: (values) => withoutValues(values, args),
        description: `env unset ${args.join(', ')}`,
        isStaged: flags['no-restart'] ?? false,
        timeoutSeconds: parseTimeout(flags.timeout),
      })
    }),
})
export default command

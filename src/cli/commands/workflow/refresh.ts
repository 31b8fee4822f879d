/** `nami staging refresh` (or `restart`): new pods of the same release. */
import { type Command, defineCommand } from '#cli/command.ts'
import { commonFlags, exactly, timeout, withTarget } from './open.ts'

const command: Command = defineCommand({
  summary: 'restart all Deployments, without a gap; staged values begin to count',
  usage: 'staging refresh',
  examples: ['staging refresh', 'production restart --deployment web', 'review_app refresh feature-1'],
  flags: {
    ...commonFlags,
    timeout,
    deployment: { type: 'string', short: 'd', value: 'NAME', doc: 'this one alone' },
  },

  run: (call) =>
    withTarget(call, async (target, { args }) => {
      exactly(args, [], call.name)
      const [{ refreshEnvironment }, { parseTimeout }] = await Promise.all([
        import('#workflow/environment/life.ts'),
        import('#workflow/environment/deploy.ts'),
      ])
      await refreshEnvironment(target, { deployment: call.flags.deployment, timeoutSeconds: parseTimeout(call.flags.timeout) })
    }),
})
export default command

/** `nami staging logs`: what all pods of the project say. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { commonFlags, exactly, withTarget } from './open.ts'

const command: Command = defineCommand({
  summary: 'print the logs of all running pods',
  usage: 'staging logs',
  examples: ['staging logs', 'production logs -f --tail 20', 'staging logs -l component=worker', 'review_app logs feature-1'],
  flags: {
    ...commonFlags,
    timestamps: { type: 'boolean', short: 's', doc: 'with the time of each line' },
    follow: { type: 'boolean', short: 'f', doc: 'go on printing (config: follow-logs)' },
    tail: { type: 'string', short: 't', value: 'N', doc: 'the last N lines of each container (config: tail-logs)' },
    previous: { type: 'boolean', short: 'p', doc: 'of the containers before the last restart' },
    label: { type: 'string', short: 'l', value: 'K=V', multiple: true, doc: 'pods with this label only' },
  },

  run: (call) =>
    withTarget(call, async (target, { args }) => {
      const { flags, terminal } = call
      exactly(args, [], call.name)
      if (flags.tail !== undefined && !/^\d+$/.test(flags.tail))
        throw new CommandError(`--tail ${flags.tail}: a number`, { exitCode: 2 })
      const [{ printLogs }, { setting }] = await Promise.all([
        import('#workflow/environment/logs.ts'),
        import('#workflow/project/config.ts'),
      ])
      const sources = { config: target.project.config, env: terminal.env }
      const tail = setting('tail-logs', { ...sources, option: flags.tail === undefined ? undefined : Number(flags.tail) })
      await printLogs(target, {
        labels: flags.label ?? [],
        isFollowed: setting('follow-logs', { ...sources, option: flags.follow }) ?? false,
        tail,
        hasTimestamps: flags.timestamps,
        isPrevious: flags.previous,
      })
    }),
})
export default command

/** `nami staging run CMD`: a command beside the application. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { commonFlags, withTarget } from './open.ts'

const command: Command = defineCommand({
  summary: 'run a command in a pod of its own, with the image and values of the environment',
  usage: 'staging run COMMAND',
  details: "  The exit code is the command's.",
  examples: [
    'staging run migrate',
    'production run --tty sh',
    'staging run --env DEBUG=1 -- node report.js --all',
    'review_app run feature-1 env',
  ],
  flags: {
    ...commonFlags,
    tty: { type: 'boolean', doc: 'with this terminal: for shells' },
    tag: { type: 'string', value: 'TAG', doc: 'image to run (default: that of the environment)' },
    env: { type: 'string', value: 'K=V', multiple: true, doc: 'a further value' },
    constraint: { type: 'string', value: 'K=V', multiple: true, doc: 'label that the node must have' },
  },

  run: (call) =>
    withTarget(call, async (target, { args }) => {
      const { flags, rest, terminal } = call
      const [{ runPod }, { splitCommand }, { parsePairs }, { setting }] = await Promise.all([
        import('#workflow/environment/run-pod.ts'),
        import('#workflow/environment/command-words.ts'),
        import('#workflow/environment/values.ts'),
        import('#workflow/project/config.ts'),
      ])
      const words = args.length === 1 && rest.length === 0 ? splitCommand(args[0] as string) : [...args, ...rest]
      if (words.length === 0) throw new CommandError('a command is needed', { next: [`nami ${call.name} COMMAND`], exitCode: 2 })
      const { config } = target.project
      return runPod(target, {
        command: words,
        tag: flags.tag ?? target.environment,
        env: parsePairs(flags.env ?? []),
        constraints: flags.constraint,
        hasTty: setting('run-tty', { option: flags.tty, config, env: terminal.env }) ?? false,
      })
    }),
})
export default command

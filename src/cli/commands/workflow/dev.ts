/** `nami dev`: save, and it runs. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { stackFlags, withStack } from './compose-stack.ts'
import { commonFlags, exactly } from './open.ts'

const command: Command = defineCommand({
  summary: 'run the application while it is developed: what is saved runs in the cluster at once',
  usage: 'dev',
  details: `  Changed files go into the running container and its process starts anew; no image is built, no pod restarted. When
  dependencies change the image is built again. Ports and a debugger lead to localhost, output comes here. Ctrl-C removes it all.
  The stack is that of hokusai/development.yml; a folder without one is built and run by itself.`,
  examples: ['dev', 'dev --debug', 'dev --debug-port 9230 --no-restart', 'dev --service-name api --keep'],
  flags: {
    ...commonFlags,
    ...stackFlags,
    'service-name': { type: 'string', value: 'S', doc: "the service under development (default: the project's)" },
    debug: { type: 'boolean', doc: 'let a debugger in, on port 9229' },
    'debug-port': { type: 'string', value: 'P', doc: 'let a debugger in, on this port' },
    'no-restart': { type: 'boolean', doc: 'the application notices changes by itself' },
    keep: { type: 'boolean', doc: 'volumes stay when it ends' },
  },

  async run(call) {
    const { flags, args, terminal } = call
    exactly(args, [], 'dev')
    const debugPort = flags['debug-port'] === undefined ? (flags.debug ? 9229 : undefined) : Number(flags['debug-port'])
    if (debugPort !== undefined && !(debugPort > 0 && debugPort < 65_536))
      throw new CommandError('--debug-port: a port', { exitCode: 2 })
    const options = { file: flags.filename, profiles: flags.profile, name: 'development' as const, isFolderEnough: true }
    return withStack(call, options, async ({ project, stack, around, calm, pods, place, context, delivery }) => {
      const [{ develop }, { imagesOf }, { devStreams }] = await Promise.all([
        import('#workflow/dev/develop.ts'),
        import('#workflow/compose/stack-images.ts'),
        import('./dev-streams.ts'),
      ])
      const names = Object.keys(stack.services)
      const service =
        flags['service-name'] ?? (stack.services[project] ? project : (names.find((name) => stack.services[name]?.build) ?? ''))
      if (!stack.services[service]) {
        throw new CommandError(`no such service: ${service || project}. There are: ${names.join(', ')}.`, { exitCode: 2 })
      }
      await using streams = devStreams(terminal, context)
      await develop({
        ...{ service, calm, pods, debugPort },
        running: { ...place, around },
        execute: streams.execute,
        forward: streams.forward,
        hold: streams.hold,
        restarts: !flags['no-restart'],
        isKept: flags.keep ?? false,
        hasColours: terminal.stdout.isTTY === true,
        async build() {
          let own: Parameters<typeof delivery.deliver>[0] | undefined
          const build: typeof delivery.build = async (plan, name, more) => {
            const image = await delivery.build(plan, name, { ...more, isForDevelopment: true })
            if (name === service) own = image
            return image
          }
          const images = await imagesOf(stack, { ...delivery, build, isBuilt: true })
          if (!own) throw new CommandError(`service ${service} is not built from a folder: there is nothing to develop.`)
          return { images, image: own }
        },
      })
    })
  },
})
export default command

/** `nami staging create`: an environment from its file. */
import { type Command, defineCommand } from '#cli/command.ts'
import { commonFlags, exactly, manifestsOf, timeout, withTarget } from './open.ts'

const command: Command = defineCommand({
  summary: 'create the environment from its file',
  usage: 'staging create',
  details: '  Reads hokusai/staging.yml (production.yml, or NAME.yml for a review app) and waits until everything is rolled out.',
  examples: ['staging create', 'staging create -e LOG_LEVEL=debug', 'production create', 'review_app create feature-1'],
  flags: {
    ...commonFlags,
    timeout,
    filename: { type: 'string', short: 'f', value: 'FILE', doc: 'objects of this file instead; no values are made' },
    environment: {
      type: 'string',
      short: 'e',
      value: 'K=V',
      multiple: true,
      doc: 'a value of the environment (may be given several times)',
    },
  },

  run: (call) =>
    withTarget(call, async (target, { args }) => {
      exactly(args, [], `${call.name}`)
      const [{ createEnvironment }, { parsePairs }, { parseTimeout }] = await Promise.all([
        import('#workflow/environment/life.ts'),
        import('#workflow/environment/values.ts'),
        import('#workflow/environment/deploy.ts'),
      ])
      await createEnvironment(target, {
        manifests: await manifestsOf(target, call.flags.filename, call.terminal.cwd),
        values: parsePairs(call.flags.environment ?? []),
        timeoutSeconds: parseTimeout(call.flags.timeout),
        isFile: call.flags.filename !== undefined,
      })
    }),
})
export default command

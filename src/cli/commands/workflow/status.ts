/** `nami staging status`: what is there, and how it is. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { commonFlags, exactly, manifestsOf, withTarget } from './open.ts'

const command: Command = defineCommand({
  summary: 'show the release, the objects and the pods of the environment',
  usage: 'staging status',
  examples: ['staging status', 'production status --describe', 'staging status --no-resources', 'review_app status feature-1'],
  flags: {
    ...commonFlags,
    'no-resources': { type: 'boolean', doc: 'without the objects of the file' },
    'no-pods': { type: 'boolean', doc: 'without the pods' },
    resources: { type: 'boolean', doc: '', hidden: true },
    pods: { type: 'boolean', doc: '', hidden: true },
    describe: { type: 'boolean', doc: 'everything about them' },
    top: { type: 'boolean', doc: 'what the pods use' },
    filename: { type: 'string', short: 'f', value: 'FILE', doc: 'objects of this file instead' },
  },

  run: (call) =>
    withTarget(call, async (target, { args, context }) => {
      const { flags, terminal, print } = call
      exactly(args, [], call.name)
      const [{ listReleases }, { commandOf, selectorOf }, { kubectl }, { Namespace }, { hasReason }] = await Promise.all([
        import('#workflow/environment/releases.ts'),
        import('#workflow/environment/target.ts'),
        import('#cli/kubectl/run.ts'),
        import('#api/core/v1/namespace.ts'),
        import('#schema/status-error.ts'),
      ])
      const releases = await listReleases(target)
      if (releases.length === 0 && !flags.filename) {
        await target.client.get(Namespace, { name: target.namespace }).catch((error) => {
          if (!hasReason(error, 'NotFound')) return
          throw new CommandError(`${target.environment} is not there: the cluster has no namespace ${target.namespace}.`, {
            next: [commandOf(target, 'create')],
          })
        })
      }
      const running = releases.findLast(({ state }) => state === 'running')
      if (running) print(`Release v${running.number} (${running.description}), by ${running.by} at ${running.at}`)
      const later = releases.filter(({ number }) => number > (running?.number ?? 0))
      for (const { number, state, description } of later) print(`  v${number} is ${state} (${description})`)
      const verb = flags.describe ? 'describe' : 'get'
      const where = ['--namespace', target.namespace, '--context', context]
      const ask = async (title: string, words: readonly string[]) => {
        print(`\n=== ${title}`)
        return kubectl([...words, ...where], terminal)
      }
      const codes: number[] = []
      if (!flags['no-resources']) {
        const manifests = await manifestsOf(target, flags.filename, terminal.cwd)
        const names = manifests.map(
          ({ kind, object }) => `${kind.plural}${kind.group ? `.${kind.group}` : ''}/${object.metadata.name}`,
        )
        codes.push(await ask('Resources', [verb, ...names]))
      }
      const selected = ['pods', '--selector', selectorOf(target.project)]
      if (!flags['no-pods']) codes.push(await ask('Pods', [verb, ...selected]))
      if (flags.top) codes.push(await ask('Usage', ['top', ...selected]))
      return codes.some((code) => code !== 0) ? 1 : 0
    }),
})
export default command

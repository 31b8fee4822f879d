/** `nami staging delete`: the environment is taken away. */
import { type Command, defineCommand } from '#cli/command.ts'
import { commonFlags, confirm, confirmUses, exactly, manifestsOf, withTarget } from './open.ts'

const command: Command = defineCommand({
  summary: 'delete the environment',
  usage: 'staging delete',
  details:
    '  Shows what it deletes and who else uses it, and asks. Values and releases go too; of a review app also its namespace.',
  examples: ['staging delete', 'staging delete --yes', 'review_app delete feature-1 --yes'],
  flags: {
    ...commonFlags,
    yes: { type: 'boolean', short: 'y', doc: 'act without asking' },
    'assume-yes': { type: 'boolean', doc: 'the same', hidden: true },
    filename: { type: 'string', short: 'f', value: 'FILE', doc: 'objects of this file alone; values stay' },
  },

  run: (call) =>
    withTarget(call, async (target, { args }) => {
      const { flags, terminal, note } = call
      exactly(args, [], call.name)
      const { deleteEnvironment } = await import('#workflow/environment/life.ts')
      const manifests = await manifestsOf(target, flags.filename, terminal.cwd)
      const isSure = flags.yes || flags['assume-yes']
      const names = manifests.map(({ kind, object }) => `${kind.kind.toLowerCase()}/${object.metadata.name}`)
      const whole = flags.filename === undefined ? `${target.environment} of ${target.project.name}` : 'what the file names'
      note(`This deletes ${whole} in namespace ${target.namespace}: ${names.join(', ')}`)
      const shared = names.filter((name) => /^(configmap|secret|serviceaccount|persistentvolumeclaim|service)\//.test(name))
      if (!flags.filename) shared.push(`configmap/${target.project.name}-environment`)
      await confirmUses(call, target, { about: shared, isSure })
      if (!isSure) await confirm(call, 'Delete it?')
      await deleteEnvironment(target, { manifests, isFile: flags.filename !== undefined })
    }),
})
export default command

/** `nami staging update`: the environment as its file says, and the image that it has. */
import { type Command, defineCommand } from '#cli/command.ts'
import { commonFlags, confirmUses, exactly, manifestsOf, timeout, withTarget, yes } from './open.ts'

const command: Command = defineCommand({
  summary: 'bring the environment to what its file says',
  usage: 'staging update',
  details: `  The branch must be checked out and equal to that of every remote. Review apps are not checked.
  Asks first where others use what it changes.`,
  examples: [
    'staging update',
    'staging update --dry-run',
    'production update --skip-checks --yes',
    'review_app update feature-1',
  ],
  flags: {
    ...commonFlags,
    timeout,
    yes,
    'check-branch': { type: 'string', value: 'B', doc: 'branch that must be checked out', default: 'main' },
    'check-remote': { type: 'string', value: 'R', doc: 'the one remote to compare with (default: all)' },
    'skip-checks': { type: 'boolean', doc: 'do not look at git' },
    'dry-run': { type: 'boolean', doc: 'let the server check everything and print what would change' },
    filename: { type: 'string', short: 'f', value: 'FILE', doc: 'objects of this file instead' },
  },

  run: (call) =>
    withTarget(call, async (target, { args, workflow }) => {
      const { flags, terminal } = call
      exactly(args, [], call.name)
      const [{ updateEnvironment }, { parseTimeout }, { checkBranch }] = await Promise.all([
        import('#workflow/environment/life.ts'),
        import('#workflow/environment/deploy.ts'),
        import('#workflow/git.ts'),
      ])
      const manifests = await manifestsOf(target, flags.filename, terminal.cwd)
      if (!flags['skip-checks'] && !target.isReview) {
        await checkBranch(workflow.git, { branch: flags['check-branch'], remote: flags['check-remote'] })
      }
      const { previewUpdate } = await import('#workflow/environment/preview.ts')
      const timeoutSeconds = parseTimeout(flags.timeout)
      const { lines, changed } = await previewUpdate(target, { manifests, timeoutSeconds })
      if (flags['dry-run']) {
        for (const line of lines) call.print(line)
        return
      }
      const about = changed.filter((name) => /^(configmap|secret|serviceaccount|service|persistentvolumeclaim)\//.test(name))
      await confirmUses(call, target, { about, isSure: flags.yes })
      await updateEnvironment(target, { manifests, timeoutSeconds })
    }),
})
export default command

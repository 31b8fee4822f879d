/** `nami staging deploy TAG`: an image becomes the next release. */
import { type Command, defineCommand } from '#cli/command.ts'
import { commonFlags, exactly, manifestsOf, timeout, withTarget } from './open.ts'

const command: Command = defineCommand({
  summary: 'deploy an image by its tag, and undo it where it does not come up',
  usage: 'staging deploy TAG',
  details: `  Migration, pre-deploy hook, rollout of all Deployments, post-deploy hook, tags. A failure before the rollout stops it with
  the command's own exit code and nothing changed; a rollout that fails is undone in all Deployments; afterwards failures
  are warnings, and the exit code is 1.`,
  examples: [
    'staging deploy latest',
    'production deploy 1.2.0 --timeout 10m',
    "staging deploy latest --migration 'npm run migrate'",
    'review_app deploy feature-1 latest',
  ],
  flags: {
    ...commonFlags,
    timeout,
    migration: { type: 'string', value: 'CMD', doc: 'command to run first, in the new image' },
    constraint: { type: 'string', value: 'K=V', multiple: true, doc: 'label of the nodes for migration and hooks' },
    'git-remote': { type: 'string', value: 'R', doc: 'push git tags there (default: git-remote of config.yml)' },
    'update-config': { type: 'boolean', short: 'u', doc: 'apply the environment file with it' },
    filename: {
      type: 'string',
      short: 'f',
      value: 'FILE',
      doc: 'a canary: only the Deployments of this file, without hooks and tags',
    },
  },

  run: (call) =>
    withTarget(call, async (target, { args, workflow }) => {
      const { flags, terminal } = call
      const [tag = ''] = exactly(args, ['TAG'], `${call.name} TAG`)
      const { deploy, parseTimeout } = await import('#workflow/environment/deploy.ts')
      const { 'update-config': appliesFile, filename } = flags
      const readsFile = appliesFile || filename !== undefined
      return deploy(target, {
        tag,
        migration: flags.migration,
        constraints: flags.constraint,
        gitRemote: flags['git-remote'] ?? workflow.project.config['git-remote'],
        git: workflow.git,
        timeoutSeconds: parseTimeout(flags.timeout),
        manifests: readsFile ? await manifestsOf(target, filename, terminal.cwd) : undefined,
        appliesFile,
        isCanary: filename !== undefined && !target.isReview,
      })
    }),
})
export default command

/** `nami pipeline promote`: what staging runs, on production. */
import { type Command, defineCommand } from '#cli/command.ts'
import { commonFlags, exactly, manifestsOf, timeout, withTarget } from './open.ts'

const command: Command = defineCommand({
  summary: 'deploy to production what staging runs',
  usage: 'pipeline promote',
  examples: ['pipeline promote', 'pipeline promote --timeout 10m --update-config'],
  flags: {
    ...commonFlags,
    timeout,
    migration: { type: 'string', value: 'CMD', doc: 'command to run first, on production, in the image of staging' },
    constraint: { type: 'string', value: 'K=V', multiple: true, doc: 'label of the nodes for migration and hooks' },
    'git-remote': { type: 'string', value: 'R', doc: 'push git tags there (default: git-remote of config.yml)' },
    'update-config': { type: 'boolean', short: 'u', doc: 'apply hokusai/production.yml with it' },
    filename: { type: 'string', short: 'f', value: 'FILE', doc: 'with -u: this file' },
  },

  run: (call) =>
    withTarget(call, async (target, { args, workflow }) => {
      const { flags, terminal } = call
      exactly(args, [], 'pipeline promote')
      const { deploy, parseTimeout } = await import('#workflow/environment/deploy.ts')
      return deploy(target, {
        tag: 'staging',
        migration: flags.migration,
        constraints: flags.constraint,
        gitRemote: flags['git-remote'] ?? workflow.project.config['git-remote'],
        git: workflow.git,
        timeoutSeconds: parseTimeout(flags.timeout),
        manifests: flags['update-config'] ? await manifestsOf(target, flags.filename, terminal.cwd) : undefined,
        appliesFile: flags['update-config'],
        description: 'promote staging',
      })
    }),
})
export default command

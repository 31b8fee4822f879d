/** `nami registry push`: builds, and sends the image to where environments get it. */
import { type Command, defineCommand } from '#cli/command.ts'
import { commonFlags, exactly, openWorkflow, worded } from './open.ts'

const command: Command = defineCommand({
  summary: 'build the image and push it, tagged with the commit and "latest"',
  usage: 'registry push',
  details:
    '  Refuses a working tree that no commit has, and a tag that exists. Password: NAMI_REGISTRY_PASSWORD, user: NAMI_REGISTRY_USERNAME.',
  examples: ['registry push', 'registry push --tag 1.2.0 --no-build', 'registry push --force --overwrite --skip-latest'],
  flags: {
    ...commonFlags,
    tag: { type: 'string', value: 'TAG', doc: 'tag to push (default: the commit)' },
    'local-tag': { type: 'string', value: 'TAG', doc: 'with --no-build: the image to push', default: 'latest' },
    build: { type: 'boolean', doc: '', hidden: true },
    'no-build': { type: 'boolean', doc: 'push what was built before' },
    filename: { type: 'string', short: 'f', value: 'FILE', doc: 'instead of hokusai/build.yml' },
    force: { type: 'boolean', doc: 'push a dirty working tree' },
    overwrite: { type: 'boolean', doc: 'replace an existing tag' },
    'skip-latest': { type: 'boolean', doc: 'leave the tag "latest" where it is' },
  },

  run: (call) =>
    worded(async () => {
      const { flags, args, terminal, print } = call
      exactly(args, [], 'registry push')
      const [{ pushProject }, { buildWith }] = await Promise.all([
        import('#workflow/images/push-project.ts'),
        import('./builder.ts'),
      ])
      const workflow = await openWorkflow(call)
      const { project, images, layout, git } = workflow
      const { tags, digest } = await pushProject({
        ...{ project, images, layout, git },
        tag: flags.tag,
        localTag: flags['local-tag'],
        build: flags['no-build'] ? undefined : () => buildWith(workflow, { file: flags.filename, cwd: terminal.cwd }),
        isForced: flags.force ?? false,
        overwrites: flags.overwrite ?? false,
        skipsLatest: flags['skip-latest'] ?? false,
      })
      for (const tag of tags) print(`${images.repository}:${tag} ${digest}`)
    }),
})
export default command

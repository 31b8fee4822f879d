/** `nami pipeline gitdiff | gitlog | gitcompare`: what staging has that production has not. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { commonFlags, openWorkflow, worded } from './open.ts'

const command: Command = defineCommand({
  summary: 'show what promoting would bring: the difference, the commits, or a link',
  usage: 'pipeline gitlog',
  examples: [
    'pipeline gitlog',
    'pipeline gitdiff',
    'pipeline gitcompare --org-name acme',
    'pipeline gitcompare --org-name acme --git-compare-link https://git.example.com/{org}/{project}/{production}..{staging}',
  ],
  flags: {
    ...commonFlags,
    'org-name': { type: 'string', value: 'ORG', doc: 'gitcompare: owner of the repository' },
    'git-compare-link': {
      type: 'string',
      value: 'PATTERN',
      doc: 'gitcompare: link with {org} {project} {production} {staging}, or four %s',
    },
  },

  run: (call) =>
    worded(async () => {
      const { spanOf, compareLink } = await import('#workflow/pipeline.ts')
      const { flags, name, print } = call
      const org = flags['org-name']
      if (name.endsWith('gitcompare') && !org)
        throw new CommandError('--org-name is needed', { next: ['nami pipeline gitcompare --org-name acme'], exitCode: 2 })
      const { project, images, git } = await openWorkflow(call)
      const span = await spanOf(images, git)
      if (name.endsWith('gitcompare'))
        return print(compareLink(flags['git-compare-link'], { ...span, org: org ?? '', project: project.name }))
      const text = name.endsWith('gitdiff')
        ? await git.diff(span.production, span.staging)
        : await git.log(span.production, span.staging)
      print(text || 'Staging and production are the same.')
    }),
})
export default command

/** `nami setup`: the folder becomes a project. */

import { resolve } from 'node:path'
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { commonFlags, surroundings, worded } from './open.ts'

const command: Command = defineCommand({
  summary: 'make this folder a project: hokusai/ with its configuration and templates',
  usage: 'setup',
  details: '  Without --registry, images stay on the node of this machine. Files that exist are left alone.',
  examples: [
    'setup',
    'setup --project-name web --registry registry.example.com/team',
    'setup --template-remote https://git.example.com/templates.git#main --var team=shop',
  ],
  flags: {
    ...commonFlags,
    'project-name': { type: 'string', value: 'NAME', doc: 'name of the project (default: of the folder)' },
    registry: { type: 'string', value: 'R', doc: 'where images are pushed: registry.example.com/team (default NAMI_REGISTRY)' },
    'template-remote': { type: 'string', value: 'URL#BRANCH', doc: 'git repository of templates' },
    'template-dir': { type: 'string', value: 'DIR', doc: 'folder of templates; with --template-remote, of that repository' },
    var: { type: 'string', value: 'K=V', multiple: true, doc: 'a variable of the templates' },
    'allow-missing-vars': { type: 'boolean', doc: 'variables that nobody defines are empty' },
  },

  run: (call) =>
    worded(async () => {
      const { flags, args, terminal, print } = call
      if (args.length > 0) throw new CommandError('setup takes no arguments', { next: ['nami setup --help'], exitCode: 2 })
      const [{ setUp }, { parsePairs }] = await Promise.all([
        import('#workflow/setup.ts'),
        import('#workflow/environment/values.ts'),
      ])
      const templates = flags['template-dir']
      const written = await setUp(
        {
          directory: terminal.cwd,
          name: flags['project-name'],
          registry: flags.registry ?? (terminal.env.NAMI_REGISTRY || undefined),
          remote: flags['template-remote'],
          templates: templates === undefined || flags['template-remote'] ? templates : resolve(terminal.cwd, templates),
          variables: parsePairs(flags.var ?? []),
          allowMissing: flags['allow-missing-vars'] ?? false,
        },
        await surroundings(call),
      )
      for (const file of written) print(file)
      print('Next: commit hokusai/, then nami check, nami registry push, nami staging create')
    }),
})
export default command

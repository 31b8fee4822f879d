/** `nami registry pull`: an image of the project, back here. */
import { type Command, defineCommand } from '#cli/command.ts'
import { commonFlags, exactly, openWorkflow, worded } from './open.ts'

const command: Command = defineCommand({
  summary: 'fetch an image of the project',
  usage: 'registry pull',
  examples: ['registry pull', 'registry pull --tag staging --local-tag old'],
  flags: {
    ...commonFlags,
    tag: { type: 'string', value: 'TAG', doc: 'tag to fetch', default: 'latest' },
    'local-tag': { type: 'string', value: 'TAG', doc: 'tag here', default: 'latest' },
  },

  run: (call) =>
    worded(async () => {
      const { flags, args, print } = call
      exactly(args, [], 'registry pull')
      const { localName } = await import('#workflow/images/build-project.ts')
      const { project, images, layout } = await openWorkflow(call)
      const image = await images.pull(flags.tag)
      const name = localName(project, flags['local-tag'])
      await layout.tag(name, image)
      print(`${name} ${image.descriptor.digest}`)
    }),
})
export default command

/** `nami image push NAME` sends an image to its registry. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { credentials, registryFlags } from './registry.ts'

const command: Command = defineCommand({
  summary: 'send an image to a registry',
  usage: 'image push NAME',
  examples: ['image push registry.example.com/team/app:1.0'],
  flags: registryFlags,

  async run({ flags, args, print, note, terminal }) {
    const [{ openImages, only }, { push }] = await Promise.all([import('./layout.ts'), import('#images/registry.ts')])
    const name = only(args, 'name', 'image push NAME')
    const { layout } = await openImages(flags['data-dir'])
    const image = await layout.find(name)
    if (!image) throw new CommandError(`${name} is not here.`, { next: ['nami image ls', `nami image build DIR --tag ${name}`] })
    const digest = await push(image, name, { ...credentials(flags, terminal.env), onProgress: note }).catch((error) => {
      throw new CommandError(error.message, { cause: error })
    })
    print(`${name} ${digest}`)
  },
})
export default command

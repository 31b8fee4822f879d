/** `nami image pull NAME` fetches an image from its registry. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { credentials, registryFlags } from './registry.ts'

const command: Command = defineCommand({
  summary: 'fetch an image from a registry',
  usage: 'image pull NAME',
  examples: ['image pull registry.example.com/team/app:1.0', 'image pull localhost:5000/app:1'],
  flags: registryFlags,

  async run({ flags, args, print, note, terminal }) {
    const [{ openImages, only }, { pull }] = await Promise.all([import('./layout.ts'), import('#images/registry.ts')])
    const name = only(args, 'name', 'image pull NAME')
    const { layout } = await openImages(flags['data-dir'])
    const image = await pull(layout, name, { ...credentials(flags, terminal.env), onProgress: note }).catch((error) => {
      throw new CommandError(error.message, { cause: error })
    })
    print(`${name} ${image.descriptor.digest}`)
  },
})
export default command

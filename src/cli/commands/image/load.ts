/** `nami image load FILE` takes images from an archive and brings them to the node. */
import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { dataDir } from '../cluster/flags.ts'

const command: Command = defineCommand({
  summary: 'load images from a tar archive (OCI layout, or docker save)',
  usage: 'image load FILE',
  examples: ['image load app.tar'],
  flags: { 'data-dir': dataDir },

  async run({ flags, args, terminal, print }) {
    const [{ openImages, only }, { readArchive }, { loadImage }, { loadArchive, withRuntime }] = await Promise.all([
      import('./layout.ts'),
      import('#images/archive.ts'),
      import('#images/layout.ts'),
      import('#cluster/node-images.ts'),
    ])
    const file = resolve(terminal.cwd, only(args, 'file', 'image load FILE'))
    const { directory, layout } = await openImages(flags['data-dir'])
    const found = await readArchive(createReadStream(file), layout).catch((error) => {
      throw new CommandError(`${file}: ${error.message}`, { cause: error })
    })
    for (const { reference, descriptor } of found) {
      if (reference) await layout.tag(reference, await loadImage(layout, descriptor))
      print(reference || descriptor.digest)
    }
    await withRuntime(directory, async () => loadArchive(directory, file))
  },
})
export default command

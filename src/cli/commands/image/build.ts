/** `nami image build DIR` builds an image from a folder and brings it to the node. */
import { resolve } from 'node:path'
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { dataDir } from '../cluster/flags.ts'

const command: Command = defineCommand({
  summary: 'build an image from a folder, without Docker',
  usage: 'image build DIR',
  details: '  The image is called localhost/<folder>:<tag>; the tag follows from the content. A running node gets it at once.',
  examples: ['image build examples/hello', 'image build . --tag registry.example.com/team/app:1.0'],
  flags: { 'data-dir': dataDir, tag: { type: 'string', short: 't', value: 'NAME', doc: 'a further name for the image' } },

  async run({ flags, args, terminal, print, note }) {
    const [{ build, importBuilt }, { importerOf, withRuntime }, { openImages, only }, { normalize }] = await Promise.all([
      import('#cluster/application-image.ts'),
      import('#cluster/node-images.ts'),
      import('./layout.ts'),
      import('#images/reference.ts'),
    ])
    const folder = resolve(terminal.cwd, only(args, 'folder', 'image build DIR'))
    const { directory, layout } = await openImages(flags['data-dir'])
    const built = await build(folder, directory, note).catch(worded)
    const names = [built.reference]
    if (flags.tag) {
      names.push(normalize(flags.tag))
      await layout.tag(names[1] as string, built.image)
    }
    await withRuntime(directory, async (runtime) => {
      const importer = importerOf(runtime, directory)
      for (const reference of names) await importBuilt({ ...built, reference }, directory, importer)
    })
    for (const name of names) print(name)
  },
})
export default command

function worded(error: Error): never {
  throw new CommandError(error.message, { cause: error })
}

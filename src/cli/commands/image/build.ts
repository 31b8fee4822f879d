/** `nami image build DIR` builds an image from a folder and brings it to the node. */
import { resolve } from 'node:path'
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import type { Image } from '#images/image.ts'
import type { Layout } from '#images/layout.ts'
import { dataDir } from '../cluster/flags.ts'
import { credentials } from './registry.ts'

const command: Command = defineCommand({
  summary: 'build an image from a folder, without Docker',
  usage: 'image build DIR',
  details: `  Node.js (package.json), Python (app.py, main.py, a Procfile; packages from .venv) and static sites (index.html).
  Layers: runtime, dependencies, source. Files that .dockerignore names stay out; secrets are refused by name.
  The image is called localhost/<folder>:<tag>; the tag follows from the content. A running node gets it at once.`,
  examples: [
    'image build examples/hello',
    'image build . --tag registry.example.com/team/app:1.0',
    'image build . --base node:24-slim',
  ],
  flags: {
    'data-dir': dataDir,
    tag: { type: 'string', short: 't', value: 'NAME', doc: 'a further name for the image' },
    base: { type: 'string', value: 'NAME', doc: "an image to build upon, instead of this machine's runtime" },
  },

  async run({ flags, args, terminal, print, note }) {
    const [{ build, importBuilt }, { importerOf, withRuntime }, { openImages, only }, { normalize }] = await Promise.all([
      import('#cluster/application-image.ts'),
      import('#cluster/node-images.ts'),
      import('./layout.ts'),
      import('#images/reference.ts'),
    ])
    const folder = resolve(terminal.cwd, only(args, 'folder', 'image build DIR'))
    const { directory, layout } = await openImages(flags['data-dir'])
    const base =
      flags.base === undefined ? undefined : await baseImage(layout, flags.base, { note, env: terminal.env }).catch(worded)
    const built = await build(folder, directory, note, base).catch(worded)
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

/** From the layout, or else from its registry. */
async function baseImage(
  layout: Layout,
  name: string,
  { note, env }: { note: (line: string) => void; env: Readonly<Record<string, string | undefined>> },
): Promise<Image> {
  const { pull } = await import('#images/registry.ts')
  const known = await layout.find(name)
  if (known) return known
  note(`fetching ${name}`)
  return pull(layout, name, credentials({ username: env.NAMI_REGISTRY_USERNAME, insecure: undefined }, env))
}

function worded(error: Error): never {
  throw new CommandError(error.message, { cause: error })
}

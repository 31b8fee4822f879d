/** `nami image ls` lists the images that are kept here and those on the node. */
import { type Command, defineCommand } from '#cli/command.ts'
import { dataDir } from '../cluster/flags.ts'

const command: Command = defineCommand({
  summary: 'list images',
  usage: 'image ls',
  examples: ['image ls', 'image ls --json'],
  flags: { 'data-dir': dataDir, json: { type: 'boolean', doc: 'print as JSON' } },

  async run({ flags, print }) {
    const [{ openImages, bytes }, { withRuntime }, { loadImage }] = await Promise.all([
      import('./layout.ts'),
      import('#cluster/node-images.ts'),
      import('#images/layout.ts'),
    ])
    const { directory, layout } = await openImages(flags['data-dir'])
    const onNode = (await withRuntime(directory, (runtime) => runtime.listImages())) ?? []
    const tags = new Set(onNode.flatMap(({ repoTags }) => repoTags))
    const kept = await Promise.all(
      (await layout.list()).map(async ({ reference, descriptor }) => {
        const { manifest } = await loadImage(layout, descriptor)
        return { name: reference, digest: descriptor.digest, size: manifest.layers.reduce((sum, { size }) => sum + size, 0) }
      }),
    )
    const names = new Set(kept.map(({ name }) => name))
    const others = onNode.flatMap(({ repoTags, id, size }) =>
      repoTags.filter((name) => !names.has(name)).map((name) => ({ name, digest: id, size })),
    )
    const rows = [...kept, ...others]
      .map((row) => ({ ...row, onNode: tags.has(row.name) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    if (flags.json) return print(JSON.stringify(rows))
    if (rows.length === 0) return print('No images yet.\n  nami image build DIR')
    const width = Math.max(...rows.map(({ name }) => name.length))
    print(`${'NAME'.padEnd(width)}  DIGEST        SIZE      NODE`)
    for (const { name, digest, size, onNode } of rows) {
      print(`${name.padEnd(width)}  ${digest.slice(7, 19)}  ${bytes(size).padEnd(8)}  ${onNode ? 'yes' : 'no'}`)
    }
  },
})
export default command

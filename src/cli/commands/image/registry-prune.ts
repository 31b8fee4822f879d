/** `nami registry prune`: frees what the cluster's registry holds for nobody. */
import { type Command, defineCommand } from '#cli/command.ts'
import { dataDir } from '../cluster/flags.ts'

const command: Command = defineCommand({
  summary: "free space in the cluster's own registry",
  usage: 'registry prune',
  details: `  Takes away layers that no image names, as the server does by itself every six hours. What was pushed within the last hour stays.
  With --untagged also images without a tag: those that releases name by digest among them, so that old releases cannot be run again.`,
  examples: ['registry prune', 'registry prune --untagged'],
  flags: { 'data-dir': dataDir, untagged: { type: 'boolean', doc: 'also images that have no tag' } },

  async run({ flags, print }) {
    const [
      { dataDirectory },
      { registryPaths },
      { collectGarbage },
      { openStorage },
      { systemClock: clock },
      { systemRandom: random },
    ] = await Promise.all([
      import('#cluster/data-directory.ts'),
      import('#cluster/image-registry.ts'),
      import('#images/distribution/collect-garbage.ts'),
      import('#images/distribution/storage.ts'),
      import('#lib/clock.ts'),
      import('#lib/random.ts'),
    ])
    const { directory } = registryPaths(dataDirectory(flags['data-dir']))
    const storage = openStorage({ directory, clock, random })
    const { blobs, bytes, manifests } = await collectGarbage(storage, { isUntaggedGarbage: flags.untagged ?? false })
    const images = flags.untagged ? `${manifests} images, ` : ''
    print(`${images}${blobs} blobs, ${(bytes / 1e6).toFixed(1)} MB freed`)
  },
})
export default command

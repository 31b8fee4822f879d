/** `nami image rm NAME...` removes images here and on the node. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { dataDir } from '../cluster/flags.ts'

const command: Command = defineCommand({
  summary: 'remove images',
  usage: 'image rm NAME...',
  examples: ['image rm localhost/hello:1'],
  flags: { 'data-dir': dataDir },

  async run({ flags, args, print }) {
    if (args.length === 0) throw new CommandError('a name is needed', { next: ['nami image ls'], exitCode: 2 })
    const [{ openImages }, { withRuntime }] = await Promise.all([import('./layout.ts'), import('#cluster/node-images.ts')])
    const { directory, layout } = await openImages(flags['data-dir'])
    let missing = 0
    for (const name of args) {
      const wasKept = await layout.untag(name)
      const wasOnNode = await withRuntime(directory, async (runtime) => {
        if (!(await runtime.imageStatus(name))) return false
        await runtime.removeImage(name)
        return true
      })
      if (!wasKept && !wasOnNode) missing++
      print(wasKept || wasOnNode ? `${name} removed` : `${name} not found`)
    }
    return missing > 0 ? 1 : 0
  },
})
export default command

/** `nami simulate remove` removes simulated nodes from the running cluster. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { dataDir } from './flags.ts'
import { simulationOf, worded } from './simulated-cluster.ts'

const command: Command = defineCommand({
  summary: 'remove simulated nodes from the running cluster',
  usage: 'simulate remove NAME...',
  details: '  NAME is that of a group, as "nami simulate list" shows it; its pods go as after the loss of a machine.',
  examples: ['simulate remove simulated', 'simulate remove --all'],
  flags: { 'data-dir': dataDir, all: { type: 'boolean', doc: 'all of them' } },

  async run({ flags, args, terminal, print }) {
    if (args.length === 0 && !flags.all) throw new CommandError('usage: nami simulate remove NAME...', { exitCode: 2 })
    await using cluster = await simulationOf(flags['data-dir'])
    const { listGroups, simulate } = await import('#cluster/simulate.ts')
    const left = await worded(async () => {
      const known = (await listGroups(cluster.client)).map(({ name }) => name)
      const names = flags.all ? known : args
      const unknown = names.find((name) => !known.includes(name))
      if (unknown !== undefined)
        throw new CommandError(`No simulated nodes are called ${unknown}.`, { next: ['nami simulate list'] })
      if (names.length === 0) return 0
      const gone = Object.fromEntries(names.map((name) => [name, null]))
      return await simulate(cluster.client, gone, { signal: terminal.signal })
    })
    print(`${left} simulated nodes are left.`)
  },
})
export default command

/** `nami simulate list` shows which simulated nodes the cluster wants. */
import { type Command, defineCommand } from '#cli/command.ts'
import { dataDir } from './flags.ts'
import { simulationOf, worded } from './simulated-cluster.ts'

const command: Command = defineCommand({
  summary: 'show the groups of simulated nodes',
  usage: 'simulate list',
  examples: ['simulate list', 'simulate list --json'],
  flags: { 'data-dir': dataDir, json: { type: 'boolean', doc: 'print as JSON' } },

  async run({ flags, print }) {
    await using cluster = await simulationOf(flags['data-dir'])
    const { listGroups } = await import('#cluster/simulate.ts')
    const groups = await worded(() => listGroups(cluster.client))
    if (flags.json) return print(JSON.stringify(groups))
    if (groups.length === 0) return print('There are no simulated nodes.')
    const width = Math.max(...groups.map(({ name }) => name.length))
    for (const { name, shapes } of groups) {
      print(`${name.padEnd(width)}  ${shapes.map(({ name, count }) => `${count} x ${name}`).join(', ')}`)
    }
  },
})
export default command

/** `nami kubeconfig` prints a kubeconfig for the cluster. */
import { readFileSync } from 'node:fs'
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { dataDir } from './flags.ts'

const command: Command = defineCommand({
  summary: 'print a kubeconfig for the cluster',
  usage: 'kubeconfig',
  examples: ['kubeconfig', 'kubeconfig --data-dir /tmp/nami'],
  flags: { 'data-dir': dataDir },

  async run({ flags, terminal }) {
    const { dataDirectory } = await import('#cluster/data-directory.ts')
    const { kubeconfig } = dataDirectory(flags['data-dir'])
    try {
      terminal.stdout.write(readFileSync(kubeconfig, 'utf8'))
    } catch (error) {
      throw new CommandError('There is no cluster yet.', { next: ['nami up'], cause: error })
    }
  },
})
export default command

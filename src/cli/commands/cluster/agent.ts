/** `nami agent` is the node's process; the supervisor that `nami up` leaves behind runs it. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { dataDir } from './flags.ts'

const command: Command = defineCommand({
  summary: 'run the node agent in the foreground',
  usage: 'agent --data-dir D',
  examples: ['agent --data-dir /var/lib/nami'],
  flags: { 'data-dir': dataDir },

  async run({ flags, terminal }) {
    const { dataDirectory, loadConfig, prepare } = await import('#cluster/data-directory.ts')
    const directory = dataDirectory(flags['data-dir'])
    const config = loadConfig(directory)
    if (!config) throw new CommandError(`${directory.path} holds no cluster.`, { next: ['nami up'] })
    prepare(directory)
    const [{ startAgent }, { announce }, { createLog }] = await Promise.all([
      import('#cluster/agent.ts'),
      import('#cluster/processes.ts'),
      import('#cluster/log.ts'),
    ])
    announce(directory, 'agent')
    const running = await startAgent(directory, config, createLog('agent'))
    await new Promise<void>((resolve) => terminal.signal.addEventListener('abort', () => resolve(), { once: true }))
    await running.close()
    process.exit(0)
  },
})
export default command

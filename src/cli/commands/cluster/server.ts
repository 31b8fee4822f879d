/** `nami server` is the control plane's process; the supervisor that `nami up` leaves behind runs it. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { dataDir } from './flags.ts'

const command: Command = defineCommand({
  summary: 'run the control plane in the foreground',
  usage: 'server --data-dir D',
  examples: ['server --data-dir /var/lib/nami'],
  flags: { 'data-dir': dataDir },

  async run({ flags, terminal }) {
    const { dataDirectory, loadConfig, prepare } = await import('#cluster/data-directory.ts')
    const directory = dataDirectory(flags['data-dir'])
    const config = loadConfig(directory)
    if (!config) throw new CommandError(`${directory.path} holds no cluster.`, { next: ['nami up'] })
    prepare(directory)
    const [{ startServer }, { announce }, { createLog }] = await Promise.all([
      import('#cluster/server.ts'),
      import('#cluster/processes.ts'),
      import('#cluster/log.ts'),
    ])
    announce(directory, 'server')
    const running = await startServer(directory, config, createLog('server'))
    await new Promise<void>((resolve) => terminal.signal.addEventListener('abort', () => resolve(), { once: true }))
    await running.close()
    process.exit(0)
  },
})
export default command

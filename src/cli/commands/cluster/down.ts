/** `nami down` stops the cluster; `--delete` removes everything of it. */
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { systemClock } from '#lib/clock.ts'
import { dataDir } from './flags.ts'

const command: Command = defineCommand({
  summary: 'stop the cluster; with --delete leave nothing of it',
  usage: 'down [--delete]',
  details: `  Without --delete everything is kept on disk: "nami up" brings the cluster and its applications back.
  With it, no process, mount, interface, rule or file stays behind, and the context leaves the kubeconfig.`,
  examples: ['down', 'down --delete'],
  flags: {
    'data-dir': dataDir,
    delete: { type: 'boolean', doc: 'delete all data as well' },
  },

  async run({ flags, terminal, print }) {
    const [{ dataDirectory, loadConfig }, { down }, { createProgress }, { editFile, withoutEntry }, { takeTurn }] =
      await Promise.all([
        import('#cluster/data-directory.ts'),
        import('#cluster/down.ts'),
        import('#cluster/progress.ts'),
        import('#cluster/kubeconfig-file.ts'),
        import('#cluster/turn.ts'),
      ])
    const directory = dataDirectory(flags['data-dir'])
    const config = loadConfig(directory)
    if (config?.agent && process.getuid?.() !== 0) {
      throw new CommandError('The node was started by root; only root can stop it.', { next: ['sudo nami down'] })
    }
    const progress = createProgress(terminal.stderr as never, systemClock)
    const onWait = () => progress.step('waiting for another nami up or down')
    using _turn = await takeTurn(directory, { signal: terminal.signal, onWait })
    const found = await down({ directory, clock: systemClock, progress, delete: flags.delete ?? false })
    if (flags.delete && config) {
      const path = terminal.env.KUBECONFIG?.split(':').find(Boolean) ?? `${terminal.env.HOME ?? '/root'}/.kube/config`
      editFile(path, (text) => withoutEntry(text, config.name))
    }
    print(found ? (flags.delete ? 'Deleted.' : 'Stopped. "nami up" starts it again.') : 'No cluster was running.')
  },
})
export default command

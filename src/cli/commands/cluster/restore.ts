/** `nami restore F` puts the state of a backup in the place of the cluster's. */
import { resolve } from 'node:path'
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { dataDir } from './flags.ts'

const command: Command = defineCommand({
  summary: 'take the state of a backup, with the cluster stopped',
  usage: 'restore F',
  details: `  A file that is damaged, no backup, or of another cluster is refused and nothing is changed. The present state is
  kept aside. The restored state begins above every revision ever issued, so that whoever watched lists again.`,
  examples: ['restore /backup/nami.bak'],
  flags: { 'data-dir': dataDir, json: { type: 'boolean', doc: 'print as JSON' } },

  async run({ flags, args, terminal, print }) {
    const [file] = args
    if (file === undefined || args.length > 1) throw new CommandError('usage: nami restore F', { exitCode: 2 })
    const [{ dataDirectory, prepare }, { BackupFailed, restore }, { findProcess }] = await Promise.all([
      import('#cluster/data-directory.ts'),
      import('#cluster/backups.ts'),
      import('#cluster/processes.ts'),
    ])
    const directory = dataDirectory(flags['data-dir'])
    if (findProcess(directory, 'supervisor') ?? findProcess(directory, 'server')) {
      throw new CommandError('The cluster is running.', { next: ['nami down', `nami restore ${file}`, 'nami up'] })
    }
    prepare(directory)
    const { head, revision, former, keys, encryptedBy } = await restore(directory, resolve(terminal.cwd, file)).catch((error) => {
      if (!(error instanceof BackupFailed)) throw error
      throw new CommandError(error.message, { cause: error })
    })
    if (flags.json) return print(JSON.stringify({ ...head, leases: undefined, keys, revision, former, encryptedBy }))
    print(`${head.rows} objects of ${head.created} are restored. "nami up" starts the cluster with them.`)
    if (former) print(`The former state lies in ${former}.`)
    if (keys === 'restored')
      print('The keys of its authorities are restored as well: clients, nodes and tokens of before are accepted.')
    if (keys === 'none') {
      print(
        'The keys of its authorities are neither here nor in the backup: "nami up" makes new ones, and no certificate or token of',
      )
      print('before is accepted. To avoid that, copy pki/ of the former data directory first.')
    }
    if (encryptedBy.length > 0) {
      print(`Some values are encrypted, by ${encryptedBy.map((prefix) => prefix.slice(0, -1)).join(', ')}:`)
      print('"nami up --encryption-provider-config FILE" needs these keys.')
    }
  },
})
export default command

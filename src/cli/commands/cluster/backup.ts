/** `nami backup F` writes the state of the running cluster into a file. */
import { resolve } from 'node:path'
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { dataDir } from './flags.ts'

const command: Command = defineCommand({
  summary: "write the cluster's state into a file",
  usage: 'backup F',
  details: `  The cluster goes on meanwhile; the file holds its state at one instant, and is checked before it gets its name.
  Only the owner can read it: it holds Secrets, encrypted where the cluster encrypts them. The keys that encrypt them
  are never in it. With --with-keys the keys of the cluster's authorities are (ca, front-proxy-ca and sa of pki/), so
  that a new machine can take its place; whoever has such a file can be anybody in the cluster.`,
  examples: ['backup /backup/nami.bak', 'backup /safe/nami.bak --with-keys'],
  flags: {
    'data-dir': dataDir,
    'with-keys': { type: 'boolean', doc: "put the keys of the cluster's authorities into it" },
    json: { type: 'boolean', doc: 'print as JSON' },
  },

  async run({ flags, args, terminal, print }) {
    const [file] = args
    if (file === undefined || args.length > 1) throw new CommandError('usage: nami backup F', { exitCode: 2 })
    const [{ dataDirectory }, { backUp, BackupFailed }] = await Promise.all([
      import('#cluster/data-directory.ts'),
      import('#cluster/backups.ts'),
    ])
    const path = resolve(terminal.cwd, file)
    const head = await backUp(dataDirectory(flags['data-dir']), path, { keys: flags['with-keys'] ?? false }).catch((error) => {
      if (!(error instanceof BackupFailed)) throw error
      throw new CommandError(error.message, { next: ['nami status'], cause: error })
    })
    if (flags.json) return print(JSON.stringify({ path, revision: head.revision, rows: head.rows, created: head.created }))
    print(`${head.rows} objects at revision ${head.revision} are in ${path}.`)
  },
})
export default command

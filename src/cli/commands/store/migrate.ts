/** `nami store migrate --to etcd|sqlite` moves a cluster's state into the other engine. */

import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import { dataDir, storeFlags } from '#cli/commands/cluster/flags.ts'
import { storeFrom } from '#cli/commands/cluster/store-from.ts'

const { store: _, ...etcdFlags } = storeFlags

const command: Command = defineCommand({
  summary: 'move the state into etcd, or back into a file, with the cluster stopped',
  usage: 'store migrate --to etcd|sqlite',
  details: `  The state begins above every revision ever issued, so that whoever watched lists again. The former state stays as it is:
  the file is put aside, and etcd keeps its keys. Other API servers at work on that etcd end when it begins. Keys that
  are no part of the API go into etcd by their own names, and stay there on the way back.`,
  examples: ['store migrate --to etcd --etcd-endpoints http://127.0.0.1:2379', 'store migrate --to sqlite'],
  flags: {
    'data-dir': dataDir,
    to: { type: 'string', value: 'E', doc: 'etcd or sqlite' },
    ...etcdFlags,
    replace: { type: 'boolean', doc: 'remove what etcd holds below the prefix' },
    json: { type: 'boolean', doc: 'print as JSON' },
  },

  async run({ flags, terminal, print }) {
    const { to } = flags
    if (to !== 'etcd' && to !== 'sqlite') throw new CommandError('usage: nami store migrate --to etcd|sqlite', { exitCode: 2 })
    const [{ dataDirectory, loadConfig }, { migrateStore, MigrationFailed }, { findProcess }] = await Promise.all([
      import('#cluster/data-directory.ts'),
      import('#cluster/migrate-store.ts'),
      import('#cluster/processes.ts'),
    ])
    const directory = dataDirectory(flags['data-dir'])
    const config = loadConfig(directory)
    if (!config) throw new CommandError(`${directory.path} holds no cluster.`, { next: ['nami up'] })
    if (findProcess(directory, 'supervisor') ?? findProcess(directory, 'server')) {
      throw new CommandError('The cluster is running.', { next: ['nami down', `nami store migrate --to ${to}`, 'nami up'] })
    }
    const wishes = to === 'etcd' ? await storeFrom({ ...flags, store: to }, terminal) : {}
    const moved = await migrateStore({ directory, config, to, ...wishes, replace: flags.replace ?? false }).catch((error) => {
      if (!(error instanceof MigrationFailed)) throw error
      throw new CommandError(error.message, { next: error.next, cause: error })
    })
    if (flags.json) return print(JSON.stringify(moved))
    print(`${moved.rows} objects are in ${to}. "nami up" starts the cluster with them.`)
    print(`The former state lies in ${moved.former}.`)
  },
})
export default command

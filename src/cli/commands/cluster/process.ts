/** The shape of the two commands that the supervisor runs: announce, start, wait for the signal, end in order. */
import { resolve } from 'node:path'
import { type Command, CommandError, defineCommand } from '#cli/command.ts'
import type { ClusterConfig, DataDirectory } from '#cluster/data-directory.ts'
import type { Log } from '#cluster/log.ts'
import { admissionFrom } from './admission-from.ts'
import { apiserverFlags, apiserverFlagsFrom } from './apiserver-flags-from.ts'
import {
  admissionFlags,
  configFile,
  controllersFlag,
  controllersFrom,
  dataDir,
  encryptionProviderConfig,
  etcdApiPort,
  runtimeConfig,
  storeFlags,
} from './flags.ts'
import { storeFrom } from './store-from.ts'

const serverFlags = {
  ...admissionFlags,
  ...listed(apiserverFlags),
  ...storeFlags,
  'etcd-api-port': etcdApiPort,
  config: configFile,
  controllers: controllersFlag,
} as const

/** Here is where they are looked up. */
function listed<F extends object>(flags: F): F {
  return Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, { ...flag, hidden: false }])) as F
}

type Start = (directory: DataDirectory, config: ClusterConfig, log: Log) => Promise<{ close(): Promise<void> }>

export interface ProcessOptions {
  readonly name: 'server' | 'agent'
  readonly summary: string
  readonly load: () => Promise<Start>
}

export function processCommand({ name, summary, load }: ProcessOptions): Command {
  return defineCommand({
    summary,
    usage: `${name} --data-dir D`,
    examples: [`${name} --data-dir /var/lib/nami`],
    flags: {
      'data-dir': dataDir,
      'runtime-config': runtimeConfig,
      'encryption-provider-config': encryptionProviderConfig,
      ...(name === 'server' && serverFlags),
    },

    async run({ flags, terminal }) {
      const { dataDirectory, loadConfig, prepare } = await import('#cluster/data-directory.ts')
      const directory = dataDirectory(flags['data-dir'])
      const known = loadConfig(directory)
      if (!known) throw new CommandError(`${directory.path} holds no cluster.`, { next: ['nami up'] })
      const given = flags['runtime-config']
      const encryptionConfig = flags['encryption-provider-config']
      const admission = await admissionFrom(flags, terminal)
      const controllers = await controllersFrom(flags.controllers)
      const apiserver = await apiserverFlagsFrom(flags, terminal)
      const { engineOf, withStore } = await import('#cluster/store-config.ts')
      const config = {
        ...withStore(known, await storeFrom(flags, terminal, engineOf(known))),
        ...(given !== undefined && { runtimeConfig: given }),
        ...(encryptionConfig !== undefined && { encryptionConfig }),
        ...(admission && { admission }),
        ...(controllers && { controllers }),
        ...(apiserver && { apiserverFlags: { ...known.apiserverFlags, ...apiserver } }),
        ...(flags.config !== undefined && { apiserverConfig: resolve(terminal.cwd, flags.config) }),
      }
      prepare(directory)
      const [start, { announce }, { createLog }, { settleDownLater }] = await Promise.all([
        load(),
        import('#cluster/processes.ts'),
        import('#cluster/log.ts'),
        import('#cluster/settle-down.ts'),
      ])
      announce(directory, name)
      // Timers keep no process alive, and there are moments when nothing else would.
      setInterval(() => {}, 1 << 30)
      // A start that is to be broken off is: whatever it has done, the next one completes.
      const giveUp = () => process.exit(0)
      terminal.signal.addEventListener('abort', giveUp)
      if (terminal.signal.aborted) giveUp()
      const running = await orEnd(() => start(directory, config, createLog(name)))
      terminal.signal.removeEventListener('abort', giveUp)
      settleDownLater()
      await new Promise<void>((resolve) => terminal.signal.addEventListener('abort', () => resolve(), { once: true }))
      await running.close()
      process.exit(0)
    },
  })
}

/** Half a start holds sockets and threads; the supervisor is to see it end, once main has said why. */
async function orEnd<T>(begin: () => Promise<T>): Promise<T> {
  try {
    return await begin()
  } catch (error) {
    setImmediate(() => process.exit(1))
    throw error
  }
}

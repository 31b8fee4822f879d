/** The engine that a cluster's configuration names, opened; and the right to be the only one who works in this data directory. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { openSqliteStore } from '#store/sqlite.ts'
import { lockFile } from '#store/sqlite-file.ts'
import type { Store } from '#store/store.ts'
import type { ClusterConfig, DataDirectory } from './data-directory.ts'
import { readTls } from './store-config.ts'

export interface EngineOptions {
  readonly directory: DataDirectory
  readonly config: Pick<ClusterConfig, 'etcd' | 'nodeName' | 'port'>
  readonly clock: Clock
  readonly random: Random
  /** A revision that is known to have been durable. */
  readonly atLeast: number | Promise<number>
}

export async function openEngine({ directory, config, clock, random, atLeast }: EngineOptions): Promise<Store> {
  if (!config.etcd) return openSqliteStore({ path: directory.store, clock, atLeast })
  mkdirSync(dirname(directory.store), { recursive: true })
  const lock = lockFile(directory.store)
  try {
    // Who keeps the state in a file need not load gRPC.
    const { openEtcdStore } = await import('#store/etcd/etcd.ts')
    const { endpoints, prefix } = config.etcd
    const name = `${config.nodeName}-${config.port}`
    const store = await openEtcdStore({ endpoints, prefix, name, tls: readTls(config.etcd), clock, random })
    return releasing(store, () => lock.close())
  } catch (error) {
    lock.close()
    throw error
  }
}

function releasing(store: Store, release: () => void): Store {
  let closed: Promise<void> | undefined
  const close = store.close.bind(store)
  store.close = () => (closed ??= close().finally(release))
  return store
}

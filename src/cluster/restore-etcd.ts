/** Puts the state of a backup into the etcd that a cluster keeps its state in; what was there is saved as a backup first. */
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { formatTime, systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { type BackupHead, backupOf, backupRows } from '#store/backup.ts'
import { EtcdError, isUnfinishedMove } from '#store/etcd/etcd-error.ts'
import type { ClusterConfig, DataDirectory } from './data-directory.ts'
import { openEngine } from './open-engine.ts'
import { type EtcdConfig, readTls } from './store-config.ts'

export interface EtcdRestore {
  readonly directory: DataDirectory
  readonly config: ClusterConfig & { readonly etcd: EtcdConfig }
  readonly file: string
  readonly head: BackupHead
}

/** Answers the revision at which the state begins, and the backup of what was there. */
export async function restoreIntoEtcd(options: EtcdRestore): Promise<{ revision: number; former: string | undefined }> {
  const { config, file, head } = options
  const { newest, former } = await saveFormer(options)
  const { importEtcd } = await import('#store/etcd/import-etcd.ts')
  const { endpoints, prefix } = config.etcd
  const state = { rows: () => backupRows(file), leases: head.leases, above: Math.max(newest, head.revision), replace: true }
  const { revision } = await importEtcd({ endpoints, prefix, tls: readTls(config.etcd), clock: systemClock }, state)
  return { revision, former }
}

async function saveFormer({ directory, config, head }: EtcdRestore) {
  const open = { directory, config, clock: systemClock, random: systemRandom, atLeast: 0 }
  const store = await openEngine(open).catch((error) => {
    // What an earlier restore left half done is not worth keeping.
    if (error instanceof EtcdError && isUnfinishedMove(error)) return undefined
    throw error
  })
  if (!store) return { newest: 0, former: undefined }
  try {
    const created = formatTime(systemClock.now())
    const former = `${directory.store}-before-restore-${created.replaceAll(':', '')}.bak`
    const { revision: newest } = await store.status()
    await pipeline(backupOf(store, { cluster: head.cluster, created }), createWriteStream(former, { mode: 0o600, flush: true }))
    return { newest, former }
  } finally {
    await store.close()
  }
}

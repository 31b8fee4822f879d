/** Moves a cluster's state from one engine to the other, with the cluster stopped. */
import { renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { formatTime, systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { EtcdError } from '#store/etcd/etcd-error.ts'
import { openHistory } from '#store/history.ts'
import { importSqlite } from '#store/sqlite-restore.ts'
import { everyKey, type Row, type Store } from '#store/store.ts'
import { type ClusterConfig, type DataDirectory, saveConfig, syncDirectory } from './data-directory.ts'
import { openEngine } from './open-engine.ts'
import { type EtcdConfig, engineOf, readTls, withStore } from './store-config.ts'

export class MigrationFailed extends Error {
  readonly next: readonly string[]

  constructor(message: string, next: readonly string[] = [], options?: ErrorOptions) {
    super(message, options)
    this.next = next
  }
}

export interface MigrateOptions {
  readonly directory: DataDirectory
  readonly config: ClusterConfig
  readonly to: 'sqlite' | 'etcd'
  /** Where to; absent on the way back. */
  readonly etcd?: EtcdConfig
  /** What etcd holds below the prefix goes. */
  readonly replace: boolean
}

export interface Migrated {
  readonly rows: number
  /** At which the state begins in its new place. */
  readonly revision: number
  /** Where the former state still lies. */
  readonly former: string
}

/** The former state stays where it was or is put aside; the configuration changes last, when the new one is complete. */
export async function migrateStore(options: MigrateOptions): Promise<Migrated> {
  const { directory, config, to } = options
  if (engineOf(config) === to) throw new MigrationFailed(`The state of ${directory.path} is in ${to} already.`)
  const atLeast = await recordedRevision(directory)
  const store = await openEngine({ directory, config, clock: systemClock, random: systemRandom, atLeast }).catch(explain)
  try {
    const { revision } = await store.status()
    const state = { rows: () => rowsOf(store), leases: await store.leases(), above: Math.max(revision, atLeast) }
    const moved = to === 'etcd' ? await intoEtcd(options, state).catch(explain) : await intoFile(directory, state)
    await store.close()
    const former = settle(options)
    return { ...moved, former }
  } finally {
    await store.close()
  }
}

interface State {
  rows(): AsyncIterable<Row>
  readonly leases: Awaited<ReturnType<Store['leases']>>
  readonly above: number
}

type Moved = Pick<Migrated, 'rows' | 'revision'>

async function intoEtcd({ etcd, replace }: MigrateOptions, state: State): Promise<Moved> {
  if (!etcd) throw new MigrationFailed('Which etcd?', ['nami store migrate --to etcd --etcd-endpoints https://HOST:2379'])
  const { importEtcd } = await import('#store/etcd/import-etcd.ts')
  const { endpoints, prefix } = etcd
  return importEtcd({ endpoints, prefix, tls: readTls(etcd), clock: systemClock }, { ...state, replace })
}

async function intoFile(directory: DataDirectory, { rows, ...state }: State): Promise<Moved> {
  const fresh = freshOf(directory)
  for (const end of ['', '-wal', '-shm']) rmSync(fresh + end, { force: true })
  const each = counted(rows())
  const revision = await importSqlite(fresh, { rows: each.each, ...state })
  return { rows: each.count(), revision }
}

function freshOf({ store }: DataDirectory): string {
  return `${store}-migrated`
}

/** Each step is on the disk before the next: a power cut leaves the former state or the new one, and a configuration that names it. */
function settle({ directory, config, to, etcd }: MigrateOptions): string {
  const { store } = directory
  const former = `${store}-before-migration-${formatTime(systemClock.now()).replaceAll(':', '')}`
  if (to === 'sqlite') {
    // A move that was cut short may have left a file, whose log must not be taken for the new one's.
    putAside(store, former)
    renameSync(freshOf(directory), store)
    syncDirectory(dirname(store))
    saveConfig(directory, withStore(config, { engine: 'sqlite' }))
    return `etcd at ${config.etcd?.endpoints.join(',')}, below ${config.etcd?.prefix}`
  }
  saveConfig(directory, withStore(config, { engine: 'etcd', ...(etcd && { etcd }) }))
  putAside(store, former)
  return former
}

function putAside(store: string, former: string): void {
  for (const end of ['', '-wal', '-shm']) {
    try {
      renameSync(store + end, former + end)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  syncDirectory(dirname(store))
}

async function recordedRevision({ history: path }: DataDirectory): Promise<number> {
  const history = await openHistory({ path })
  const { revision } = await history.status()
  await history.close()
  return revision
}

const pageSize = 5_000

async function* rowsOf(store: Store): AsyncGenerator<Row> {
  const { revision } = await store.status()
  for (let key: string = everyKey.key; ; ) {
    const { rows, more } = await store.range({ ...everyKey, key, revision, limit: pageSize })
    yield* rows
    const last = rows.at(-1)
    if (!more || !last) return
    key = `${last.key}\0`
  }
}

function counted(rows: AsyncIterable<Row>) {
  let count = 0
  const each = async function* () {
    for await (const row of rows) {
      count++
      yield row
    }
  }
  return { each: each(), count: () => count }
}

function explain(error: unknown): never {
  if (!(error instanceof EtcdError)) throw error
  const replace = error.message.includes('already') ? ['nami store migrate ... --replace    if they may go'] : []
  throw new MigrationFailed(error.message, replace, { cause: error })
}

/** Backups of this cluster's state: made through the running server, remembered, restored with the cluster stopped. */
import { createWriteStream, existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { httpsTransport } from '#client/https-transport.ts'
import { formatTime, systemClock } from '#lib/clock.ts'
import { BackupError, type BackupHead, backupRows, checkBackup } from '#store/backup.ts'
import { prefixOf } from '#store/encryption/value-prefix.ts'
import { EtcdError } from '#store/etcd/etcd-error.ts'
import { openHistory } from '#store/history.ts'
import { lockFile } from '#store/sqlite-file.ts'
import { restoreSqlite, revisionOf } from '#store/sqlite-restore.ts'
import { administratorIdentity } from './administrator.ts'
import { type DataDirectory, loadConfig, replaceFile, syncDirectory } from './data-directory.ts'
import { takeAuthorities } from './pki-authorities.ts'

export interface KnownBackup {
  readonly path: string
  /** RFC 3339. */
  readonly created: string
  readonly revision: number
}

export class BackupFailed extends Error {}

/** Where the server answers with a backup; nobody but administrators may ask (`system:masters`). */
export const backupPath = '/nami/backup'
/** The query by which it answers with the keys of the cluster's authorities as well. */
export const withKeys = 'keys'

export interface BackUpOptions {
  /** With them a new machine can take the cluster's place: clients, nodes and tokens of before are accepted there. */
  readonly keys?: boolean
}

/** Asks the server, checks what came, and puts it at `path` only when it is whole. */
export async function backUp(directory: DataDirectory, path: string, { keys = false }: BackUpOptions = {}): Promise<BackupHead> {
  const identity = administratorIdentity(directory)
  if (!identity) throw new BackupFailed('There is no cluster yet.')
  const transport = httpsTransport({ ...identity, clock: systemClock })
  const temporary = `${path}.${process.pid}.new`
  try {
    const head = await received(transport, { keys, temporary })
    renameSync(temporary, path)
    syncDirectory(dirname(path))
    remember(directory, { path, created: head.created, revision: head.revision })
    return head
  } finally {
    rmSync(temporary, { force: true })
    await transport.close()
  }
}

/** What the server loses on the way, when etcd forgets it, or when it ends, can be asked for again. */
const mostTries = 3

async function received(
  transport: ReturnType<typeof httpsTransport>,
  { keys, temporary }: { readonly keys: boolean; readonly temporary: string },
): Promise<BackupHead> {
  const path = keys ? `${backupPath}?${withKeys}` : backupPath
  for (let tries = 1; ; tries++) {
    const answer = await transport.raw({ method: 'GET', path, signal: new AbortController().signal }).catch((error) => {
      throw new BackupFailed(`The server does not answer: ${error.message}`, { cause: error })
    })
    if (answer.status !== 200) throw new BackupFailed(`The server refuses: status ${answer.status}`)
    try {
      await pipeline(answer.body, createWriteStream(temporary, { mode: 0o600, flush: true }))
      return await checkBackup(temporary)
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException
      if (code === 'ENOSPC' || tries === mostTries)
        throw new BackupFailed(`The backup did not arrive: ${message}`, { cause: error })
    }
  }
}

const mostRemembered = 20

function remember(directory: DataDirectory, backup: KnownBackup): void {
  const others = known(directory).filter(({ path }) => path !== backup.path)
  replaceFile(listFile(directory), `${JSON.stringify([backup, ...others].slice(0, mostRemembered), null, 2)}\n`, 0o600)
}

function known(directory: DataDirectory): KnownBackup[] {
  try {
    return JSON.parse(readFileSync(listFile(directory), 'utf8'))
  } catch {
    return []
  }
}

function listFile({ path }: DataDirectory): string {
  return join(path, 'backups.json')
}

/** The newest that is still there and sound. */
export async function lastGoodBackup(directory: DataDirectory): Promise<KnownBackup | undefined> {
  for (const backup of known(directory)) {
    const isSound = await checkBackup(backup.path).then(
      () => true,
      () => false,
    )
    if (isSound) return backup
  }
  return undefined
}

export interface Restored {
  readonly head: BackupHead
  readonly revision: number
  /** Where the former state lies; undefined where there was none. */
  readonly former: string | undefined
  /** Whose keys the cluster has now: those that were here, those of the backup, or none, so that a start makes new ones. */
  readonly keys: 'own' | 'restored' | 'none'
  /** What encrypted values begin with, each with the name of a key that is needed. */
  readonly encryptedBy: readonly string[]
}

/**
 * Puts the state of a backup in the place of the present one, which is kept aside. The cluster must be stopped. The new state begins
 * above every revision that was ever issued, and all of them count as compacted: whoever watched must list again.
 */
export async function restore(directory: DataDirectory, file: string): Promise<Restored> {
  const head = await checkBackup(file).catch((error) => {
    throw error instanceof BackupError ? new BackupFailed(error.message, { cause: error }) : error
  })
  const own = clusterOf(directory)
  if (own && own !== head.cluster) {
    throw new BackupFailed(`${file} is of another cluster (${head.cluster}); the one in ${directory.path} is ${own}`)
  }
  const config = loadConfig(directory)
  if (config?.etcd) {
    const { restoreIntoEtcd } = await import('./restore-etcd.ts')
    const restored = await restoreIntoEtcd({ directory, config: { ...config, etcd: config.etcd }, file, head }).catch((error) => {
      throw error instanceof EtcdError ? new BackupFailed(error.message, { cause: error }) : error
    })
    return { head, ...restored, keys: await takeAuthorities(directory.pki, head.keys), encryptedBy: await prefixesIn(file) }
  }
  const lock = lockFile(directory.store)
  const fresh = `${directory.store}-restored`
  try {
    for (const name of filesOf(fresh)) rmSync(name)
    const revision = await restoreSqlite(fresh, { file, head, above: await newestKnown(directory) })
    const former = putAside(directory.store)
    for (const name of filesOf(fresh)) renameSync(name, name.replace(fresh, directory.store))
    syncDirectory(dirname(directory.store))
    const keys = await takeAuthorities(directory.pki, head.keys)
    return { head, revision, former, keys, encryptedBy: await prefixesIn(file) }
  } finally {
    lock.close()
    for (const name of filesOf(fresh)) rmSync(name, { force: true })
  }
}

async function prefixesIn(file: string): Promise<string[]> {
  const prefixes = new Set<string>()
  for await (const { value } of backupRows(file)) prefixes.add(prefixOf(value))
  prefixes.delete('')
  return [...prefixes]
}

/** A damaged state is still worth a look at what the history has seen of it. */
async function newestKnown(directory: DataDirectory): Promise<number> {
  let newest = 0
  try {
    if (existsSync(directory.store)) newest = revisionOf(directory.store)
  } catch {
    // It is to be replaced for that.
  }
  if (!existsSync(directory.history)) return newest
  const history = await openHistory({ path: directory.history })
  const { revision } = await history.status()
  await history.close()
  return Math.max(newest, revision)
}

function putAside(store: string): string | undefined {
  if (!existsSync(store)) return undefined
  const former = `${store}-before-restore-${formatTime(systemClock.now()).replaceAll(':', '')}`
  for (const name of filesOf(store)) renameSync(name, name.replace(store, former))
  return former
}

/** The database and what belongs to it, without the lock, which is held, and the reserve. */
function filesOf(database: string): string[] {
  const [folder, name] = [dirname(database), basename(database)]
  return readdirSync(folder)
    .filter((entry) => ['', '-wal', '-shm'].some((end) => entry === name + end))
    .map((entry) => join(folder, entry))
}

function clusterFile({ path }: DataDirectory): string {
  return join(path, 'cluster-id')
}

function clusterOf(directory: DataDirectory): string | undefined {
  return existsSync(clusterFile(directory)) ? readFileSync(clusterFile(directory), 'utf8').trim() : undefined
}

/** Written down, since a damaged state cannot be asked. */
export function rememberCluster(directory: DataDirectory, uid: string): void {
  if (clusterOf(directory) !== uid) replaceFile(clusterFile(directory), `${uid}\n`, 0o600)
}

/** The state of a cluster, opened: the engine, what is encrypted in it, its history and its compaction. */
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { runCompactor } from '#store/compactor.ts'
import { encryptedStore } from '#store/encryption/encrypted-store.ts'
import { EtcdError } from '#store/etcd/etcd-error.ts'
import { type History, openHistory } from '#store/history.ts'
import { type Recorder, recordHistory } from '#store/record-history.ts'
import { DamagedStoreError } from '#store/sqlite-damage.ts'
import type { Store } from '#store/store.ts'
import { lastGoodBackup } from './backups.ts'
import type { ClusterConfig, DataDirectory } from './data-directory.ts'
import { type Encryption, openEncryption } from './encryption-reload.ts'
import type { Log } from './log.ts'
import { openEngine } from './open-engine.ts'
import { clearProblem, noteProblem, StoreProblem } from './store-problem.ts'

export interface OpenStoreOptions {
  readonly directory: DataDirectory
  readonly config: ClusterConfig
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface OpenedStore {
  /** What the API server works on. */
  readonly store: Store
  /** Below the encryption. */
  readonly raw: Store
  readonly history: History
  readonly recorder: Recorder
  /** Absent where nothing is encrypted. */
  readonly encryption: Encryption | undefined
  close(): Promise<void>
}

/** Throws `StoreProblem` where the state is damaged: then nothing is served. */
export async function openStore(options: OpenStoreOptions): Promise<OpenedStore> {
  const { directory, config, clock, random, log } = options
  clearProblem(directory)
  const onError = (error: unknown) => log.error('history', error)
  await using open = new AsyncDisposableStack()
  const stop = new AbortController()
  const opening = openHistory({ path: directory.history, clock, onError })
  open.defer(() =>
    opening.then(
      (history) => history.close(),
      () => {},
    ),
  )
  const atLeast = opening.then((history) => history.status()).then(({ revision }) => revision)
  atLeast.catch(() => {})
  const raw = await openEngine({ directory, config, clock, random, atLeast }).catch((error) => refuse(error, options))
  open.defer(() => raw.close())
  open.defer(() => stop.abort())
  const history = await opening
  const encryption = await encryptionOf(options, { raw, history }, stop.signal)
  const recorder = await recordHistory({ store: raw, history, clock, onError })
  open.defer(() => recorder.close())
  runCompactor({ store: raw, clock, signal: stop.signal, onError: (error) => log.error('compaction', error) })
  if (!config.etcd) watchSpace(options, raw, stop.signal)
  const closing = open.move()
  const store = encryption ? encryptedStore(raw, encryption.providersOf) : raw
  return { store, raw, history, recorder, encryption, close: () => closing.disposeAsync() }
}

async function encryptionOf(
  { directory, config, clock, random, log }: OpenStoreOptions,
  state: { readonly raw: Store; readonly history: History },
  signal: AbortSignal,
) {
  try {
    const reloads = config.encryptionConfig === undefined || (await followsEncryption(config))
    return await openEncryption({ path: config.encryptionConfig, ...state, clock, random, log, signal, reloads })
  } catch (error) {
    if (error instanceof StoreProblem) noteProblem(directory, error)
    throw error
  }
}

async function followsEncryption({ apiserverConfig, apiserverFlags }: ClusterConfig): Promise<boolean> {
  const { readApiserverFlags } = await import('./apiserver-flags.ts')
  return readApiserverFlags(apiserverConfig, apiserverFlags).flags['encryption-provider-config-automatic-reload']
}

async function refuse(error: unknown, { directory, config }: OpenStoreOptions): Promise<never> {
  if (!(error instanceof DamagedStoreError || error instanceof EtcdError)) throw error
  const problem = error instanceof EtcdError ? unreachable(error, config) : await problemOf(error, directory)
  noteProblem(directory, problem)
  throw problem
}

async function problemOf(error: DamagedStoreError, directory: DataDirectory): Promise<StoreProblem> {
  const backup = await lastGoodBackup(directory)
  const lines = [
    `The state in ${error.path} is damaged, and nothing is served from it:`,
    ...error.findings.map((one) => `  ${one}`),
  ]
  const ended = backup
    ? `The last good backup is ${backup.path}, of ${backup.created}.`
    : 'No backup is known on this machine. "nami restore FILE" takes one from elsewhere.'
  const next = backup ? ['nami down', `nami restore ${backup.path}`, 'nami up'] : ['nami restore FILE']
  return new StoreProblem([...lines, ended].join('\n'), next, { cause: error })
}

function unreachable(error: EtcdError, { etcd }: ClusterConfig): StoreProblem {
  const endpoints = etcd?.endpoints.join(',')
  const next = [`ETCDCTL_API=3 etcdctl --endpoints ${endpoints} endpoint health    with the same certificates`]
  return new StoreProblem(`etcd at ${endpoints} cannot be used: ${error.message}`, next, { cause: error })
}

const lookEvery = 5_000

/** Tells those who cannot ask whether the disk is full. */
function watchSpace({ directory, clock }: OpenStoreOptions, store: Store, signal: AbortSignal): void {
  let wasFull = false
  const look = async () => {
    if (signal.aborted) return
    const isFull = (await store.status()).alarm !== undefined
    if (isFull && !wasFull) noteProblem(directory, fullDisk(directory))
    if (!isFull && wasFull) clearProblem(directory)
    wasFull = isFull
    schedule()
  }
  const schedule = () => {
    const timer = clock.after(lookEvery, () => {
      signal.removeEventListener('abort', cancel)
      look().catch(() => {})
    })
    const cancel = () => timer.cancel()
    signal.addEventListener('abort', cancel, { once: true })
  }
  schedule()
}

function fullDisk({ path }: DataDirectory) {
  const message = `The disk of ${path} is full: the state is read-only, and only deletions are accepted until there is space again.`
  return { message, next: [`df -h ${path}`, `du -xh ${path} | sort -h | tail -20    shows what is large`] }
}

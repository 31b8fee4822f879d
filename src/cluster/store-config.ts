/** Where the state is kept: in a file of ours, or in an etcd cluster; and how etcd's clients get at it. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ClusterConfig } from './data-directory.ts'

export interface EtcdConfig {
  readonly endpoints: readonly string[]
  /** Paths. */
  readonly caFile?: string | undefined
  readonly certificateFile?: string | undefined
  readonly keyFile?: string | undefined
  /** What all keys begin with. */
  readonly prefix: string
}

/** As upstream's `--etcd-prefix`. */
const defaultPrefix = '/registry'

export interface StoreFlags {
  readonly store?: string | undefined
  readonly 'etcd-endpoints'?: string | undefined
  readonly 'etcd-cafile'?: string | undefined
  readonly 'etcd-certfile'?: string | undefined
  readonly 'etcd-keyfile'?: string | undefined
  readonly 'etcd-prefix'?: string | undefined
  readonly 'etcd-api-port'?: string | undefined
}

export interface StoreWishes {
  /** Undefined: whatever there is, or the default. */
  readonly engine?: 'sqlite' | 'etcd'
  readonly etcd?: EtcdConfig
  readonly etcdApiPort?: number
}

export class StoreFlagError extends Error {}

export const etcdAnswersItself = '--etcd-api-port goes with --store sqlite: an etcd answers its clients itself'

/** Throws `StoreFlagError` where the flags do not go together, or not with the engine that there is. */
export function storeWishes(flags: StoreFlags, cwd: string, present?: 'sqlite' | 'etcd'): StoreWishes {
  const port = portOf(flags['etcd-api-port'])
  const engine = flags.store ?? (flags['etcd-endpoints'] ? 'etcd' : undefined)
  if (engine !== undefined && engine !== 'sqlite' && engine !== 'etcd') {
    throw new StoreFlagError(`--store ${engine}: there are sqlite and etcd`)
  }
  if (port.etcdApiPort && (engine ?? present) === 'etcd') throw new StoreFlagError(etcdAnswersItself)
  if (engine !== 'etcd') {
    const stray = Object.entries(flags).find(([name, value]) => value !== undefined && /^etcd-(?!api)/.test(name))
    if (stray) throw new StoreFlagError(`--${stray[0]} goes with --store etcd`)
    return { ...(engine && { engine }), ...port }
  }
  return { engine, etcd: etcdOf(flags, cwd), ...port }
}

function etcdOf(flags: StoreFlags, cwd: string): EtcdConfig {
  const endpoints = (flags['etcd-endpoints'] ?? '').split(',').filter(Boolean)
  if (endpoints.length === 0) throw new StoreFlagError('--store etcd needs --etcd-endpoints https://HOST:2379,...')
  const path = (file: string | undefined) => (file === undefined ? undefined : resolve(cwd, file))
  const [certificateFile, keyFile] = [path(flags['etcd-certfile']), path(flags['etcd-keyfile'])]
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    throw new StoreFlagError('--etcd-certfile and --etcd-keyfile go together')
  }
  const prefix = `/${(flags['etcd-prefix'] ?? defaultPrefix).replace(/^\/+|\/+$/g, '')}`
  return { endpoints, caFile: path(flags['etcd-cafile']), certificateFile, keyFile, prefix }
}

function portOf(text: string | undefined): { etcdApiPort?: number } {
  if (text === undefined) return {}
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return { etcdApiPort: port }
  throw new StoreFlagError(`--etcd-api-port ${text}: a port is a number from 1 to 65535, and 0 turns it off`)
}

export function engineOf({ etcd }: Pick<ClusterConfig, 'etcd'>): 'sqlite' | 'etcd' {
  return etcd ? 'etcd' : 'sqlite'
}

/** The configuration with the wishes; another engine than the one that holds the state is for `nami store migrate`. */
export function withStore(config: ClusterConfig, { engine, etcd, etcdApiPort }: StoreWishes): ClusterConfig {
  const { etcd: _, ...rest } = config
  const chosen = engine === 'sqlite' ? undefined : (etcd ?? config.etcd)
  return { ...rest, ...(chosen && { etcd: chosen }), ...(etcdApiPort !== undefined && { etcdApiPort }) }
}

export function readTls({ caFile, certificateFile, keyFile }: EtcdConfig) {
  const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path))
  const [ca, certificate, key] = [read(caFile), read(certificateFile), read(keyFile)]
  return { ...(ca && { ca }), ...(certificate && { certificate }), ...(key && { key }) }
}

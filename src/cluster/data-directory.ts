/**
 * Where a cluster keeps its things: one data directory with everything that must survive, and one below /run with what must not. The
 * format is versioned; a directory of a newer Nami is refused, never touched.
 */
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import type { AdmissionConfig } from './admission-config.ts'
import type { ContainerdPaths } from './containerd-process.ts'
import type { EtcdConfig } from './store-config.ts'

/** Raised when a later Nami cannot read what an earlier one wrote, or the other way round. */
export const format = 1

/** What `up` was told, kept so that the supervisor can start the processes again with nothing but the directory. */
export interface ClusterConfig {
  /** Which versions of the API are served; default: the stable ones. */
  readonly runtimeConfig?: string | undefined
  /** Name of the kubeconfig context; default `nami`. */
  readonly name: string
  readonly nodeName: string
  /** Port of the API server, on all addresses. */
  readonly port: number
  /** Port of the node agent. */
  readonly agentPort: number
  readonly agent: boolean
  readonly clusterDomain: string
  readonly serviceCidr: string
  readonly clusterDns: string
  readonly podCidr: string
  /** Absent: the plugins that are on by default. */
  readonly admission?: AdmissionConfig | undefined
  /** Path of an EncryptionConfiguration; absent: nothing is encrypted at rest. */
  readonly encryptionConfig?: string | undefined
  /** Path of a file with flags of kube-apiserver. */
  readonly apiserverConfig?: string | undefined
  /** Flags of kube-apiserver beside that file, by name; paths are whole. */
  readonly apiserverFlags?: Readonly<Record<string, string>> | undefined
  /** Where the state is kept; absent: in a file of the data directory. */
  readonly etcd?: EtcdConfig
  /** Port of etcd's API in front of the state; absent or 0: there is none. */
  readonly etcdApiPort?: number
  /** Port of the image registry; absent: 5000. 0: there is none. */
  readonly registryPort?: number | undefined
  /** Which controllers run, as kube-controller-manager's flag has it; absent: those that are on by default. */
  readonly controllers?: readonly string[] | undefined
}

export const defaultConfig = {
  name: 'nami',
  port: 6443,
  agentPort: 10250,
  agent: true,
  clusterDomain: 'cluster.local',
  serviceCidr: '10.96.0.0/16',
  clusterDns: '10.96.0.10',
  podCidr: '10.244.0.0/16',
} satisfies Partial<ClusterConfig>

/** Every path of a cluster, by name. */
export interface DataDirectory {
  readonly path: string
  /** Short enough for socket paths; on a file system that a reboot empties. */
  readonly run: string
  /** The socket at which the API server answers its owner. */
  readonly door: string
  /** Parent of all control groups of this cluster's node, which other clusters on the machine do not share. */
  readonly cgroup: string
  readonly pki: string
  readonly store: string
  readonly history: string
  readonly images: string
  readonly kubelet: string
  readonly podLogs: string
  readonly logs: string
  readonly kubeconfig: string
  readonly config: string
  readonly containerd: ContainerdPaths & { readonly cniConfDir: string; readonly registries: string }
}

/** Root's is the machine's; anybody else has their own. */
export function defaultPath(): string {
  return process.getuid?.() === 0 ? '/var/lib/nami' : join(homedir(), '.local/share/nami')
}

export function dataDirectory(given: string | undefined): DataDirectory {
  const path = resolve(given ?? defaultPath())
  const isRoot = process.getuid?.() === 0
  const base = isRoot ? '/run' : (process.env.XDG_RUNTIME_DIR ?? join(path, 'run'))
  const run = join(base, `nami-${createHash('sha256').update(path).digest('hex').slice(0, 8)}`)
  return {
    path,
    run,
    door: join(run, 'api.sock'),
    cgroup: `/${basename(run)}`,
    pki: join(path, 'pki'),
    store: join(path, 'state.db'),
    history: join(path, 'history.db'),
    images: join(path, 'images'),
    kubelet: join(path, 'kubelet'),
    podLogs: join(path, 'logs/pods'),
    logs: join(path, 'logs'),
    kubeconfig: join(path, 'kubeconfig'),
    config: join(path, 'config.json'),
    containerd: {
      root: join(path, 'containerd'),
      state: join(run, 'containerd'),
      socket: join(run, 'containerd.sock'),
      cniConfDir: join(run, 'cni'),
      registries: join(path, 'registries'),
    },
  }
}

export class DataDirectoryError extends Error {}

/** Bytes that Linux has for the path of a socket (unix(7)). */
const longestSocket = 107

/** Makes the directory, or checks that it is one of ours that this Nami can read. */
export function prepare(directory: DataDirectory): void {
  const file = join(directory.path, 'version')
  if (existsSync(file)) {
    const found = Number(readFileSync(file, 'utf8').trim())
    if (found > format) {
      throw new DataDirectoryError(`${directory.path} was written by a newer Nami (format ${found}, this one knows ${format}).`)
    }
    if (!(found >= 1)) throw new DataDirectoryError(`${file} is damaged: it should hold the format's number.`)
  }
  if (Buffer.byteLength(directory.door) > longestSocket) {
    const advice = 'choose a shorter --data-dir, or set XDG_RUNTIME_DIR'
    throw new DataDirectoryError(`The path ${directory.door} is too long for a socket (${longestSocket} bytes): ${advice}.`)
  }
  for (const path of [directory.path, directory.pki]) mkdirSync(path, { recursive: true, mode: 0o700 })
  for (const path of [directory.run, directory.logs, directory.images]) mkdirSync(path, { recursive: true, mode: 0o755 })
  if (!existsSync(file)) replaceFile(file, `${format}\n`, 0o644)
}

export function loadConfig(directory: DataDirectory): ClusterConfig | undefined {
  if (!existsSync(directory.config)) return undefined
  try {
    return JSON.parse(readFileSync(directory.config, 'utf8'))
  } catch (error) {
    throw new DataDirectoryError(`${directory.config} is damaged: ${(error as Error).message}`, { cause: error })
  }
}

export function saveConfig(directory: DataDirectory, config: ClusterConfig): void {
  replaceFile(directory.config, `${JSON.stringify(config, null, 2)}\n`, 0o600)
}

/**
 * Readers see the old text or the new one, never a part: also after a power cut, and when two processes write at once. What is there already stays: every
 * start would wait for the disk.
 */
export function replaceFile(path: string, text: string, mode: number): void {
  if (holds(path, text, mode)) return
  const temporary = `${path}.${process.pid}.new`
  try {
    const file = openSync(temporary, 'w', mode)
    try {
      writeFileSync(file, text)
      fchmodSync(file, mode)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
    syncDirectory(dirname(path))
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/** What was made, renamed or removed in it is so after a power cut as well. */
export function syncDirectory(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function holds(path: string, text: string, mode: number): boolean {
  try {
    return (statSync(path).mode & 0o777) === mode && readFileSync(path, 'utf8') === text
  } catch {
    return false
  }
}

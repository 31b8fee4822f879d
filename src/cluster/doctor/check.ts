/** The shape of one thing that `nami doctor` looks at, and of all that it may ask: everything is handed in, so that tests can plant faults. */
import type { Node } from '#api/core/v1/node.ts'
import type { ClusterConfig, DataDirectory } from '../data-directory.ts'

export interface Problem {
  /** Whole sentences: what is wrong, and what comes of it. */
  readonly problem: string
  /** What to type, line by line. */
  readonly fix: readonly string[]
}

/** What must hold before a check can say anything; where it does not, another check tells why. */
export type Need = 'root' | 'node' | 'cluster' | 'running' | 'api'

export interface Check {
  readonly name: string
  /** What it looks at, in a few words. */
  readonly about: string
  readonly needs?: readonly Need[]
  /** Nothing found: fine. Looks, and changes nothing. */
  run(context: DoctorContext): readonly Problem[] | Promise<readonly Problem[]>
}

export interface DoctorContext {
  readonly machine: Machine
  readonly directory: DataDirectory
  /** The cluster's own, or the defaults of the next `up`. */
  readonly config: ClusterConfig
  readonly clusterExists: boolean
  /** Process ids of what runs. */
  readonly processes: Readonly<Partial<Record<ClusterProcess, number>>>
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Path of the user's own kubeconfig. */
  readonly userKubeconfig: string
  readonly api: Api
}

export type ClusterProcess = 'supervisor' | 'server' | 'agent' | 'containerd'

export interface FileFacts {
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  /** Milliseconds since the epoch. */
  readonly modified: number
}

/** The machine that the cluster is on. What cannot be read counts as absent. */
export interface Machine {
  readonly uid: number
  readText(path: string): string | undefined
  facts(path: string): FileFacts | undefined
  /** Paths of the files below a directory, at any depth. */
  filesBelow(path: string): readonly string[]
  /** The path of a program. */
  find(program: string): string | undefined
  run(program: string, args: readonly string[], input?: string): Promise<Outcome>
  /** Of the file system that holds the path, or would hold it; shares of 1. */
  space(path: string): Promise<Space>
  /** Nobody listens there. */
  isFree(port: number): Promise<boolean>
  /** IPv4 addresses of a name, as one DNS server knows it. */
  resolve(name: string, server: string): Promise<readonly string[]>
}

export interface Outcome {
  /** Undefined where the program could not be started. */
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
}

export interface Space {
  readonly freeBytes: number
  readonly free: number
  readonly inodes: number
}

/** The API server, asked as the administrator. */
export interface Api {
  /** Rejects when it cannot be reached. */
  get(path: string): Promise<{ readonly status: number; readonly text: string }>
  nodes(): Promise<readonly Node[]>
}

/** What a node agent is made of. */
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { ImageSource } from './containers/image-source.ts'
import type { PodFiles } from './containers/pod-files.ts'
import type { Runtime } from './cri/runtime.ts'
import type { PodClaims } from './dra/node-claims.ts'
import type { PodCgroups } from './lifecycle/pod-means.ts'
import type { ProbeDialer } from './probes/dialer.ts'
import type { Mounter } from './volumes/mounter.ts'
import type { PodVolumes } from './volumes/pod-volumes.ts'

export interface KubeletOptions {
  /** As `system:node:<nodeName>`. */
  readonly client: Client
  readonly runtime: Runtime
  readonly images: ImageSource
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly nodeName: string
  /** The node's own addresses, primary first. */
  readonly nodeAddresses: readonly string[]
  readonly rootDirectory: string
  readonly logDirectory: string
  readonly clusterDns: readonly string[]
  readonly clusterDomain: string
  /** Text of the machine's /etc/resolv.conf; default none. */
  readonly resolvConf?: string | undefined
  /** Text of the machine's /etc/hosts; default localhost alone. */
  readonly hostsFile?: string | undefined
  readonly memoryCapacity?: number | undefined
  readonly cgroupVersion?: 1 | 2 | undefined
  readonly allocatable?: Readonly<Record<string, string>> | undefined
  readonly cgroups?: PodCgroups | undefined
  readonly mounter?: Mounter | undefined
  readonly dialer?: ProbeDialer | undefined
  /** Simulated nodes keep no files: both then come from `containers/memory-files.ts`. */
  readonly volumes?: PodVolumes | undefined
  /** Of nodes without a disk; default none there. */
  readonly claims?: PodClaims | undefined
  readonly files?: PodFiles | undefined
  /** Milliseconds; defaults 10,000 and 2,000. */
  readonly relistPeriod?: number | undefined
  readonly housekeepingPeriod?: number | undefined
  /** Folder, or file, of pods that run here whatever the API says; default none. */
  readonly staticPodPath?: string | undefined
  /** What the CSI driver of an endpoint calls the root directory; default the same. */
  readonly rootFor?: ((endpoint: string) => string) | undefined
  /** What `volumesInUse` answers is another. */
  readonly onVolumesInUse?: (() => void) | undefined
  readonly onError?: ((error: unknown) => void) | undefined
}

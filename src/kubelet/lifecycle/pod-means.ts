/** Everything that a pod worker acts with. One set per node, handed to every worker. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Service } from '#api/core/v1/service.ts'
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { ImageSource } from '../containers/image-source.ts'
import type { NodeFacts } from '../containers/node-facts.ts'
import type { PodFiles } from '../containers/pod-files.ts'
import type { Runtime } from '../cri/runtime.ts'
import type { PodClaims } from '../dra/node-claims.ts'
import type { ProbeDialer } from '../probes/dialer.ts'
import type { Probes } from '../probes/prober.ts'
import type { StatusWriter } from '../status/status-writer.ts'
import type { ObjectSource } from '../volumes/object-source.ts'
import type { PodVolumes } from '../volumes/pod-volumes.ts'
import type { ResizeRefusal } from './resize.ts'

/** Cgroups of pods, where the node keeps them (`kubelet/node/`). */
export interface PodCgroups {
  /** Makes the pod's cgroup, or raises its limits; answers its name for the runtime. */
  ensure(pod: Pod): Promise<string>
  /** Lowers its limits, which the kernel refuses while a container has more. */
  settle(pod: Pod): Promise<void>
  remove(pod: Pod): Promise<void>
}

/** Why the agent ends a pod that nobody asked it to end. */
export interface Verdict {
  readonly reason: string
  readonly message: string
  /** Seconds; absent: the pod's own. */
  readonly grace?: number | undefined
}

export interface PodEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  /** Name of the container that it is about. */
  readonly container?: string
}

export interface PodMeans {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly runtime: Runtime
  /** `containerd`, the scheme of container ids in statuses. */
  readonly runtimeName: string
  readonly images: ImageSource
  readonly objects: ObjectSource & { register(pod: Pod): void; unregister(podUid: string): void }
  readonly volumes: PodVolumes
  /** Devices by claims, where the node keeps them. */
  readonly claims?: PodClaims | undefined
  readonly files: PodFiles
  readonly cgroups?: PodCgroups | undefined
  readonly dialer: ProbeDialer
  readonly probes: Probes
  readonly status: StatusWriter
  readonly facts: NodeFacts
  /** Services of every namespace. */
  readonly services: () => Iterable<Service>
  /** Handler of a RuntimeClass. Rejects for a class that there is not. */
  readonly runtimeHandler: (name: string) => Promise<string>
  /** Whether the node can give a running pod what it now asks for; undefined: it can. */
  refuseResize(pod: Pod): ResizeRefusal | undefined
  record(pod: Pod, event: PodEvent): void
  /** Failures that nobody else is told of. */
  onError(error: unknown): void
}

/** What the agent knows about its machine and cluster that ends up in a container's configuration. */
import type { ResolverConfig } from './dns.ts'

export interface NodeFacts {
  readonly nodeName: string
  /** Primary address first. */
  readonly hostIps: readonly string[]
  /** `<logDirectory>/<namespace>_<name>_<uid>/<container>/<n>.log`; default `/var/log/pods`. */
  readonly logDirectory: string
  /** Where `pods/<uid>` stand; default `/var/lib/kubelet`. */
  readonly rootDirectory: string
  readonly clusterDns: readonly string[]
  readonly clusterDomain: string
  /** The machine's own `resolv.conf`. */
  readonly resolver: ResolverConfig
  /** The machine's `/etc/hosts`, for pods in its network. */
  readonly hostsFile: string
  readonly memoryCapacity: number
  readonly cgroupVersion: 1 | 2
  /** As in the Node's status: upper bound of `resourceFieldRef` limits that a container leaves open. */
  readonly allocatable: Readonly<Record<string, string>>
}

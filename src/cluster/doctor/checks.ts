/** Everything that `nami doctor` looks at, in the order in which causes come before effects. */
import { apiHealth } from './api-health.ts'
import { bridgeNetfilter } from './bridge-netfilter.ts'
import { certificates } from './certificates.ts'
import { cgroupControllers } from './cgroup-controllers.ts'
import type { Check } from './check.ts'
import { clockSanity } from './clock-sanity.ts'
import { clusterDns } from './cluster-dns.ts'
import { dataDirectoryCheck } from './data-directory-check.ts'
import { diskSpace } from './disk-space.ts'
import { foreignRules } from './foreign-rules.ts'
import { ipForward } from './ip-forward.ts'
import { kernelNetwork } from './kernel-network.ts'
import { kernelNftables } from './kernel-nftables.ts'
import { kernelOverlay } from './kernel-overlay.ts'
import { kubeconfigContext } from './kubeconfig-context.ts'
import { loopback } from './loopback.ts'
import { nodeConditions } from './node-conditions.ts'
import { ports } from './ports.ts'
import { processes } from './processes-check.ts'
import { programVersions } from './program-versions.ts'
import { programs } from './programs.ts'
import { serviceRules } from './service-rules.ts'
import { staleFiles } from './stale-files.ts'
import { storeCheck } from './store-check.ts'

export const checks: readonly Check[] = [
  programs,
  programVersions,
  kernelOverlay,
  loopback,
  kernelNetwork,
  kernelNftables,
  cgroupControllers,
  bridgeNetfilter,
  ipForward,
  foreignRules,
  diskSpace,
  clockSanity,
  dataDirectoryCheck,
  certificates,
  ports,
  processes,
  staleFiles,
  storeCheck,
  apiHealth,
  nodeConditions,
  serviceRules,
  clusterDns,
  kubeconfigContext,
]

/** The address by which a cluster's server and node are known to others. */
import { podNetwork } from '#network/pod-network.ts'
import { advertisedAddress } from './addresses.ts'
import type { ClusterConfig } from './data-directory.ts'

export function publicAddress({ podCidr, serviceCidr }: ClusterConfig): string {
  return advertisedAddress(podNetwork(podCidr, serviceCidr).gateway)
}

/** The machine's own addresses, as other machines and pods may use them. */
import { hostname, networkInterfaces } from 'node:os'

/** Bridges and tunnels that containers made; their addresses are not the machine's. */
const notOurs = /^(nami|cni|docker|br-|veth|virbr|flannel|cali|tun|tap)/

/** IPv4 addresses that others can reach, in the system's order; empty in a network namespace with nothing but loopback. */
export function machineAddresses(): string[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => !notOurs.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
}

/** A node is named after its machine; Kubernetes wants that in lower case. */
export function defaultNodeName(): string {
  return hostname().toLowerCase()
}

/** Where the API server and the node are reached: the machine's first address, or the pod bridge's gateway where it has none. */
export function advertisedAddress(gateway: string): string {
  return machineAddresses()[0] ?? gateway
}

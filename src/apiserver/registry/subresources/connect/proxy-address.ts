/** Which addresses a proxy may be sent to: those of pods and nodes, never the server's own machine (`IsProxyableIP`). */
import { BlockList, isIPv6 } from 'node:net'
import { badRequest } from '#schema/status-error.ts'

const forbidden = new BlockList()
forbidden.addSubnet('0.0.0.0', 32)
forbidden.addSubnet('127.0.0.0', 8)
forbidden.addSubnet('169.254.0.0', 16)
forbidden.addSubnet('224.0.0.0', 4)
forbidden.addAddress('255.255.255.255')
forbidden.addAddress('::', 'ipv6')
forbidden.addAddress('::1', 'ipv6')
forbidden.addSubnet('fe80::', 10, 'ipv6')
forbidden.addSubnet('ff00::', 8, 'ipv6')

/** Whether it is a unicast address beyond the link (Go's `IsGlobalUnicast`). */
export function isProxyable(address: string): boolean {
  return !forbidden.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

export function portNumber(port: string, scheme: string): number {
  const named: Readonly<Record<string, number>> = { '': scheme === 'https' ? 443 : 80, http: 80, https: 443 }
  const number = named[port] ?? Number(port)
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number
  throw badRequest(`invalid port ${JSON.stringify(port)}`)
}

export function hostAndPort(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`
}

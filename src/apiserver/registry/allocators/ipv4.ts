/** IPv4 addresses as numbers. */

export interface Ipv4Range {
  /** As written. */
  readonly cidr: string
  /** First and last address that can be handed out: neither the network's nor the broadcast's. */
  readonly first: number
  readonly last: number
}

/** Undefined for anything that is not a canonical IPv4 address. */
export function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (!match) return undefined
  const parts = match.slice(1)
  if (parts.some((part) => Number(part) > 255 || (part.length > 1 && part.startsWith('0')))) return undefined
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0)
}

export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')
}

/** Undefined for IPv6 and for what is no CIDR. */
export function parseIpv4Cidr(cidr: string): Ipv4Range | undefined {
  const [address = '', length = ''] = cidr.split('/')
  const start = parseIpv4(address)
  if (start === undefined || !/^\d{1,2}$/.test(length) || Number(length) > 32) return undefined
  const size = 2 ** (32 - Number(length))
  const base = start - (start % size)
  return { cidr, first: base + 1, last: base + size - 2 }
}

export function contains({ first, last }: Ipv4Range, address: number): boolean {
  return address >= first && address <= last
}

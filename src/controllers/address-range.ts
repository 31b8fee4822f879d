/** Ranges of IP addresses of either family, as numbers. */
import { isIPv4, isIPv6 } from 'node:net'

export interface Address {
  readonly bits: 32 | 128
  readonly value: bigint
}

export interface AddressRange {
  readonly bits: 32 | 128
  readonly first: bigint
  readonly last: bigint
}

export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { bits: 32, value: ipv4(text) }
  if (isIPv6(text) && !text.includes('%')) return { bits: 128, value: ipv6(text) }
  return undefined
}

/** `10.96.0.0/16`; undefined where it is none. */
export function parseRange(text: string): AddressRange | undefined {
  const [ip = '', length = ''] = text.split('/')
  const address = parseAddress(ip)
  if (!address || !/^\d{1,3}$/.test(length) || Number(length) > address.bits) return undefined
  const size = 1n << BigInt(address.bits - Number(length))
  const first = (address.value / size) * size
  return { bits: address.bits, first, last: first + size - 1n }
}

export function rangeHolds({ bits, first, last }: AddressRange, address: Address): boolean {
  return bits === address.bits && first <= address.value && address.value <= last
}

export function rangeCovers(outer: AddressRange, inner: AddressRange): boolean {
  return outer.bits === inner.bits && outer.first <= inner.first && inner.last <= outer.last
}

function ipv4(text: string): bigint {
  return text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)
}

function ipv6(text: string): bigint {
  const [head = '', tail] = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, toHex).split('::')
  const before = head ? head.split(':') : []
  const after = tail ? tail.split(':') : []
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => '0')
  return [...before, ...zeros, ...after].reduce((sum, part) => sum * 65536n + BigInt(`0x${part}`), 0n)
}

function toHex(_: string, ...parts: string[]): string {
  const [a = 0, b = 0, c = 0, d = 0] = parts.map(Number)
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}

/** IP addresses and networks (upstream `pkg/cel/library/ip.go`, `cidr.go`): as Go's netip reads them. */
import { ipText, parseCidr, parseIp } from '../../ip-formats.ts'
import { type Functions, global, member } from '../declarations.ts'
import { CelFailure } from '../errors.ts'
import { Bool, Int, Str } from '../type.ts'
import { Cidr, Ip } from '../type-names.ts'
import { CelOpaque } from '../value.ts'

class CelIp extends CelOpaque {
  readonly type = Ip
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    super()
    this.bytes = bytes
  }
  equals(other: CelOpaque): boolean {
    return other instanceof CelIp && sameBytes(this.bytes, other.bytes)
  }
  override get size(): number {
    return this.bytes.length
  }
}

class CelCidr extends CelOpaque {
  readonly type = Cidr
  readonly bytes: Uint8Array
  readonly bits: number
  constructor(bytes: Uint8Array, bits: number) {
    super()
    this.bytes = bytes
    this.bits = bits
  }
  equals(other: CelOpaque): boolean {
    return other instanceof CelCidr && this.bits === other.bits && sameBytes(this.bytes, other.bytes)
  }
  override get size(): number {
    return Math.ceil(this.bits / 8)
  }
}

export const network: Functions = {
  ip: [
    global('string_to_ip', [Str], Ip, ([text]) => readIp(text)),
    member('cidr_ip', [Cidr], Ip, ([cidr]) => new CelIp(cidr.bytes)),
  ],
  'ip.isCanonical': [global('ip_is_canonical', [Str], Bool, ([text]) => ipText(readIp(text).bytes) === text)],
  isIP: [global('is_ip', [Str], Bool, ([text]) => succeeds(() => readIp(text)))],
  family: [member('ip_family', [Ip], Int, ([{ bytes }]) => (bytes.length === 4 ? 4n : 6n))],
  isUnspecified: [member('ip_is_unspecified', [Ip], Bool, ([{ bytes }]) => bytes.every((byte: number) => byte === 0))],
  isLoopback: [member('ip_is_loopback', [Ip], Bool, ([{ bytes }]) => isLoopback(bytes))],
  isLinkLocalMulticast: [member('ip_is_link_local_multicast', [Ip], Bool, ([{ bytes }]) => isLocalMulticast(bytes))],
  isLinkLocalUnicast: [member('ip_is_link_local_unicast', [Ip], Bool, ([{ bytes }]) => isLocalUnicast(bytes))],
  isGlobalUnicast: [member('ip_is_global_unicast', [Ip], Bool, ([{ bytes }]) => isGlobalUnicast(bytes))],
  cidr: [global('string_to_cidr', [Str], Cidr, ([text]) => readCidr(text))],
  isCIDR: [global('is_cidr', [Str], Bool, ([text]) => succeeds(() => readCidr(text)))],
  containsIP: [
    member('cidr_contains_ip_string', [Cidr, Str], Bool, ([cidr, text]) => contains(cidr, readIp(text).bytes)),
    member('cidr_contains_ip_ip', [Cidr, Ip], Bool, ([cidr, ip]) => contains(cidr, ip.bytes)),
  ],
  containsCIDR: [
    member('cidr_contains_cidr_string', [Cidr, Str], Bool, ([cidr, text]) => containsCidr(cidr, readCidr(text))),
    member('cidr_contains_cidr', [Cidr, Cidr], Bool, ([cidr, other]) => containsCidr(cidr, other)),
  ],
  prefixLength: [member('cidr_prefix_length', [Cidr], Int, ([{ bits }]) => BigInt(bits))],
  masked: [member('cidr_masked', [Cidr], Cidr, ([{ bytes, bits }]) => new CelCidr(mask(bytes, bits), bits))],
  string: [
    global('ip_to_string', [Ip], Str, ([{ bytes }]) => ipText(bytes)),
    global('cidr_to_string', [Cidr], Str, ([{ bytes, bits }]) => `${ipText(bytes)}/${bits}`),
  ],
}

function readIp(text: string): CelIp {
  const quoted = JSON.stringify(text)
  const [address = '', zone] = text.split('%', 2)
  const bytes = hasLeadingZero(address) ? undefined : parseIp(address)
  if (!bytes || zone === '' || (zone !== undefined && bytes.length === 4)) {
    throw new CelFailure(
      `IP Address ${quoted} parse error during conversion from string: ParseAddr(${quoted}): ${complaint(address)}`,
    )
  }
  if (zone !== undefined) throw new CelFailure(`IP address ${quoted} with zone value is not allowed`)
  if (isMapped(bytes)) throw new CelFailure(`IPv4-mapped IPv6 address ${quoted} is not allowed`)
  return new CelIp(bytes)
}

function complaint(address: string): string {
  if (hasLeadingZero(address)) return 'IPv4 field has octet with leading zero'
  if (address.includes(':')) return 'each colon-separated field must have at least one digit'
  if (!address.includes('.')) return 'unable to parse IP'
  const fields = address.split('.')
  if (fields.some((field) => /^\d+$/.test(field) && Number(field) > 255)) return 'IPv4 field has value >255'
  return fields.length < 4 ? 'IPv4 address too short' : fields.length > 4 ? 'IPv4 address too long' : 'unexpected character'
}

function hasLeadingZero(address: string): boolean {
  return /(^|\.)0\d/.test(address.slice(address.lastIndexOf(':') + 1)) && address.includes('.')
}

function readCidr(text: string): CelCidr {
  const quoted = JSON.stringify(text)
  const cidr = hasLeadingZero(text.split('/', 1)[0] ?? '') || /\/0\d/.test(text) ? undefined : parseCidr(text)
  if (!cidr) {
    const why = text.includes('/') ? 'bad bits after slash' : "no '/'"
    throw new CelFailure(`network address parse error during conversion from string: netip.ParsePrefix(${quoted}): ${why}`)
  }
  if (isMapped(cidr.ip)) throw new CelFailure(`IPv4-mapped IPv6 address ${quoted} is not allowed`)
  return new CelCidr(cidr.ip, cidr.bits)
}

function succeeds(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    return false
  }
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.length === 16 && bytes[10] === 255 && bytes[11] === 255 && bytes.subarray(0, 10).every((byte) => byte === 0)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

function mask(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((byte, i) => byte & (0xff00 >> Math.max(0, Math.min(8, bits - 8 * i))) & 0xff)
}

function contains({ bytes, bits }: CelCidr, ip: Uint8Array): boolean {
  return bytes.length === ip.length && sameBytes(mask(bytes, bits), mask(ip, bits))
}

function containsCidr(outer: CelCidr, inner: CelCidr): boolean {
  return outer.bits <= inner.bits && contains(outer, mask(inner.bytes, inner.bits))
}

function isLoopback(bytes: Uint8Array): boolean {
  return bytes.length === 4 ? bytes[0] === 127 : bytes.every((byte, i) => byte === (i === 15 ? 1 : 0))
}

function isLocalMulticast(bytes: Uint8Array): boolean {
  if (bytes.length === 4) return bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0
  return bytes[0] === 0xff && ((bytes[1] as number) & 0x0f) === 2
}

function isLocalUnicast(bytes: Uint8Array): boolean {
  if (bytes.length === 4) return bytes[0] === 169 && bytes[1] === 254
  return bytes[0] === 0xfe && ((bytes[1] as number) & 0xc0) === 0x80
}

function isMulticast(bytes: Uint8Array): boolean {
  return bytes.length === 4 ? ((bytes[0] as number) & 0xf0) === 0xe0 : bytes[0] === 0xff
}

function isGlobalUnicast(bytes: Uint8Array): boolean {
  const isBroadcast = bytes.length === 4 && bytes.every((byte) => byte === 255)
  const isUnspecified = bytes.every((byte) => byte === 0)
  return !isBroadcast && !isUnspecified && !isLoopback(bytes) && !isMulticast(bytes) && !isLocalUnicast(bytes)
}

/** IP addresses and CIDR ranges: upstream's checks (`pkg/util/validation/ip.go`) and Go's one text for each address. */

/** The strict rule for new fields: the text must be the canonical one. */
export function isValidIp(value: string): string[] {
  const { ip, errors } = readIp(value, true)
  if (!ip || errors.length > 0) return errors
  return value === ipText(ip) ? [] : [`must be in canonical form ("${ipText(ip)}")`]
}

/** The rule for fields older than strict validation; not strict, it takes leading zeros and IPv4-mapped addresses too. */
export function isValidIpForLegacyField(value: string, strict = false): string[] {
  return readIp(value, strict).errors
}

/** The strict rule for new fields: canonical, with no bits beyond the prefix. */
export function isValidCidr(value: string): string[] {
  const { cidr, errors } = readCidr(value, true)
  if (!cidr || errors.length > 0) return errors
  return value === cidrText(cidr) ? [] : [`must be in canonical form ("${cidrText(cidr)}")`]
}

export function isValidCidrForLegacyField(value: string, strict = false): string[] {
  return readCidr(value, strict).errors
}

/** Four or sixteen bytes; IPv4-mapped IPv6 addresses stay sixteen. Leading zeros in IPv4 are ignored, never octal. */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIp6(text) : parseIp4(text)
}

/** RFC 5952; IPv4-mapped addresses print as IPv4, as Go's `net.IP` does. */
export function ipText(ip: Uint8Array): string {
  const four = isMapped(ip) ? ip.subarray(12) : ip
  if (four.length === 4) return four.join('.')
  const words = Array.from({ length: 8 }, (_, i) => (((ip[2 * i] as number) << 8) | (ip[2 * i + 1] as number)).toString(16))
  const { start, length } = longestZeros(words)
  if (length < 2) return words.join(':')
  return `${words.slice(0, start).join(':')}::${words.slice(start + length).join(':')}`
}

export interface Cidr {
  readonly ip: Uint8Array
  readonly bits: number
}

/** An address and its prefix length, `10.0.0.0/8`; bits beyond the prefix are kept. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  if (slash === -1) return undefined
  const ip = parseIp(text.slice(0, slash))
  const length = text.slice(slash + 1)
  if (!ip || !/^\d{1,8}$/.test(length)) return undefined
  const bits = Number(length)
  return bits <= ip.length * 8 ? { ip, bits } : undefined
}

function readIp(value: string, strict: boolean): { ip?: Uint8Array; errors: string[] } {
  const ip = parseIp(value)
  if (!ip) return { errors: ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'] }
  const errors: string[] = []
  if (strict && hasLeadingZeros(value)) errors.push('must not have leading 0s')
  else if (strict && isMapped(ip)) errors.push('must not be an IPv4-mapped IPv6 address')
  return { ip, errors }
}

function readCidr(value: string, strict: boolean): { cidr?: Cidr; errors: string[] } {
  const cidr = parseCidr(value)
  if (!cidr) return { errors: ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'] }
  if (!strict) return { cidr, errors: [] }
  const [address = '', length = ''] = value.split('/')
  if (hasLeadingZeros(address) || /^0\d/.test(length)) {
    return { cidr, errors: ['must not have leading 0s in IP or prefix length'] }
  }
  if (isMapped(cidr.ip)) return { cidr, errors: ['must not have an IPv4-mapped IPv6 address'] }
  const masked = maskIp(cidr.ip, cidr.bits)
  const isExact = masked.every((byte, i) => byte === cidr.ip[i])
  return { cidr, errors: isExact ? [] : ['must not have bits set beyond the prefix length'] }
}

/** Go's one text for a range, without the bits beyond the prefix. */
export function cidrText({ ip, bits }: Cidr): string {
  return `${ipText(maskIp(ip, bits))}/${bits}`
}

export function maskIp(ip: Uint8Array, bits: number): Uint8Array {
  return ip.map((byte, i) => byte & (0xff << (8 - Math.min(8, Math.max(0, bits - 8 * i)))))
}

export function hasLeadingZeros(address: string): boolean {
  const four = address.slice(address.lastIndexOf(':') + 1)
  return four.includes('.') && /(?:^|\.)0\d/.test(four)
}

export function isMapped(ip: Uint8Array): boolean {
  return ip.length === 16 && ip.subarray(0, 10).every((byte) => byte === 0) && ip[10] === 0xff && ip[11] === 0xff
}

function parseIp4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^0*\d{1,3}$/.test(part) && Number(part) <= 255)) return undefined
  return Uint8Array.from(parts, Number)
}

function parseIp6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = wordsOf(halves[0] as string, halves.length === 1)
  const tail = halves.length === 2 ? wordsOf(halves[1] as string, true) : []
  if (!head || !tail) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const words = [...head, ...new Array<number>(missing).fill(0), ...tail]
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]))
}

function wordsOf(text: string, mayEndInIp4: boolean): number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const words: number[] = []
  for (const [i, part] of parts.entries()) {
    if (mayEndInIp4 && i === parts.length - 1 && part.includes('.')) {
      const four = parseIp4(part)
      if (!four) return undefined
      const [a, b, c, d] = four as unknown as [number, number, number, number]
      words.push((a << 8) | b, (c << 8) | d)
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) words.push(Number.parseInt(part, 16))
    else return undefined
  }
  return words
}

function longestZeros(words: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < words.length; start++) {
    let length = 0
    while (words[start + length] === '0') length++
    if (length > best.length) best = { start, length }
  }
  return best
}

/** Warnings about addresses that are valid and yet not as they should be (upstream `GetWarningsForIP`, `GetWarningsForCIDR`). */
import type { Path } from './field-error.ts'
import { cidrText, hasLeadingZeros, ipText, isMapped, maskIp, parseCidr, parseIp } from './ip-formats.ts'

export function ipWarnings(value: string, at: Path): string[] {
  // What is written in digits and dots without leading zeros has one form only.
  if (plainIp4.test(value)) return []
  const ip = parseIp(value)
  if (!ip) return []
  const text = ipText(ip)
  if (hasLeadingZeros(value) || isMapped(ip)) {
    return [`${at}: non-standard IP address ${quoted(value)} is invalid: use ${quoted(text)}`]
  }
  const isCanonical = ip.length === 4 || text === value
  return isCanonical ? [] : [`${at}: IPv6 address ${quoted(value)} should be in RFC 5952 canonical format (${quoted(text)})`]
}

const plainIp4 = /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){3}$/

export function cidrWarnings(value: string, at: Path): string[] {
  const cidr = parseCidr(value)
  if (!cidr) return []
  const { ip, bits } = cidr
  const [address = '', length = ''] = value.split('/')
  const text = cidrText(cidr)
  const warnings: string[] = []
  if (!maskIp(ip, bits).every((byte, i) => byte === ip[i])) {
    const alone = `${ipText(ip)}/${ip.length * 8}`
    warnings.push(
      `${at}: CIDR value ${quoted(value)} is ambiguous in this context (should be ${quoted(text)} or ${quoted(alone)}?)`,
    )
  }
  if (hasLeadingZeros(address) || /^0\d/.test(length) || isMapped(ip)) {
    warnings.push(`${at}: non-standard CIDR value ${quoted(value)} is invalid: use ${quoted(text)}`)
  }
  if (warnings.length > 0 || ip.length === 4 || text === value) return warnings
  return [`${at}: IPv6 CIDR value ${quoted(value)} should be in RFC 5952 canonical format (${quoted(text)})`]
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

/** Rules for addresses that traffic is sent to (upstream `ValidateEndpointIP`). */
import type { FieldError, Path } from '#schema/field-error.ts'
import { parseIp } from '#schema/ip-formats.ts'

export function validateEndpointIp(text: string, at: Path): FieldError[] {
  const parsed = parseIp(text)
  if (!parsed) return [at.invalid(text, 'must be a valid IP address')]
  const ip = parsed.length === 16 && isMapped(parsed) ? parsed.subarray(12) : parsed
  const [a = 0, b = 0, c = 0] = ip
  const isFour = ip.length === 4
  const isNothing = ip.every((byte) => byte === 0)
  const isLoopback = isFour ? a === 127 : ip.subarray(0, 15).every((byte) => byte === 0) && ip[15] === 1
  const isLinkLocal = isFour ? a === 169 && b === 254 : a === 0xfe && (b & 0xc0) === 0x80
  const isLinkLocalMulticast = isFour ? a === 224 && b === 0 && c === 0 : a === 0xff && (b & 0x0f) === 0x02
  return [
    ...(isNothing ? [at.invalid(text, `may not be unspecified (${text})`)] : []),
    ...(isLoopback ? [at.invalid(text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)')] : []),
    ...(isLinkLocal ? [at.invalid(text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)')] : []),
    ...(isLinkLocalMulticast ? [at.invalid(text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)')] : []),
  ]
}

function isMapped(ip: Uint8Array): boolean {
  return ip.subarray(0, 10).every((byte) => byte === 0) && ip[10] === 0xff && ip[11] === 0xff
}

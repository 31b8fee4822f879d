/** `--cors-allowed-origins` and `--strict-transport-security-directives`, checked as upstream's `server_run_options.go` does. */
import type { RE2JS } from 're2js'
import { forBrowsers } from '#apiserver/http/browsers.ts'
import { ApiserverConfigError, type ApiserverFlags } from './apiserver-flags.ts'

type Flags = Pick<ApiserverFlags, 'cors-allowed-origins' | 'strict-transport-security-directives'>

/** Throws `ApiserverConfigError`. */
export async function forBrowsersFrom(flags: Flags): Promise<ReturnType<typeof forBrowsers>> {
  const origins = await Promise.all(flags['cors-allowed-origins'].map(originPattern))
  const directives = flags['strict-transport-security-directives']
  for (const directive of directives) checkDirective(directive)
  return forBrowsers({
    ...(origins.length > 0 && { allows: (origin: string) => origins.some((pattern) => pattern.matcher(origin).find()) }),
    ...(directives.length > 0 && { strictTransport: directives.join('; ') }),
  })
}

/** Begin and end of the host must be pinned, lest `example.com` allow `example.com.elsewhere.net` (CVE-2022-1996). */
async function originPattern(text: string): Promise<RE2JS> {
  if (text === '') throw new ApiserverConfigError('empty value in --cors-allowed-origins')
  const wrong = (why: string) => new ApiserverConfigError(`--cors-allowed-origins has an invalid regular expression: ${why}`)
  const { RE2JS } = await import('re2js')
  let pattern: RE2JS
  try {
    pattern = RE2JS.compile(text)
  } catch (error) {
    throw wrong((error as Error).message)
  }
  const isPinned = /\^|\/\//.test(text) && /[$:]/.test(text)
  if (!isPinned) throw wrong('regular expression does not pin to start/end of host in the origin header')
  return pattern
}

function checkDirective(directive: string): void {
  if (directive === '') throw new ApiserverConfigError('empty value in strict-transport-security-directives')
  if (directive === 'includeSubDomains' || directive === 'preload' || /^max-age=[^=]*$/.test(directive)) return
  const allowed = 'max-age=expireTime, includeSubDomains, preload'
  const more = 'see https://tools.ietf.org/html/rfc6797#section-6.1 for more information'
  throw new ApiserverConfigError(`--strict-transport-security-directives invalid, allowed values: ${allowed}. ${more}`)
}

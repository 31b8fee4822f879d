/** URLs as Go's `url.ParseRequestURI` reads them: absolute, or an absolute path (upstream `pkg/cel/library/urls.go`). */
import { type Functions, global, member } from '../declarations.ts'
import { CelFailure } from '../errors.ts'
import { Bool, listOf, mapOf, Str } from '../type.ts'
import { Url } from '../type-names.ts'
import { ArrayList, CelOpaque, ValueMap } from '../value.ts'

interface Parts {
  readonly scheme: string
  /** Without the user, with the port. */
  readonly host: string
  readonly path: string
  readonly query: string
}

class CelUrl extends CelOpaque {
  readonly type = Url
  readonly text: string
  readonly parts: Parts
  constructor(text: string, parts: Parts) {
    super()
    this.text = text
    this.parts = parts
  }
  equals(other: CelOpaque): boolean {
    return other instanceof CelUrl && this.text === other.text
  }
}

export const urls: Functions = {
  url: [global('string_to_url', [Str], Url, ([text]) => new CelUrl(text, readUrl(text)))],
  isURL: [global('is_url_string', [Str], Bool, ([text]) => isUrl(text))],
  getScheme: [member('url_get_scheme', [Url], Str, ([{ parts }]) => parts.scheme)],
  getHost: [member('url_get_host', [Url], Str, ([{ parts }]) => parts.host)],
  getHostname: [member('url_get_hostname', [Url], Str, ([{ parts }]) => hostname(parts.host))],
  getPort: [member('url_get_port', [Url], Str, ([{ parts }]) => port(parts.host))],
  getEscapedPath: [member('url_get_escaped_path', [Url], Str, ([{ parts }]) => escapedPath(parts.path))],
  getQuery: [member('url_get_query', [Url], mapOf(Str, listOf(Str)), ([{ parts }]) => readQuery(parts.query))],
}

/** Throws CelFailure with what Go says. */
export function readUrl(text: string): Parts {
  const complain = (why: string) =>
    new CelFailure(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: ${why}`)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused.
  if (/[\x00-\x1f\x7f]/.test(text)) throw complain('net/url: invalid control character in URL')
  if (text === '') throw complain('empty url')
  const [, scheme = '', rest = text] = /^([a-zA-Z][a-zA-Z0-9+.-]*):(.*)$/s.exec(text) ?? []
  if (!scheme && text.startsWith(':')) throw complain('missing protocol scheme')
  const [beforeQuery = '', query = ''] = cut(rest, '?')
  if (!beforeQuery.startsWith('/')) {
    if (!scheme) throw complain('invalid URI for request')
    return { scheme: scheme.toLowerCase(), host: '', path: '', query }
  }
  const hasAuthority = beforeQuery.startsWith('//') && (scheme !== '' || !beforeQuery.startsWith('///'))
  if (!hasAuthority || !scheme) return { scheme: scheme.toLowerCase(), host: '', path: checked(beforeQuery, complain), query }
  const authority = /^[^/]*/.exec(beforeQuery.slice(2))?.[0] ?? ''
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  const wrong = hostComplaint(host)
  if (wrong) throw complain(wrong)
  return { scheme: scheme.toLowerCase(), host, path: checked(beforeQuery.slice(2 + authority.length), complain), query }
}

function cut(text: string, at: string): [string, string] {
  const i = text.indexOf(at)
  return i < 0 ? [text, ''] : [text.slice(0, i), text.slice(i + 1)]
}

function checked(path: string, complain: (why: string) => CelFailure): string {
  const bad = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(path)
  if (bad) throw complain(`invalid URL escape ${JSON.stringify(bad[0])}`)
  return path
}

function hostComplaint(host: string): string | undefined {
  if (host.startsWith('[') && !host.includes(']')) return "missing ']' in host"
  const afterHost = host.startsWith('[')
    ? host.slice(host.indexOf(']') + 1)
    : host.slice(host.lastIndexOf(':') < 0 ? host.length : host.lastIndexOf(':'))
  if (!/^(:\d*)?$/.test(afterHost)) return `invalid port ${JSON.stringify(afterHost)} after host`
  const bad = /[ <>"\\^`{|}]/.exec(host)
  return bad ? `invalid character ${JSON.stringify(bad[0])} in host name` : undefined
}

function isUrl(text: string): boolean {
  try {
    readUrl(text)
    return true
  } catch {
    return false
  }
}

function hostname(host: string): string {
  if (host.startsWith('[')) return host.slice(1, host.indexOf(']'))
  return host.replace(/:\d*$/, '')
}

function port(host: string): string {
  return /:(\d*)$/.exec(host.startsWith('[') ? host.slice(host.indexOf(']')) : host)?.[1] ?? ''
}

/** What may not stand in a path is escaped; what is escaped already stays as it is. */
function escapedPath(path: string): string {
  return path.replace(/[^A-Za-z0-9\-_.~$&+,/:;=@!'()*%[\]]+/gu, (found) => encodeURIComponent(found))
}

function readQuery(query: string): ValueMap {
  const map = new ValueMap()
  for (const [key, value] of new URLSearchParams(query)) {
    const held = map.get(key)
    if (held instanceof ArrayList) held.items.push(value)
    else map.set(key, new ArrayList([value]))
  }
  return map
}

/** The front proxy: another server that has authenticated the user and says who it is, in headers (upstream `request/headerrequest`). */
import { StatusError } from '#schema/status-error.ts'
import { headerLines, prefixedHeaderLines, unescapeExtraKey } from '../header-lines.ts'
import type { User } from '../request.ts'
import type { Authenticator } from './authenticator.ts'
import { readCertificate } from './x509-subject.ts'

/** The names of the headers, in lower case. */
export interface IdentityHeaders {
  readonly usernameHeaders?: readonly string[]
  readonly uidHeaders?: readonly string[]
  readonly groupHeaders?: readonly string[]
  readonly extraHeaderPrefixes?: readonly string[]
}

export interface RequestHeaderOptions extends IdentityHeaders {
  /** Common names whose word counts; empty: whoever the front proxy's authority has certified. */
  readonly allowedNames: readonly string[]
}

/** Whether a header says who asks: such headers are for this server alone (`ClearAuthenticationHeaders`). */
export function isIdentityHeader(name: string, headers: IdentityHeaders): boolean {
  const { usernameHeaders = [], uidHeaders = [], groupHeaders = [], extraHeaderPrefixes = [] } = headers
  const isNamed = usernameHeaders.includes(name) || uidHeaders.includes(name) || groupHeaders.includes(name)
  return isNamed || extraHeaderPrefixes.some((prefix) => name.startsWith(prefix))
}

/** Assumes that TLS has verified the certificate against the front proxy's own authority. */
export function requestHeaderAuthenticator({
  allowedNames,
  usernameHeaders = ['x-remote-user'],
  uidHeaders = ['x-remote-uid'],
  groupHeaders = ['x-remote-group'],
  extraHeaderPrefixes = ['x-remote-extra-'],
}: RequestHeaderOptions): Authenticator {
  return {
    name: 'requestheader',
    authenticate(request) {
      const { origin } = request
      if (origin.type !== 'network' || !origin.frontProxy) return undefined
      const { commonName = '' } = readCertificate(origin.frontProxy)
      if (allowedNames.length > 0 && !allowedNames.includes(commonName)) {
        const cause = new Error(`x509: subject with cn=${commonName} is not in the allowed list`)
        throw new StatusError('Unauthorized', 'Unauthorized', { cause })
      }
      const first = (names: readonly string[]) => names.map((name) => headerLines(request, name)[0]).find(Boolean)
      const name = first(usernameHeaders)
      if (!name) return undefined
      const uid = first(uidHeaders)
      const extra: Record<string, string[]> = Object.create(null)
      for (const [rest, values] of extraHeaderPrefixes.flatMap((prefix) => prefixedHeaderLines(request, prefix))) {
        const key = unescapeExtraKey(rest)
        extra[key] = [...(extra[key] ?? []), ...values]
      }
      const user: User = {
        name,
        groups: groupHeaders.flatMap((header) => headerLines(request, header)).filter(Boolean),
        ...(uid && { uid }),
        ...(Object.keys(extra).length > 0 && { extra: { ...extra } }),
      }
      return user
    },
  }
}

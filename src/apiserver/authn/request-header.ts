/** The front proxy: another server that has authenticated the user and says who it is, in headers (upstream `request/headerrequest`). */
import { StatusError } from '#schema/status-error.ts'
import type { User } from '../request.ts'
import type { Authenticator } from './authenticator.ts'
import { readCertificate } from './x509-subject.ts'

export interface RequestHeaderOptions {
  /** Common names whose word counts; empty: whoever the front proxy's authority has certified. */
  readonly allowedNames: readonly string[]
  /** In lower case. */
  readonly usernameHeaders?: readonly string[]
  readonly uidHeaders?: readonly string[]
  readonly groupHeaders?: readonly string[]
  readonly extraHeaderPrefixes?: readonly string[]
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
    authenticate({ origin, headers }) {
      if (origin.type !== 'network' || !origin.frontProxy) return undefined
      const { commonName = '' } = readCertificate(origin.frontProxy)
      if (allowedNames.length > 0 && !allowedNames.includes(commonName)) {
        const cause = new Error(`x509: subject with cn=${commonName} is not in the allowed list`)
        throw new StatusError('Unauthorized', 'Unauthorized', { cause })
      }
      const first = (names: readonly string[]) => names.map((name) => headers[name]?.trim()).find(Boolean)
      const name = first(usernameHeaders)
      if (!name) return undefined
      const uid = first(uidHeaders)
      const extra: Record<string, string[]> = Object.create(null)
      for (const [header, value] of Object.entries(headers)) {
        const prefix = extraHeaderPrefixes.find((one) => header.startsWith(one))
        if (prefix !== undefined) extra[unescapeKey(header.slice(prefix.length))] = valuesOf(value)
      }
      const user: User = {
        name,
        groups: groupHeaders.flatMap((header) => valuesOf(headers[header])),
        ...(uid && { uid }),
        ...(Object.keys(extra).length > 0 && { extra }),
      }
      return user
    },
  }
}

/** Repeated headers arrive joined with commas. */
function valuesOf(header: string | undefined): string[] {
  return header === undefined ? [] : header.split(',').map((part) => part.trim())
}

function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key
  }
}

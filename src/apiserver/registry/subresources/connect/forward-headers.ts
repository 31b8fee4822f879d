/** The headers of a client's request that go on to a backend. */
import type { OutgoingHttpHeaders } from 'node:http'
import { type IdentityHeaders, isIdentityHeader } from '../../../authn/request-header.ts'
import type { Request } from '../../../request.ts'
import { isHopByHop } from './backend.ts'

/** What proves or changes an identity here is nobody else's business. */
const ours = /^(:.*|authorization|impersonate-.*|x-remote-(user|uid|group|extra-.*))$/
const bearerSubprotocol = 'base64url.bearer.authorization.k8s.io.'

/**
 * Multiple values stand in lines of their own: not every server splits them at commas. Extension servers believe whom this server
 * names in `identity`'s headers, so a client's own go no further, whatever they are called.
 */
export function forwardHeaders({ headers, origin, upgrade }: Request, identity: IdentityHeaders = {}): OutgoingHttpHeaders {
  const kept: OutgoingHttpHeaders = {}
  const isOurs = (name: string) => ours.test(name) || isIdentityHeader(name, identity)
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !isOurs(name) && !isHopByHop(name, headers.connection)) kept[name] = value
  }
  kept.host ??= headers[':authority']
  if (origin.type === 'network')
    kept['x-forwarded-for'] = [headers['x-forwarded-for'], origin.remoteAddress].filter(Boolean).join(', ')
  if (upgrade) {
    kept.connection = 'Upgrade'
    kept.upgrade = headers.upgrade
    delete kept['content-length'] // what follows is no body
    for (const name of ['x-stream-protocol-version', 'sec-websocket-protocol']) split(kept, name)
  }
  return kept
}

/** Browsers carry their token among the subprotocols. */
function split(headers: OutgoingHttpHeaders, name: string): void {
  const value = headers[name]
  if (typeof value !== 'string') return
  const parts = value.split(',').map((part) => part.trim())
  const kept = parts.filter((part) => part && !part.startsWith(bearerSubprotocol))
  if (kept.length === 0) delete headers[name]
  else headers[name] = name === 'sec-websocket-protocol' ? kept.join(', ') : kept
}

/** `proxy` subresources: an HTTP request handed on to what runs in the cluster (upstream `util/proxy`). */
import type { Socket } from 'node:net'
import { posix } from 'node:path'
import type { Duplex } from 'node:stream'
import type { Kind } from '#schema/kind.ts'
import { badRequest, StatusError } from '#schema/status-error.ts'
import type { Headers, Request, Response } from '../../../request.ts'
import type { Registry } from '../../registry.ts'
import { admitConnect } from './admit-connect.ts'
import { answerHeaders } from './backend.ts'
import type { Dialing } from './dial.ts'
import { plainError } from './dial.ts'
import { forward, passOn } from './forward.ts'
import { hostAndPort } from './proxy-address.ts'
import { type Links, linkRewriter, rewritePage } from './rewrite-links.ts'

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']

export type DialTarget = (how: Dialing) => Promise<Duplex>

/** `find` looks for the target once admission has passed. */
export async function proxy(
  registry: Registry,
  request: Request,
  { kind, find }: { kind: Kind; find: () => Promise<DialTarget> },
): Promise<Response> {
  const path = pathBehind(request)
  await admitConnect(registry, request, { kind, methods, options: { kind: `${kind.kind}ProxyOptions`, apiVersion: 'v1', path } })
  const dial = await find()
  const { signal, upgrade, query } = request
  const search = query.size > 0 ? `?${rawQuery(request)}` : ''
  if (path === '' && !upgrade && (request.method === 'GET' || request.method === 'HEAD')) {
    // Relative links of the page need the slash.
    return { type: 'bytes', status: 301, bytes: new Uint8Array(), headers: { location: `${escapePath(request.path)}/${search}` } }
  }
  const socket = await dial({ signal, refuse: upgrade ? backendError : unreachable })
  const clean = cleanPath(path)
  const links: Links = {
    prefix: prefixOf(request.path, clean),
    hosts: ['', addressOf(socket), request.headers[':authority'] ?? request.headers.host ?? ''],
  }
  const how = {
    socket,
    target: `${escapePath(clean)}${search}`,
    headers: { 'x-forwarded-uri': escapePath(request.path) },
    identityHeaders: registry.identityHeaders,
    refuse: upgrade ? backendError : unreachable,
  }
  return forward(request, how, (message) => {
    const headers = withoutCors(answerHeaders(message))
    const location = headers.location
    if (typeof location === 'string' && location) {
      return passOn(message, { ...headers, location: linkRewriter(links)(location) })
    }
    if (/^text\/html\s*(;|$)/i.test(message.headers['content-type'] ?? '') && request.method !== 'HEAD') {
      return rewritePage(message, headers, links)
    }
    return passOn(message, headers)
  })
}

const backendError = (text: string, cause: unknown) => plainError(`error dialing backend: ${text}`, cause)

function unreachable(text: string, cause: unknown): StatusError {
  return new StatusError('ServiceUnavailable', `error trying to reach service: ${text}`, { cause })
}

/** `https:web:http` and its shorter forms (`SplitSchemeNamePort`). */
export function splitName(id: string, what: string): { scheme: 'http' | 'https' | ''; name: string; port: string } {
  const parts = id.split(':')
  const [scheme, name, port] = parts.length === 3 ? parts : ['', parts[0], parts[1] ?? '']
  const isKnown = scheme === '' || scheme === 'http' || scheme === 'https'
  if (parts.length > 3 || !name || !isKnown) throw badRequest(`invalid ${what} request ${JSON.stringify(id)}`)
  return { scheme, name, port: port as string }
}

/** As links of the backend may name it. */
function addressOf({
  remoteAddress = '',
  remotePort = 0,
}: Duplex & Partial<Pick<Socket, 'remoteAddress' | 'remotePort'>>): string {
  return hostAndPort(remoteAddress, remotePort)
}

/** What follows `proxy` in the path, '' or with its slash. */
function pathBehind({ path, info }: Request): string {
  const before = info.namespace ? 7 : 5
  const parts = path.replace(/^\/+/, '').split('/')
  return parts.length > before ? `/${parts.slice(before).join('/')}` : ''
}

/** Without `.` and `..`, so that nobody leaves what the path was authorized for. */
function cleanPath(path: string): string {
  const clean = posix.normalize(path || '/')
  return clean.startsWith('/') ? clean : `/${clean}`
}

/** The part of the path that stands for the target. */
function prefixOf(whole: string, behind: string): string {
  return whole.endsWith(behind) ? whole.slice(0, -behind.length) : whole
}

/** As Go's `URL.EscapedPath` does it. */
export function escapePath(path: string): string {
  return encodeURI(path).replace(/[!'()*#?[\]]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** As it came, where that is known. */
function rawQuery({ query, rawQuery: raw }: Request): string {
  return raw ?? query.toString()
}

/** The backend cannot let others read what is served under our name. */
function withoutCors(headers: Headers): Headers {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^access-control-allow-(credentials|headers|methods|origin)$/.test(name)),
  )
}

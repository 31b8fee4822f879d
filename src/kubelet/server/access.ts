/** Who may ask the agent what: client certificates or tokens, then SubjectAccessReview about this node (upstream `server/auth.go`). */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { TokenReview } from '#api/authentication/v1/token-review.ts'
import { SubjectAccessReview } from '#api/authorization/v1/subject-access-review.ts'
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import { AgentError } from './find-container.ts'

export interface AgentUser {
  readonly name: string
  readonly groups: readonly string[]
}

/** What a request asks of the node: verb, and the node's subresources of which one must be allowed. */
export interface NodeAccess {
  readonly verb: string
  readonly subresources: readonly string[]
}

export type AuthorizeNode = (user: AgentUser, access: NodeAccess & { readonly path: string }) => Promise<boolean>

/** Certificates were checked against the cluster's authority by TLS; common name is the user, organisations are the groups. */
export function certificateUser(request: IncomingMessage): AgentUser | undefined {
  const socket = request.socket as TLSSocket
  if (!socket.authorized) return undefined
  const { CN, O } = socket.getPeerCertificate().subject ?? {}
  if (!CN) return undefined
  const groups = O === undefined ? [] : [O].flat()
  return { name: [CN].flat()[0] ?? '', groups: [...groups, 'system:authenticated'] }
}

export function bearerToken(request: IncomingMessage): string | undefined {
  return /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
}

/** Fine-grained paths may be allowed by a name of their own or, like all others, as `proxy` (KEP-2862). */
export function accessOf(method: string, path: string): NodeAccess {
  const verb = verbs[method] ?? ''
  const under = (prefix: string) => path === prefix || path.startsWith(`${prefix}/`)
  if (under('/stats')) return { verb, subresources: ['stats'] }
  if (under('/metrics')) return { verb, subresources: ['metrics'] }
  if (under('/logs')) return { verb, subresources: ['log'] }
  if (under('/healthz')) return { verb, subresources: ['healthz', 'proxy'] }
  if (under('/configz')) return { verb, subresources: ['configz', 'proxy'] }
  if (path === '/pods' || path === '/pods/' || under('/runningpods')) return { verb, subresources: ['pods', 'proxy'] }
  return { verb, subresources: ['proxy'] }
}

const verbs: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/** Throws the 403 that upstream answers. */
export async function requireAccess(
  user: AgentUser,
  { method, path, authorize }: { method: string; path: string; authorize: AuthorizeNode },
): Promise<void> {
  const access = accessOf(method, path)
  if (await authorize(user, { ...access, path })) return
  const { verb, subresources } = access
  const text = `Forbidden (user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}])\n`
  throw new AgentError(403, text)
}

export interface ReviewOptions {
  readonly client: Client
  readonly clock: Clock
  readonly nodeName: string
}

/** Allowed answers are kept five minutes, others thirty seconds, as upstream's webhook authorizer. */
const keepAllowed = 300_000
const keepDenied = 30_000
const mostKept = 1000

/** Asks the API server. An answer that cannot be had denies, and is not kept. */
export function reviewAccess({ client, clock, nodeName }: ReviewOptions): AuthorizeNode {
  const kept = new Map<string, { allowed: boolean; until: number }>()

  async function ask(user: AgentUser, verb: string, subresource: string): Promise<boolean> {
    const key = JSON.stringify([user.name, user.groups, verb, subresource])
    const known = kept.get(key)
    if (known && known.until > clock.monotonic()) return known.allowed
    const resourceAttributes = { verb, group: '', version: 'v1', resource: 'nodes', subresource, name: nodeName }
    const spec = { user: user.name, groups: [...user.groups], resourceAttributes }
    const { status } = await client.create(SubjectAccessReview, { spec })
    if (kept.size >= mostKept) kept.clear()
    kept.set(key, { allowed: status.allowed, until: clock.monotonic() + (status.allowed ? keepAllowed : keepDenied) })
    return status.allowed
  }

  return async (user, { verb, subresources }) => {
    for (const subresource of subresources) if (await ask(user, verb, subresource)) return true
    return false
  }
}

/** Answers are kept two minutes, as upstream's webhook authenticator. */
const keepTokens = 120_000

/** Asks the API server whose token it is. Only a hash of it is kept. */
export function reviewToken({
  client,
  clock,
}: Omit<ReviewOptions, 'nodeName'>): (token: string) => Promise<AgentUser | undefined> {
  const kept = new Map<string, { user: AgentUser | undefined; until: number }>()
  return async (token) => {
    const key = createHash('sha256').update(token).digest('base64')
    const known = kept.get(key)
    if (known && known.until > clock.monotonic()) return known.user
    const { status } = await client.create(TokenReview, { spec: { token } })
    const { username = '', groups = [] } = status.user ?? {}
    const user = status.authenticated && username ? { name: username, groups } : undefined
    if (kept.size >= mostKept) kept.clear()
    kept.set(key, { user, until: clock.monotonic() + keepTokens })
    return user
  }
}

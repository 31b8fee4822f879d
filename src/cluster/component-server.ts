/**
 * What a component that runs by itself serves over HTTPS: health for everybody, metrics for whom the API server lets have them
 * (upstream `apiserver/pkg/server/options` as the controller manager and the scheduler use it: delegated authentication and authorization).
 */
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { SubjectAccessReview } from '#api/authorization/v1/subject-access-review.ts'
import type { Client } from '#client/client.ts'
import { type AgentUser, bearerToken, reviewToken } from '#kubelet/server/access.ts'
import type { Clock } from '#lib/clock.ts'
import { issueAuthority, issueCertificate } from './pki-certificate.ts'

export interface ComponentServerOptions {
  readonly client: Client
  readonly clock: Clock
  /** `kube-controller-manager`, in the certificate that it makes for itself. */
  readonly name: string
  readonly host?: string | undefined
  /** 0 takes any that is free. */
  readonly port: number
  readonly metrics: () => string
  /** Why it is not well; undefined when it is. */
  readonly health?: () => string | undefined
}

export interface ComponentServer {
  readonly port: number
  close(): Promise<void>
}

const health = new Set(['/healthz', '/livez', '/readyz'])

export async function serveComponent(options: ComponentServerOptions): Promise<ComponentServer> {
  const { name, clock, host = '0.0.0.0', port } = options
  const validity = { now: clock.now(), days: 365 }
  const authority = await issueAuthority(`${name}-ca`, validity)
  const own = { commonName: name, usages: ['server'] as const, dnsNames: ['localhost'], addresses: ['127.0.0.1'] }
  const { key, certificate } = await issueCertificate(authority, own, validity)
  const whose = reviewToken(options)
  const server = createServer({ key, cert: certificate }, (request, response) => {
    const path = new URL(request.url ?? '/', 'https://component').pathname
    answer(options, { path, user: async () => userOf(bearerToken(request), whose) }).then(
      ([status, text]) => response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text),
      () => response.writeHead(500).end('Internal Server Error\n'),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

interface Asked {
  readonly path: string
  readonly user: () => Promise<AgentUser | undefined>
}

async function answer(options: ComponentServerOptions, { path, user }: Asked): Promise<[status: number, text: string]> {
  if (health.has(path)) {
    const problem = options.health?.()
    return problem === undefined ? [200, 'ok'] : [500, `${problem}\n`]
  }
  const who = await user()
  if (!who) return [401, 'Unauthorized\n']
  const spec = { user: who.name, groups: [...who.groups], nonResourceAttributes: { path, verb: 'get' } }
  const { status } = await options.client.create(SubjectAccessReview, { spec })
  if (!status.allowed) return [403, `forbidden: User ${JSON.stringify(who.name)} cannot get path ${JSON.stringify(path)}\n`]
  return path === '/metrics' ? [200, options.metrics()] : [404, '404 page not found\n']
}

async function userOf(token: string | undefined, whose: ReturnType<typeof reviewToken>): Promise<AgentUser | undefined> {
  if (token !== undefined) return whose(token)
  return { name: 'system:anonymous', groups: ['system:unauthenticated'] }
}

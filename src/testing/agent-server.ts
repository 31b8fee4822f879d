/** An agent's server for tests, with a certificate authority of its own and a way to call it as somebody. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import type { Pod } from '#api/core/v1/pod.ts'
import { issueAuthority, issueCertificate } from '#cluster/pki-certificate.ts'
import type { Runtime } from '#kubelet/cri/runtime.ts'
import type { AuthorizeNode } from '#kubelet/server/access.ts'
import { type AgentServer, type AgentServerOptions, listenAgent } from '#kubelet/server/agent-server.ts'
import { systemClock } from '#lib/clock.ts'

export interface TestAgent extends AsyncDisposable {
  readonly server: AgentServer
  /** A connection with this user's certificate; without a name, with none. */
  dial(user?: string): Promise<TLSSocket>
  get(path: string, user?: string, method?: string): Promise<{ code: number; body: string }>
  /** The answer's stream, for what does not end. */
  open(path: string, user?: string, method?: string): Promise<IncomingMessage>
}

export interface TestAgentOptions {
  readonly runtime: Runtime
  readonly pods: () => readonly Pod[]
  readonly volumes?: AgentServerOptions['volumes']
  readonly authorize?: AuthorizeNode
  readonly more?: Partial<AgentServerOptions>
}

export async function testAgent({ authorize = async () => true, more, ...given }: TestAgentOptions): Promise<TestAgent> {
  const validity = { now: systemClock.now(), days: 1 }
  const ca = await issueAuthority('kubernetes-ca', validity)
  const own = await issueCertificate(ca, { commonName: 'system:node:n1', usages: ['server'], addresses: ['127.0.0.1'] }, validity)
  const tls = { key: own.key, certificate: own.certificate, clientCa: ca.certificate }
  const options = { ...given, ...more, authorize, tls, clock: systemClock, nodeName: 'n1', host: '127.0.0.1', port: 0 }
  const server = await listenAgent(options)

  async function dial(user?: string): Promise<TLSSocket> {
    const certificate = user && (await issueCertificate(ca, { commonName: user, usages: ['client'] }, validity))
    const how: ConnectionOptions = { host: '127.0.0.1', port: server.port, ca: ca.certificate }
    const socket = connect(certificate ? { ...how, key: certificate.key, cert: certificate.certificate } : how)
    await once(socket, 'secureConnect')
    return socket
  }

  async function open(path: string, user?: string, method = 'GET'): Promise<IncomingMessage> {
    const socket = await dial(user)
    const call = request({ createConnection: () => socket, path, method, headers: { Host: 'n1', Connection: 'close' } })
    call.end()
    const [response] = await once(call, 'response')
    return response
  }

  return {
    server,
    dial,
    open,
    async get(path, user, method) {
      const response = await open(path, user, method)
      const body = Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>)).toString()
      return { code: response.statusCode ?? 0, body }
    },
    [Symbol.asyncDispose]: () => server.close(),
  }
}

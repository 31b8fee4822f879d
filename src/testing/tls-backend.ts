/** An HTTPS server on loopback that plays a webhook or an extension server; its certificate names a service. */
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { issueAuthority, issueCertificate, type KeyAndCertificate } from '#cluster/pki-certificate.ts'
import { systemClock } from '#lib/clock.ts'

export interface TlsBackend extends AsyncDisposable {
  readonly port: number
  readonly server: Server
  /** Of its authority, in base64 as objects carry it. */
  readonly caBundle: string
  dial(): Promise<Socket>
}

export interface TlsBackendOptions {
  /** Default: `hook.default.svc` and loopback. */
  readonly dnsNames?: readonly string[]
  /** PEM; clients must show a certificate of this authority. */
  readonly clientCa?: string
}

export async function tlsBackend(
  listener: RequestListener,
  { dnsNames = ['hook.default.svc'], clientCa }: TlsBackendOptions = {},
): Promise<TlsBackend> {
  const { authority, pair } = await servingPair(dnsNames)
  const mutual = clientCa ? { ca: clientCa, requestCert: true, rejectUnauthorized: true } : {}
  const server = createServer({ key: pair.key, cert: pair.certificate, ...mutual }, listener).listen(0, '127.0.0.1')
  const open = new Set<Duplex>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    ...{ port, server, caBundle: Buffer.from(authority.certificate).toString('base64') },
    async dial() {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    },
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of open) socket.destroy()
      if (server.listening) await once(server, 'close')
    },
  }
}

async function servingPair(dnsNames: readonly string[]): Promise<{ authority: KeyAndCertificate; pair: KeyAndCertificate }> {
  const validity = { now: systemClock.now(), days: 1 }
  const authority = await issueAuthority('backend-ca', validity)
  const request = { commonName: dnsNames[0] ?? 'backend', dnsNames, addresses: ['127.0.0.1'], usages: ['server' as const] }
  return { authority, pair: await issueCertificate(authority, request, validity) }
}

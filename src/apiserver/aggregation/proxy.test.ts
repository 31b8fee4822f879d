import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type RequestOptions, request } from 'node:https'
import type { Duplex } from 'node:stream'
import { after, before, test } from 'node:test'
import { APIService } from '#api/apiregistration/v1/api-service.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { type LoopbackSocket, listenOnLoopback } from '#testing/loopback.ts'
import { send } from '#testing/send.ts'
import { type TlsBackend, tlsBackend } from '#testing/tls-backend.ts'

const path = '/apis/streams.example.com/v1'
const name = 'v1.streams.example.com'
let extension: TlsBackend
let cluster: TestCluster
let front: LoopbackSocket
/** Ends the watch that is open at the extension server. */
let endWatch = () => {}
let heads: IncomingMessage[] = []

function answer(message: IncomingMessage, response: ServerResponse): void {
  heads.push(message)
  const { url = '' } = message
  if (!url.includes('watch=true')) return void response.end(JSON.stringify({ resources: [] }))
  response.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' })
  response.write('{"type":"ADDED"}\n')
  response.on('close', () => endWatch())
  message.socket.once('x-more' as never, () => response.write('{"type":"MODIFIED"}\n'))
}

before(async () => {
  extension = await tlsBackend(answer, { dnsNames: ['somebody.else'] })
  extension.server.on('upgrade', (message: IncomingMessage, socket: Duplex) => {
    heads.push(message)
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: ${message.headers.upgrade}\r\nconnection: Upgrade\r\n\r\nhi `)
    socket.pipe(socket)
  })
  cluster = await testCluster({ serviceDialer: { dial: () => extension.dial() }, aggregation: {} })
  const place = { namespace: 'kube-system', name: 'streams' }
  await cluster.client.create(Service, { metadata: place, spec: { ports: [{ port: 443 }] } })
  await cluster.client.create(EndpointSlice, {
    metadata: { name: 'streams-1', namespace: 'kube-system', labels: { 'kubernetes.io/service-name': 'streams' } },
    ...{ addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ name: '', port: 8443 }] },
  })
  const spec = { group: 'streams.example.com', version: 'v1', groupPriorityMinimum: 100, versionPriority: 100, service: place }
  await cluster.client.create(APIService, { metadata: { name }, spec })
  front = await listenOnLoopback(cluster)
})

after(async () => {
  await front.close(0)
  await cluster[Symbol.asyncDispose]()
  await extension[Symbol.asyncDispose]()
})

async function condition(wanted: 'True' | 'False'): Promise<string> {
  for (;;) {
    await cluster.settle()
    const { status } = await cluster.client.get(APIService, { name })
    const found = status.conditions?.find(({ type }) => type === 'Available')
    if (found?.status === wanted) return found.message ?? ''
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function call(target: string, options: RequestOptions = {}) {
  const { ca, admin } = front.pki
  const identity = { ca: ca.certificate, cert: admin.certificate, key: admin.key }
  return request({ ...identity, host: '127.0.0.1', port: front.port, path: target, agent: false, ...options })
}

test('a certificate that names somebody else is refused, unless insecureSkipTLSVerify says otherwise', async () => {
  assert.match(await condition('False'), /^failing or missing response from https:\/\/streams\.kube-system\.svc:443/)
  const service = await cluster.client.get(APIService, { name })
  await cluster.client.update(APIService, { ...service, spec: { ...service.spec, insecureSkipTLSVerify: true } })
  assert.equal(await condition('True'), 'all checks passed')
})

test('a watch passes on each event as it comes, and ends with its client', async () => {
  const sent = call(`${path}/things?watch=true`)
  sent.end()
  const [message] = (await once(sent, 'response')) as [IncomingMessage]
  message.setEncoding('utf8')
  assert.equal((await once(message, 'data'))[0], '{"type":"ADDED"}\n')
  heads.at(-1)?.socket.emit('x-more')
  assert.equal((await once(message, 'data'))[0], '{"type":"MODIFIED"}\n')
  const ended = new Promise<void>((resolve) => (endWatch = resolve))
  message.on('error', () => {}).destroy()
  await ended
})

test('an upgrade joins the connections, with the identity in its head', async () => {
  const sent = call(`${path}/things/a/exec?command=x`, { headers: { connection: 'Upgrade', upgrade: 'echo' } })
  sent.end()
  const [, socket, head] = (await once(sent, 'upgrade')) as [IncomingMessage, Duplex, Buffer]
  let text = head.toString()
  socket.write('there')
  while (!text.includes('there')) text += (await once(socket, 'data'))[0]
  assert.equal(text, 'hi there')
  socket.destroy()
  const { url, headers } = heads.at(-1) as IncomingMessage
  assert.deepEqual([url, headers['x-remote-user']], [`${path}/things/a/exec?command=x`, 'kubernetes-admin'])
})

test('the whole identity is told, and nothing that the client claims', async () => {
  heads = []
  const user = {
    ...{ name: 'jörg 语', uid: 'u-1', groups: ['CN=a,OU=b', 'system:masters'] },
    extra: { 'Example.com/Scopes%': ['read', 'wríte'], plain: ['x'] },
  }
  const { response } = await send(cluster.server, `GET ${path}/things`, { user })
  if (response.type === 'stream') await Array.fromAsync(response.chunks)
  const { rawHeaders } = heads.find(({ url }) => url === `${path}/things`) as IncomingMessage
  const pairs = rawHeaders.flatMap((key, i) => (i % 2 === 0 ? [[key, utf8(rawHeaders[i + 1] as string)] as const] : []))
  assert.deepEqual(
    pairs.filter(([key]) => /^x-remote/i.test(key)),
    [
      ['X-Remote-User', 'jörg 语'],
      ['X-Remote-Uid', 'u-1'],
      ['X-Remote-Group', 'CN=a,OU=b'],
      ['X-Remote-Group', 'system:masters'],
      ['X-Remote-Group', 'system:authenticated'],
      ['X-Remote-Extra-Example.com%2FScopes%25', 'read'],
      ['X-Remote-Extra-Example.com%2FScopes%25', 'wríte'],
      ['X-Remote-Extra-plain', 'x'],
    ],
  )
})

function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

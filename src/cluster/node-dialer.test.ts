import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { systemClock } from '#lib/clock.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { node, pod } from '#testing/make.ts'
import { setReady } from '#testing/run-pods.ts'
import { endpointOf, nodeDialer, serviceDialer } from './node-dialer.ts'
import { issueAuthority, issueCertificate } from './pki-certificate.ts'

const { signal } = new AbortController()

/** A service whose only endpoint is `address`, said to be pod `web`, which really has 10.1.2.3. */
async function publish(cluster: TestCluster, address: string, port: number): Promise<void> {
  const { client } = cluster
  await setReady(cluster, await client.create(Pod, pod('web')), true, '10.1.2.3')
  const metadata = { name: 'web', namespace: 'default' }
  await client.create(Service, { metadata, spec: { ports: [{ name: 'http', port: 80 }] } })
  await client.create(EndpointSlice, {
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port }],
    endpoints: [{ addresses: [address], targetRef: { kind: 'Pod', name: 'web', namespace: 'default' } }],
  })
}

const target = (port: string) => ({ type: 'service', namespace: 'default', name: 'web', port, scheme: 'http' }) as const

test('endpointOf() finds the port by number, by name, and alone', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  await publish(cluster, '10.1.2.3', 8080)
  for (const wanted of ['80', 'http', '']) {
    const { host, port } = await endpointOf(client, target(wanted), signal)
    assert.deepEqual([host, port], ['10.1.2.3', 8080])
  }
  const message = 'no service port 81 found for service "web"'
  await assert.rejects(endpointOf(client, target('81'), signal), { message, reason: 'ServiceUnavailable' })
  await assert.rejects(endpointOf(client, target('grpc'), signal), { message: 'no endpoints available for service "web:grpc"' })
  await assert.rejects(endpointOf(client, { ...target(''), name: 'none' }, signal), { reason: 'NotFound' })
})

test('endpointOf() takes addresses of pods alone', async () => {
  await using cluster = await testCluster()
  await publish(cluster, '10.9.9.9', 22)
  const message = 'no endpoints available for service "web"'
  await assert.rejects(endpointOf(cluster.client, target(''), signal), { message })
})

test('serviceDialer() words refused connections as Go does', async () => {
  const server = createServer((socket) => void socket.end('hello')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const dialer = serviceDialer(() => assert.fail('asked the API'))
  const to = { type: 'pod', address: '127.0.0.1', port, scheme: 'http' } as const
  const socket = await dialer.dial(to, signal)
  assert.equal(Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>)).toString(), 'hello')
  server.close()
  await once(server, 'close')
  await assert.rejects(dialer.dial(to, signal), { message: `dial tcp 127.0.0.1:${port}: connect: connection refused` })
})

test('nodeDialer() verifies the agent and shows its own certificate', async (context) => {
  const validity = { now: systemClock.now(), days: 1 }
  const [ca, foreign] = [await issueAuthority('ca', validity), await issueAuthority('ca', validity)]
  const serving = await issueCertificate(
    ca,
    { commonName: 'system:node:n1', usages: ['server'], addresses: ['127.0.0.1'] },
    validity,
  )
  const identity = await issueCertificate(ca, { commonName: 'apiserver', usages: ['client'] }, validity)
  const agent = createTlsServer(
    { key: serving.key, cert: serving.certificate, ca: ca.certificate, requestCert: true },
    (socket) => socket.end(String(socket.getPeerCertificate().subject.CN)),
  ).listen(0, '127.0.0.1')
  await once(agent, 'listening')
  await using cluster = await testCluster()
  context.after(() => agent.close())
  const { port } = agent.address() as AddressInfo
  const draft = node('n1')
  const status = {
    ...draft.status,
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
  }
  await cluster.client.create(Node, { ...draft, status } as typeof draft)
  const client = () => cluster.client
  const socket = await nodeDialer({ client, identity, ca: ca.certificate }).dial('n1', signal)
  assert.equal(Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>)).toString(), 'apiserver')
  await assert.rejects(
    nodeDialer({ client, identity, ca: foreign.certificate }).dial('n1', signal),
    /^DialError: dial tcp 127.0.0.1/,
  )
  await assert.rejects(nodeDialer({ client, identity, ca: ca.certificate }).dial('n2', signal), { reason: 'NotFound' })
})

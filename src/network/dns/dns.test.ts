import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { decode, encode, type Packet, streamDecode, streamEncode } from 'dns-packet'
import type { Service } from '#api/core/v1/service.ts'
import type { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { systemClock } from '#lib/clock.ts'
import { seededRandom } from '#lib/random.ts'
import { runDns } from './dns.ts'
import type { ClusterNames } from './records.ts'

const many = Array.from({ length: 100 }, (_, i) => ({ addresses: [`10.244.1.${i}`], conditions: {} }))
const names: ClusterNames = {
  service: (_, name) =>
    ({
      metadata: { name },
      spec: name === 'web' ? { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'] } : { clusterIP: 'None' },
    }) as Service,
  slices: () => [{ metadata: {}, endpoints: many, ports: [] } as unknown as EndpointSlice],
  hasNamespace: () => true,
  serviceByIp: () => undefined,
  slicesByIp: () => [],
}

const start = () =>
  runDns({
    names,
    domain: 'cluster.local',
    listen: { host: '127.0.0.1', port: 0 },
    upstreams: [],
    clock: systemClock,
    random: seededRandom(1),
    onError: assert.ifError,
  })

const question = (name: string): Packet => ({ type: 'query', id: 7, questions: [{ type: 'A', name }] })

async function overUdp(port: number, name: string) {
  const socket = createSocket('udp4')
  try {
    socket.send(encode(question(name)), port, '127.0.0.1')
    const [message] = await once(socket, 'message', { signal: AbortSignal.timeout(5000) })
    return decode(message)
  } finally {
    socket.close()
  }
}

test('runDns() answers over UDP with the question it was asked', async () => {
  const server = await start()
  try {
    const reply = await overUdp(server.port, 'Web.default.svc.cluster.local')
    assert.equal(reply.id, 7)
    assert.deepEqual(
      reply.answers?.map((record) => [record.name, 'data' in record && record.data]),
      [['Web.default.svc.cluster.local', '10.96.0.5']],
    )
  } finally {
    await server.close()
  }
})

test('runDns() truncates what does not fit and gives the whole over TCP', async () => {
  const server = await start()
  try {
    const short = await overUdp(server.port, 'all.default.svc.cluster.local')
    assert.equal(short.flag_tc, true)
    assert.equal(short.answers?.length, 0)
    const socket = connect(server.port, '127.0.0.1')
    socket.write(streamEncode(question('all.default.svc.cluster.local')))
    let bytes = Buffer.alloc(0)
    for await (const chunk of socket) {
      bytes = Buffer.concat([bytes, chunk])
      if (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) break
    }
    assert.equal(streamDecode(bytes).answers?.length, 100)
  } finally {
    await server.close()
  }
})

test('runDns() says SERVFAIL for outside names without resolvers, and ignores garbage', async () => {
  const server = await start()
  try {
    const socket = createSocket('udp4')
    socket.send(Buffer.from('not dns'), server.port, '127.0.0.1')
    const reply = await overUdp(server.port, 'example.com')
    socket.close()
    assert.equal((reply as unknown as { rcode: string }).rcode, 'SERVFAIL')
  } finally {
    await server.close()
  }
})

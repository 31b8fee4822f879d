import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent } from 'node:https'
import { test } from 'node:test'
import { connect } from 'node:tls'
import type { Request, Response } from '#apiserver/request.ts'
import type { ApiServer } from '#apiserver/server.ts'
import { issueAuthority, issueCertificate } from '#cluster/pki-certificate.ts'
import { systemClock } from '#lib/clock.ts'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { testCluster } from '#testing/cluster.ts'
import { http1Call, http2Client } from '#testing/http-clients.ts'
import { type LoopbackSocket, listenOnLoopback } from '#testing/loopback.ts'
import { maxBody } from './exchange.ts'

const maps = '/api/v1/namespaces/default/configmaps'
const json = { 'content-type': 'application/json' }

/** A socket before a server that is nothing but `handle`. */
async function front(handle: (request: Request) => Promise<Response> | Response) {
  const clock = new VirtualClock()
  const errors: unknown[] = []
  const server = { handle: async (request: Request) => handle(request) } as ApiServer
  const socket = await listenOnLoopback({ server, clock, random: seededRandom(1) }, (error) => errors.push(error))
  return { ...socket, clock, errors }
}

function text(body: string): Response {
  return { type: 'bytes', status: 200, bytes: Buffer.from(body), headers: { 'content-type': 'text/plain' } }
}

async function rawConnection({ port, pki }: LoopbackSocket) {
  const { certificate, key } = pki.admin
  const socket = connect({ port, host: '127.0.0.1', ca: pki.ca.certificate, cert: certificate, key, ALPNProtocols: ['http/1.1'] })
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  return socket
}

test('bodies beyond the limit are 413 over both versions, and the session lives on', async () => {
  await using cluster = await testCluster()
  await using socket = await listenOnLoopback(cluster)
  await using client = http2Client(socket)
  const body = Buffer.alloc(maxBody + 1, ' ')
  const message = `Request entity too large: limit is ${maxBody}`
  const declared = await client.call(`POST ${maps}`, { ...json, 'content-length': String(body.length) }, body)
  const undeclared = await client.call(`POST ${maps}`, json, body)
  const http1 = await http1Call(socket, maps, { method: 'POST', headers: json, body })
  for (const answer of [declared, undeclared, http1]) {
    assert.deepEqual([answer.status, answer.json.reason, answer.json.message], [413, 'RequestEntityTooLarge', message])
  }
  assert.equal((await client.call(`GET ${maps}`)).status, 200)
})

test('a body that does not come is given up after a minute', async () => {
  let isReading = false
  await using it = await front((request) => {
    isReading = true
    return request.body().then(
      () => text('whole'),
      ({ code }) => text(String(code)),
    )
  })
  await using client = http2Client(it)
  const stream = client.session.request({ ':method': 'POST', ':path': '/' })
  stream.write('some')
  await until(() => isReading)
  pass(it.clock, 60_000)
  const [chunk] = await once(stream, 'data')
  assert.equal(chunk.toString(), '504')
  pass(it.clock, 1_000)
  if (!stream.closed) await once(stream, 'close')
})

function pass(clock: VirtualClock, milliseconds: number): void {
  const target = clock.now() + milliseconds
  while (clock.runNext(target));
  clock.advanceTo(target)
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate)
}

test('bodies that nobody reads leave no stream open', async () => {
  await using it = await front(() => text('refused'))
  await using client = http2Client(it)
  for (let i = 0; i < 300; i++) await client.call('POST /', json, Buffer.alloc(100_000))
  assert.equal((await client.call('GET /')).text, 'refused')
})

test('one connection serves many requests of HTTP/1.1', async () => {
  const ports = new Set<unknown>()
  await using it = await front((request) => text(request.path))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  agent.on('free', (socket) => ports.add(socket.localPort))
  for (const path of ['/a', '/b', '/c']) assert.equal((await http1Call(it, path, { agent: agent as never })).text, path)
  assert.equal(ports.size, 1)
  agent.destroy()
})

test('heads of 100 KB pass, of more than 1 MB are 431', async () => {
  await using it = await front((request) => text(String(request.headers['x-long']?.length)))
  assert.equal((await http1Call(it, '/', { headers: { 'x-long': 'x'.repeat(100_000) } })).text, '100000')
  await using client = http2Client(it)
  assert.equal((await client.call('GET /', { 'x-long': 'x'.repeat(60_000) })).text, '60000')
  const socket = await rawConnection(it)
  socket.write(`GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(1_200_000)}\r\n\r\n`)
  const [answer] = await once(socket, 'data')
  assert.match(answer.toString(), /^HTTP\/1.1 431 /)
  socket.destroy()
})

test('what is no HTTP is 400', async () => {
  await using it = await front(() => text(''))
  const socket = await rawConnection(it)
  socket.write('nonsense\r\n\r\n')
  const [answer] = await once(socket, 'data')
  assert.match(answer.toString(), /^HTTP\/1.1 400 Bad Request/)
  socket.destroy()
})

test('only certificates of our CA count; others are wrong credentials, none is nobody', async () => {
  const origins: unknown[] = []
  await using it = await front((request) => {
    const { origin } = request
    origins.push(origin.type === 'network' && (origin.certificate ? 'ours' : (origin.certificateError ?? 'none')))
    return text('')
  })
  const validity = { now: systemClock.now(), days: 1 }
  const foreign = await issueAuthority('kubernetes-ca', validity)
  const admin = await issueCertificate(
    foreign,
    { commonName: 'kubernetes-admin', organizations: ['system:masters'], usages: ['client'] },
    validity,
  )
  for (const identity of [it.pki.admin, admin, null]) {
    await using client = http2Client(it, identity)
    await client.call('GET /')
  }
  assert.deepEqual([origins[0], origins[2]], ['ours', 'none'])
  assert.match(String(origins[1]), /UNABLE_TO_|SELF_SIGNED/)
  await using cluster = await testCluster()
  await using socket = await listenOnLoopback(cluster)
  await using client = http2Client(socket, admin)
  const refused = await client.call(`GET ${maps}`)
  assert.deepEqual([refused.status, refused.json.reason], [401, 'Unauthorized'])
})

test('a client that goes aborts its request and ends its stream', async () => {
  const signals: AbortSignal[] = []
  let ended = 0
  async function* endless() {
    try {
      for (;;) {
        yield Buffer.alloc(1000)
        await new Promise(setImmediate)
      }
    } finally {
      ended++
    }
  }
  await using it = await front((request) => {
    signals.push(request.signal)
    return { type: 'stream', status: 200, chunks: endless(), headers: {} }
  })
  const client = http2Client(it)
  const streams = await Promise.all(['/1', '/2', '/3'].map((path) => client.open(path)))
  for (const stream of streams) stream.resume()
  streams[0]?.close()
  await until(() => ended === 1)
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, false, false],
  )
  await client[Symbol.asyncDispose]()
  await until(() => ended === 3)
  assert.deepEqual(it.errors, [])
})

test('close() lets answers under way end and takes no more', async () => {
  const { promise, resolve } = Promise.withResolvers<Response>()
  let waiting = 0
  await using it = await front(() => {
    waiting++
    return promise
  })
  await using client = http2Client(it)
  const agent = new Agent({ keepAlive: true })
  const answers = [client.call('GET /'), http1Call(it, '/', { agent: agent as never })]
  await until(() => waiting === 2)
  const closed = it.close(1_000)
  await assert.rejects(http1Call(it, '/'), { code: 'ECONNREFUSED' })
  resolve(text('the end'))
  for (const answer of answers) assert.equal((await answer).text, 'the end')
  await closed
  agent.destroy()
})

test('close() cuts what has not ended by then', async () => {
  async function* endless() {
    yield Buffer.from('some')
    await new Promise(() => {})
  }
  await using it = await front(() => ({ type: 'stream', status: 200, chunks: endless(), headers: {} }))
  await using client = http2Client(it)
  const stream = await client.open('/')
  stream.on('error', () => {})
  const closed = it.close(1_000)
  pass(it.clock, 1_000)
  await closed
})

test('sessions are asked to go when the server closes', async () => {
  await using it = await front(() => text('x'))
  await using client = http2Client(it)
  await client.call('GET /')
  const gone = once(client.session, 'goaway')
  const closed = it.close(1_000)
  await gone
  await closed
})

test('errors of the server are told and answered', async () => {
  await using it = await front(() => {
    throw new TypeError('a defect')
  })
  await using client = http2Client(it)
  const { status, json: body } = await client.call('GET /')
  assert.deepEqual([status, body.message], [500, 'Internal error occurred: a defect'])
  assert.equal(it.errors.length, 1)
})

test('a watch that no client can read as it wants is 406, and no error of the server', async () => {
  await using cluster = await testCluster()
  const errors: unknown[] = []
  await using socket = await listenOnLoopback(cluster, (error) => errors.push(error))
  await using client = http2Client(socket)
  const types = 'application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch'
  for (const accept of ['text/plain', 'application/yaml', 'application/yaml;stream=watch', 'application/json;stream=log']) {
    const { status, json } = await client.call(`GET ${maps}?watch=true`, { accept })
    assert.deepEqual([status, json.message], [406, `only the following media types are accepted: ${types}`], accept)
  }
  assert.deepEqual(errors, [])
})

/** Certificates that change while connections go on, and servers that end while clients are at it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent } from 'node:https'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import type { Request, Response, User } from '#apiserver/request.ts'
import type { ApiServer } from '#apiserver/server.ts'
import { issueAuthority, issueCertificate } from '#cluster/pki-certificate.ts'
import { systemClock } from '#lib/clock.ts'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { testCluster } from '#testing/cluster.ts'
import { http1Call, http2Client } from '#testing/http-clients.ts'
import { listenOnLoopback } from '#testing/loopback.ts'
import { type Listening, type ListenOptions, listen } from './listen.ts'

const validity = { now: systemClock.now(), days: 1 }

async function pair(name: string) {
  const authority = await issueAuthority(`${name}-ca`, validity)
  const request = { commonName: name, dnsNames: [name, 'localhost'], addresses: ['127.0.0.1'], usages: ['server' as const] }
  return { ca: authority.certificate, authority, ...(await issueCertificate(authority, request, validity)) }
}

/** What a new connection is shown. */
async function shown(port: number, servername?: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...(servername && { servername }) })
  await once(socket, 'secureConnect')
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return subject.CN as string
}

async function answering(handle: (request: Request) => Response | Promise<Response>, more: Partial<ListenOptions> = {}) {
  const clock = new VirtualClock()
  const first = await pair('first')
  const server = { handle } as unknown as ApiServer
  const material = { key: first.key, certificate: first.certificate, clientCa: first.ca }
  const options = { ...material, ...more, host: '127.0.0.1', port: 0, clock, random: seededRandom(1) }
  const listening: Listening = await listen(server, options)
  const socket = { port: listening.port, pki: { ca: { certificate: first.ca }, admin: first } } as never
  return { clock, first, material, listening, socket, [Symbol.asyncDispose]: () => listening.close(0) }
}

const text = (body: string): Response => ({ type: 'bytes', status: 200, bytes: Buffer.from(body), headers: {} })

test('renew() shows the new certificate to new connections while old ones go on', async () => {
  await using it = await answering(() => text('ok'))
  await using client = http2Client(it.socket, null)
  assert.equal((await client.call('GET /')).text, 'ok')
  const [second, named] = [await pair('second'), await pair('named.example')]
  const pairs = [{ key: named.key, certificate: named.certificate }]
  it.listening.renew({ key: second.key, certificate: second.certificate, clientCa: second.ca, sni: pairs })
  assert.equal(await shown(it.listening.port), 'second')
  assert.equal(await shown(it.listening.port, 'named.example'), 'named.example')
  assert.equal((await client.call('GET /')).text, 'ok')
  const wrong = { key: it.first.key, certificate: second.certificate, clientCa: second.ca }
  assert.throws(() => it.listening.renew(wrong), /key values mismatch/)
  assert.equal(await shown(it.listening.port), 'second')
})

test('renew() with another authority lets its clients in', async () => {
  const origins: string[] = []
  await using it = await answering(({ origin }) => {
    origins.push(origin.type === 'network' && origin.certificate ? 'known' : 'unknown')
    return text('')
  })
  const other = await pair('other')
  const client = await issueCertificate(other.authority, { commonName: 'ann', usages: ['client'] }, validity)
  const call = async () => {
    await using session = http2Client(it.socket, client)
    await session.call('GET /')
  }
  await call()
  it.listening.renew({ ...it.material, clientCa: `${it.material.clientCa}\n${other.ca}` })
  await call()
  assert.deepEqual(origins, ['unknown', 'known'])
})

test('turnAway() answers 429 but to probes, and resolves with the last answer', async () => {
  const pending = Promise.withResolvers<Response>()
  await using it = await answering(({ path }) => (path === '/slow' ? pending.promise : text('ok')))
  const agent = new Agent({ keepAlive: true })
  await using client = http2Client(it.socket, null)
  const slow = client.call('GET /slow')
  await client.call('GET /first')
  let isDone = false
  const done = it.listening.turnAway(new AbortController().signal).then(() => void (isDone = true))
  await using late = http2Client(it.socket, null)
  const refused = await late.call('GET /api')
  assert.deepEqual(
    [refused.status, refused.headers['retry-after'], refused.text],
    [429, '5', 'The apiserver is shutting down, please try again later.\n'],
  )
  const http1 = await http1Call(it.socket, '/api', { agent })
  assert.deepEqual([http1.status, http1.headers.connection], [429, 'close'])
  assert.equal((await http1Call(it.socket, '/readyz', { agent })).status, 200)
  assert.equal(isDone, false)
  pending.resolve(text('whole'))
  assert.equal((await slow).text, 'whole')
  await done
  agent.destroy()
})

test('close() ends watches as if their time were over, and lets answers end', async () => {
  await using cluster = await testCluster()
  await using front = await listenOnLoopback(cluster)
  await using client = http2Client(front)
  const watch = await client.open('/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=0')
  await cluster.client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' } })
  const heard = Array.fromAsync(watch as AsyncIterable<Buffer>)
  const closed = front.close(60_000)
  const lines = Buffer.concat(await heard)
    .toString()
    .trim()
    .split('\n')
  assert.equal(JSON.parse(lines[0] as string).object.metadata.name, 'a')
  assert.equal(watch.rstCode, 0, 'the stream ended, it was not broken off')
  await closed
})

test('close() waits for no connection that lasts by nature', async () => {
  await using it = await answering(() => ({ type: 'upgraded' }))
  await using client = http2Client(it.socket, null)
  const open = client.session.request({ ':path': '/exec' })
  open.on('error', () => {})
  await once(client.session, 'remoteSettings')
  await new Promise((resolve) => client.session.ping((...all) => resolve(all)))
  const closed = it.listening.close(60_000)
  while (!it.clock.runNext(it.clock.now() + 1_000)) await new Promise(setImmediate)
  await closed
})

test('endWatches() spreads the ends over the time', async () => {
  await using cluster = await testCluster()
  const { clock, random, server } = cluster
  const first = await pair('first')
  const material = { key: first.key, certificate: first.certificate, clientCa: first.ca }
  const identity = await issueCertificate(
    first.authority,
    { commonName: 'root', organizations: ['system:masters'], usages: ['client'] },
    validity,
  )
  const listening = await listen(server, { ...material, host: '127.0.0.1', port: 0, clock, random })
  await using client = http2Client({ port: listening.port, pki: { ca: { certificate: first.ca } } } as never, identity)
  const search = '/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=0'
  const watches = await Promise.all([1, 2, 3, 4].map(() => client.open(search)))
  let ended = 0
  for (const watch of watches) watch.resume().on('close', () => ended++)
  const done = listening.endWatches(40_000)
  const counts: number[] = []
  for (let i = 0; i < 4; i++) {
    while (ended <= i) await new Promise(setImmediate)
    counts.push(ended)
    await cluster.advance(10_000)
  }
  assert.deepEqual(counts, [1, 2, 3, 4])
  await done
  await listening.close(0)
})

const strangers: [name: string, user: User, status: number, isSentAway: boolean][] = [
  ['who has no name', { name: 'system:anonymous', groups: ['system:unauthenticated'] }, 200, true],
  ['who is in the group of those', { name: 'ann', groups: ['system:unauthenticated'] }, 200, true],
  ['who is not believed', { name: '', groups: [] }, 401, true],
  ['who is known', { name: 'ann', groups: ['system:authenticated'] }, 200, false],
  ['who is known and may not', { name: 'ann', groups: ['system:authenticated'] }, 403, false],
  ['whose path is bad', { name: '', groups: [] }, 400, false],
]
for (const [name, user, status, isSentAway] of strangers) {
  test(`sendsStrangersAway: ${name} ${isSentAway ? 'gets one answer on a session' : 'stays'}`, async () => {
    const handle = (request: Request): Response => {
      request.user = user
      return { type: 'bytes', status, bytes: Buffer.from('an answer'), headers: {} }
    }
    await using it = await answering(handle, { sendsStrangersAway: true })
    await using client = http2Client(it.socket, null)
    let isGone = false
    client.session.on('goaway', () => (isGone = true))
    const answer = await client.call('GET /')
    assert.deepEqual([answer.status, answer.text], [status, 'an answer'])
    if (isSentAway) await once(client.session, 'close')
    else assert.equal((await client.call('GET /')).status, status)
    assert.equal(isGone, isSentAway)
    const first = await http1Call(it.socket, '/')
    assert.deepEqual([first.status, first.headers.connection], [status, 'close'])
  })
}

test('a goaway chance asks HTTP/2 clients to come anew, and loses no answer', async () => {
  await using it = await answering(() => text('ok'), { goawayChance: 1 })
  await using client = http2Client(it.socket, null)
  const gone = once(client.session, 'goaway')
  assert.equal((await client.call('GET /')).text, 'ok')
  const [code] = await gone
  assert.equal(code, 0)
  const agent = new Agent({ keepAlive: true })
  assert.equal((await http1Call(it.socket, '/', { agent })).headers.connection, 'keep-alive')
  agent.destroy()
})

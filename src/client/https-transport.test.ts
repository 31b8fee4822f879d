import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { ensurePki } from '#cluster/pki.ts'
import { systemClock } from '#lib/clock.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { hasReason } from '#schema/status-error.ts'
import { TransportError } from './client.ts'
import { httpsTransport } from './https-transport.ts'
import { createClient } from './typed-client.ts'

const folder = mkdtempSync(join(tmpdir(), 'https-transport-'))
const { ca, apiserver } = await ensurePki(folder, { addresses: ['127.0.0.1'] })
const { key, certificate } = apiserver
after(() => rmSync(folder, { recursive: true }))

type Handler = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void

async function serve(handler: Handler, settings: http2.Settings = {}) {
  const server = http2.createSecureServer({ key, cert: certificate, allowHTTP1: false, settings })
  const sessions = new Set<http2.ServerHttp2Session>()
  let opened = 0
  server.on('session', (session) => {
    opened++
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    handler(stream, headers)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `https://127.0.0.1:${(server.address() as net.AddressInfo).port}`
  return {
    url,
    sessions,
    opened: () => opened,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function connect(url: string, options: Partial<Parameters<typeof httpsTransport>[0]> = {}) {
  const client = createClient(httpsTransport({ server: url, ca: ca.certificate, clock: systemClock, ...options }))
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() })
}

function answer(stream: http2.ServerHttp2Stream, status: number, body: unknown, headers = {}) {
  stream.respond({ ':status': status, 'content-type': 'application/json', ...headers })
  stream.end(JSON.stringify(body))
}

const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', resourceVersion: '1' } }
const at = { name: 'a', namespace: 'default' }

test('https transport sends method, path, query, token and body', async () => {
  const seen: string[] = []
  await using server = await serve((stream, headers) => {
    let body = ''
    stream.on('data', (chunk) => (body += chunk))
    stream.on('end', () => {
      seen.push(`${headers[':method']} ${headers[':path']} ${headers.authorization} ${headers['content-type']} ${body}`)
      answer(stream, 200, map)
    })
  })
  await using client = connect(server.url, { token: 'secret' })
  await client.patch(ConfigMap, at, { type: 'merge', body: { data: { x: 'ü' } } }, { fieldManager: 'me', dryRun: true })
  await client.delete(ConfigMap, at, { propagationPolicy: 'Foreground' })
  assert.deepEqual(seen, [
    'PATCH /api/v1/namespaces/default/configmaps/a?dryRun=All&fieldManager=me Bearer secret application/merge-patch+json {"data":{"x":"ü"}}',
    'DELETE /api/v1/namespaces/default/configmaps/a Bearer secret application/json {"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Foreground"}',
  ])
  assert.equal(server.opened(), 1)
})

test('https transport throws the Status that the server answers', async () => {
  await using server = await serve((stream) =>
    answer(stream, 404, {
      kind: 'Status',
      status: 'Failure',
      reason: 'NotFound',
      message: 'configmaps "a" not found',
      code: 404,
    }),
  )
  await using client = connect(server.url)
  await assert.rejects(
    client.get(ConfigMap, at),
    (error) => hasReason(error, 'NotFound') && error.message === 'configmaps "a" not found',
  )
})

test('https transport throws TransportError where nobody listens, or the certificate is a stranger’s', async () => {
  await using server = await serve((stream) => answer(stream, 200, map))
  await using stranger = connect(server.url, { ca: undefined })
  await assert.rejects(stranger.get(ConfigMap, at), TransportError)
  await using nobody = connect('https://127.0.0.1:1')
  await assert.rejects(nobody.get(ConfigMap, at), TransportError)
})

test('https transport waits and tries again when it is told to', async () => {
  let calls = 0
  await using server = await serve((stream) =>
    calls++ === 0 ? answer(stream, 429, {}, { 'retry-after': '0' }) : answer(stream, 200, map),
  )
  await using client = connect(server.url)
  assert.equal((await client.get(ConfigMap, at)).metadata.name, 'a')
})

test('https transport asks for another token after 401', async () => {
  await using server = await serve((stream, { authorization }) =>
    answer(stream, authorization === 'Bearer new' ? 200 : 401, authorization === 'Bearer new' ? map : {}),
  )
  await using client = connect(server.url, { token: ({ refused }) => (refused ? 'new' : 'old') })
  assert.equal((await client.get(ConfigMap, at)).metadata.name, 'a')
})

test('https transport puts a watch together, however it is cut', async () => {
  const event = (name: string) => `${JSON.stringify({ type: 'ADDED', object: { ...map, metadata: { name } } })}\n`
  const whole = Buffer.from(event('ä') + event('b') + event('c'))
  await using server = await serve((stream) => {
    stream.respond({ ':status': 200 })
    let from = 0
    const next = () => {
      if (from >= whole.length) return stream.end()
      stream.write(whole.subarray(from, (from += 7)), next)
    }
    next()
  })
  await using client = connect(server.url)
  const names: string[] = []
  for await (const events of client.watch(ConfigMap, { signal: new AbortController().signal })) {
    for (const { object } of events) names.push(object.metadata.name)
  }
  assert.deepEqual(names, ['ä', 'b', 'c'])
})

test('https transport throws the error that a watch is ended with', async () => {
  await using server = await serve((stream) => {
    stream.respond({ ':status': 200 })
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }
    stream.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`)
  })
  await using client = connect(server.url)
  const watch = client.watch(ConfigMap, { signal: new AbortController().signal })
  await assert.rejects(watch[Symbol.asyncIterator]().next(), (error) => hasReason(error, 'Expired'))
})

test('https transport ends a watch when it is aborted, and the server sees that', async () => {
  const closed = Promise.withResolvers<void>()
  await using server = await serve((stream) => {
    stream.respond({ ':status': 200 })
    stream.write(`${JSON.stringify({ type: 'ADDED', object: map })}\n`)
    stream.on('close', () => closed.resolve())
  })
  await using client = connect(server.url)
  const stop = new AbortController()
  let batches = 0
  for await (const _ of client.watch(ConfigMap, { signal: stop.signal })) {
    batches++
    stop.abort()
  }
  assert.equal(batches, 1)
  await closed.promise
})

test('https transport takes a new session after GOAWAY and lets the old one end', async () => {
  const first = Promise.withResolvers<http2.ServerHttp2Stream>()
  let calls = 0
  await using server = await serve((stream) => {
    if (calls++ === 0) first.resolve(stream)
    else answer(stream, 200, map)
  })
  await using client = connect(server.url)
  const slow = client.get(ConfigMap, at)
  const stream = await first.promise
  stream.session?.goaway(http2.constants.NGHTTP2_NO_ERROR)
  for (const session of server.sessions) await new Promise<void>((resolve) => session.ping(() => resolve()))
  assert.equal((await client.get(ConfigMap, at)).metadata.name, 'a')
  answer(stream, 200, map)
  assert.equal((await slow).metadata.name, 'a')
  assert.equal(server.opened(), 2)
})

test('https transport opens another session when watches take all streams of one', async () => {
  await using server = await serve(
    (stream, headers) => {
      if (String(headers[':path']).includes('watch=true')) stream.respond({ ':status': 200 })
      else answer(stream, 200, map)
    },
    { maxConcurrentStreams: 3 },
  )
  await using client = connect(server.url)
  const stop = new AbortController()
  await client.get(ConfigMap, at)
  const watches = Array.from({ length: 3 }, async () => {
    for await (const _ of client.watch(ConfigMap, { signal: stop.signal }));
  })
  for (let tries = 0; tries < 20; tries++) await client.get(ConfigMap, at)
  assert.equal(server.opened(), 2)
  stop.abort()
  await Promise.all(watches)
})

test('https transport drops a session that answers no ping', async () => {
  const clock = new VirtualClock()
  const started = Promise.withResolvers<void>()
  await using server = await serve(() => started.resolve())
  const freeze = new AbortController()
  const sockets: net.Socket[] = []
  const wire = net.createServer((near) => {
    const far = net.connect(Number(new URL(server.url).port), '127.0.0.1')
    for (const socket of [near, far]) sockets.push(socket.on('error', () => {}))
    near.pipe(far).pipe(near)
    freeze.signal.addEventListener('abort', () => near.unpipe(far))
  })
  await new Promise<void>((resolve) => wire.listen(0, '127.0.0.1', resolve))
  const client = connect(`https://127.0.0.1:${(wire.address() as net.AddressInfo).port}`, { clock })
  const hanging = client.create(ConfigMap, { metadata: at })
  await started.promise
  freeze.abort()
  while (clock.runNext());
  await assert.rejects(hanging, TransportError)
  await client.close()
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => wire.close(resolve))
})

test('https transport falls back to HTTP/1.1', async () => {
  const server = https.createServer({ key, cert: certificate }, (request, response) => {
    response.setHeader('content-type', 'application/json')
    if (request.url?.includes('watch=true')) {
      response.end(`${JSON.stringify({ type: 'ADDED', object: map })}\n`)
    } else response.end(JSON.stringify(map))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = connect(`https://127.0.0.1:${(server.address() as net.AddressInfo).port}`)
  assert.equal((await client.get(ConfigMap, at)).metadata.name, 'a')
  for await (const [event] of client.watch(ConfigMap, { signal: new AbortController().signal }))
    assert.equal(event?.type, 'ADDED')
  await client.close()
  await new Promise((resolve) => server.close(resolve))
})

test('https transport hands out an answer that was there before anybody read it', async () => {
  await using server = await serve((stream) => answer(stream, 200, { x: 'x'.repeat(100_000) }))
  const transport = httpsTransport({ server: server.url, ca: ca.certificate, clock: systemClock })
  for (let i = 0; i < 20; i++) {
    const { body } = await transport.raw({ method: 'POST', path: '/', body: '{}' })
    const { promise, resolve } = Promise.withResolvers<void>()
    // A ping's answer comes after all that was sent before.
    for (const session of server.sessions) session.ping(() => resolve())
    await promise
    await new Promise(setImmediate)
    assert.equal(Buffer.concat(await Array.fromAsync(body as AsyncIterable<Uint8Array>)).length, 100_008)
  }
  await transport.close()
})

for (const [how, cut] of [
  ['reset', (stream: http2.ServerHttp2Stream) => stream.destroy(new Error('broken'))],
  ['left', (stream: http2.ServerHttp2Stream) => stream.session?.destroy()],
] as const) {
  test(`https transport takes no part of an answer for the whole when the stream is ${how}`, async () => {
    await using server = await serve((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/json' })
      stream.write('{"kind":"ConfigMap","metadata":{"name":"a"}}', () => cut(stream))
    })
    await using client = connect(server.url)
    await assert.rejects(client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' } }), TransportError)
  })
}

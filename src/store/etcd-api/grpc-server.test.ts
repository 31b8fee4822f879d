import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http2 from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ensurePki } from '#cluster/pki.ts'
import { systemClock } from '#lib/clock.ts'
import { grpcFrame } from '#lib/grpc-frames.ts'
import { openMemoryStore } from '../memory.ts'
import { serveEtcdApi } from './serve.ts'

const folder = mkdtempSync(join(tmpdir(), 'nami-grpc-server-'))
after(() => rmSync(folder, { recursive: true, force: true }))

async function connected(body: (session: http2.ClientHttp2Session) => Promise<void>): Promise<void> {
  const { apiserver, ca, admin } = await ensurePki(join(folder, 'pki'), {
    domain: 'c',
    dnsNames: ['localhost'],
    addresses: ['127.0.0.1'],
  })
  const store = openMemoryStore({ clock: systemClock })
  const api = await serveEtcdApi({
    ...{ store, clock: systemClock, host: '127.0.0.1', port: 0, ...apiserver, clientCa: ca.certificate, name: 'test' },
    mayUse: () => true,
    snapshot: async function* () {},
  })
  const session = http2.connect(`https://localhost:${api.port}`, { ca: ca.certificate, cert: admin.certificate, key: admin.key })
  try {
    await body(session)
  } finally {
    session.destroy()
    await api.close()
    await store.close()
  }
}

function begin(session: http2.ClientHttp2Session, path: string): http2.ClientHttp2Stream {
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' })
  stream.on('error', () => {})
  return stream
}

async function statusOf(stream: http2.ClientHttp2Stream): Promise<string> {
  const [headers] = await once(stream, 'response')
  stream.resume()
  return `${headers['grpc-status']} ${decodeURIComponent(headers['grpc-message'])}`
}

const head = (length: number, compressed = 0) => Buffer.from([compressed, 0, length >> 16, (length >> 8) & 0xff, length & 0xff])

const cases: readonly (readonly [title: string, path: string, sent: Buffer, expected: RegExp])[] = [
  ['an unknown method', '/etcdserverpb.KV/Nothing', grpcFrame(Buffer.alloc(0)), /^12 .*does not implement the method/],
  ['no message', '/etcdserverpb.KV/Range', Buffer.alloc(0), /^12 Request message is missing/],
  ['a compressed message', '/etcdserverpb.KV/Range', head(9, 1), /^12 compressed messages/],
  ['a message that is too long', '/etcdserverpb.KV/Put', Buffer.from([0, 2, 0, 0, 0]), /^8 Received message larger than max/],
  ['a message that is none', '/etcdserverpb.KV/Put', grpcFrame(Buffer.from([0x0a, 0x7f])), /^13 Error deserializing request/],
  [
    'what etcd does not know',
    '/etcdserverpb.Auth/UserList',
    grpcFrame(Buffer.alloc(0)),
    /^9 etcdserver: authentication is not enabled/,
  ],
]

for (const [title, path, sent, expected] of cases) {
  test(`serveGrpc() refuses ${title} with its code`, async () => {
    await connected(async (session) => {
      const stream = begin(session, path)
      stream.end(sent)
      assert.match(await statusOf(stream), expected)
    })
  })
}

test('serveGrpc() outlives clients that are gone before they are answered', async () => {
  await connected(async (session) => {
    for (const path of ['/etcdserverpb.KV/Range', '/etcdserverpb.Watch/Watch', '/etcdserverpb.Lease/LeaseKeepAlive']) {
      for (const sent of [Buffer.alloc(0), head(9), grpcFrame(Buffer.from([0x0a, 0x01, 0x61]))]) {
        const stream = begin(session, path)
        stream.end(sent)
        stream.close(http2.constants.NGHTTP2_CANCEL)
        if (!stream.destroyed) await once(stream, 'close')
      }
    }
    const last = begin(session, '/etcdserverpb.KV/Nothing')
    last.end()
    assert.match(await statusOf(last), /^12 /)
  })
})

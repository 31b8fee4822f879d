/** Backends and clients that mean harm: what they send through the server must cost and confuse nobody else. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { askBackend } from './backend.ts'
import { rewriteHtml, rewritePage } from './rewrite-links.ts'

for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST']) {
  test(`the body of a ${method} is no request of its own`, async () => {
    const seen: string[] = []
    const server = createServer(async (request, response) => {
      const body = (await Array.fromAsync(request as AsyncIterable<Buffer>)).join('')
      seen.push(`${request.method} ${request.url} ${body}`)
      response.end()
    })
    server.on('clientError', (error) => seen.push(error.message))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const hidden = 'POST /run/evil HTTP/1.1\r\nhost: x\r\n\r\n'
    const headers = { host: 'backend' }
    const { signal } = new AbortController()
    const answer = await askBackend(socket, { method, target: '/x', headers, body: Readable.from([Buffer.from(hidden)]), signal })
    answer.message.resume()
    await once(socket, 'close')
    server.close()
    assert.deepEqual(seen, [`${method} /x ${hidden}`])
  })
}

for (const page of ['<a', '<a "', '<script>', '<!--', "<a href='", '<', '</script', '<script></script', '<a href="x" ']) {
  test(`rewriteHtml() of many ${page}`, () => {
    const html = page.repeat(200_000)
    const started = performance.now()
    rewriteHtml(html, (link) => link)
    assert(performance.now() - started < 5_000)
  })
}

const links = { prefix: '/proxy', hosts: [''] }

function message(chunks: readonly Buffer[], headers: Record<string, string> = {}): IncomingMessage {
  return Object.assign(Readable.from(chunks), { statusCode: 200, headers }) as unknown as IncomingMessage
}

test('a page that is small only while packed passes as it is', async () => {
  const packed = gzipSync(Buffer.alloc(64 * 1024 * 1024, '<a href="/x">'))
  const response = await rewritePage(message([packed], { 'content-encoding': 'gzip' }), { 'content-encoding': 'gzip' }, links)
  assert.equal(response.type, 'bytes')
  assert(response.type === 'bytes' && Buffer.from(response.bytes).equals(packed))
})

test('a page that never ends is not kept', async () => {
  const piece = Buffer.alloc(1 << 20, '<a href="/x">')
  const response = await rewritePage(message(Array(40).fill(piece)), {}, links)
  assert.equal(response.type, 'stream')
  let size = 0
  if (response.type === 'stream') for await (const chunk of response.chunks) size += chunk.length
  assert.equal(size, 40 << 20)
})

test('a page that is not what it says passes as it is', async () => {
  const response = await rewritePage(message([Buffer.from('no gzip')], { 'content-encoding': 'gzip' }), {}, links)
  assert(response.type === 'bytes' && Buffer.from(response.bytes).toString() === 'no gzip')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { httpsTransport } from '#client/https-transport.ts'
import { systemClock } from '#lib/clock.ts'
import { testCluster } from '#testing/cluster.ts'
import { listenOnLoopback } from '#testing/loopback.ts'
import type { Stage } from '../request.ts'

/** A log whose source breaks. */
const broken: Stage = (request, next) => {
  if (request.path !== '/broken') return next(request)
  async function* chunks() {
    yield Buffer.from('the first line\n')
    throw new Error('the node has gone')
  }
  return { type: 'stream', status: 200, chunks: chunks(), headers: { 'content-type': 'text/plain' } }
}

for (const http1 of [false, true]) {
  test(`an answer that breaks off over HTTP/${http1 ? 1 : 2} is not taken for a whole one`, async () => {
    await using cluster = await testCluster({ publish: [broken] })
    await using socket = await listenOnLoopback(cluster)
    const { certificate, key } = socket.pki.admin
    const ca = socket.pki.ca.certificate
    const transport = httpsTransport({
      server: `https://127.0.0.1:${socket.port}`,
      ca,
      certificate,
      key,
      clock: systemClock,
      http1,
    })
    const { status, body } = await transport.raw({ method: 'GET', path: '/broken' })
    assert.equal(status, 200)
    await assert.rejects(Array.fromAsync(body as AsyncIterable<Uint8Array>))
    await transport.close()
  })
}

/** Events delivered per second to 500 watchers on ten HTTP/2 connections, beside a raw node:http2 server that writes the same bytes to as many streams. */
import { once } from 'node:events'
import { connect, createSecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { testCluster } from '#testing/cluster.ts'
import { type LoopbackSocket, listenOnLoopback } from '#testing/loopback.ts'
import { defineBench } from './define-bench.ts'

const watchers = 500
const connections = 10
const events = 200
const path = '/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=0'

interface Task {
  readonly port: number
  readonly ca: string
  readonly cert: string
  readonly key: string
}

if (!isMainThread) await watch(workerData as Task)

export default defineBench({
  name: 'watch',
  async run(report) {
    await using cluster = await testCluster()
    const { client, server } = cluster
    await using front = await listenOnLoopback({ server, clock: systemClock, random: systemRandom })
    const data = { text: 'x'.repeat(500) }
    const made = await client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' }, data })
    const frame = Buffer.from(`${JSON.stringify({ type: 'MODIFIED', object: made })}\n`)
    const before = await rawRate(front, frame)
    const nami = await rate(front, async () => {
      for (let i = 0; i < events; i++) {
        await client.update(ConfigMap, {
          ...made,
          metadata: { name: 'a', namespace: 'default' } as never,
          data: { ...data, i: `${i}` },
        })
      }
    })
    const after = await rawRate(front, frame)
    report({
      what: `events to ${watchers} watchers, one write at a time`,
      value: nami,
      unit: '/s',
      limit: { what: 'raw HTTP/2', value: (before + after) / 2 },
    })
  },
})

/** Deliveries per second until every watcher has seen every event. */
async function rate({ port, pki }: Pick<LoopbackSocket, 'port' | 'pki'>, write: () => Promise<void>): Promise<number> {
  const { ca, admin } = pki
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { port, ca: ca.certificate, cert: admin.certificate, key: admin.key } satisfies Task,
  })
  await once(worker, 'message')
  const start = performance.now()
  const seen = once(worker, 'message')
  await write()
  await seen
  const elapsed = performance.now() - start
  await worker.terminate()
  return (watchers * events * 1000) / elapsed
}

async function rawRate({ pki }: LoopbackSocket, frame: Buffer): Promise<number> {
  const { ca, apiserver } = pki
  const streams: ServerHttp2Stream[] = []
  const server = createSecureServer({ key: apiserver.key, cert: apiserver.certificate, ca: ca.certificate })
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200 })
    stream.write(frame)
    stream.on('error', () => {})
    streams.push(stream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const result = await rate({ port, pki }, async () => {
    for (let i = 0; i < events; i++) {
      for (const stream of streams) stream.write(frame)
      await new Promise((resolve) => setImmediate(resolve))
    }
  })
  server.close()
  return result
}

/** In the worker: says when all watches have their first event, and when all have the last. */
async function watch({ port, ca, cert, key }: Task): Promise<void> {
  let [started, finished] = [0, 0]
  for (let c = 0; c < connections; c++) {
    const session = connect(`https://127.0.0.1:${port}`, { ca, cert, key })
    session.on('error', () => {})
    for (let w = 0; w < watchers / connections; w++) {
      const stream = session.request({ ':path': path })
      let lines = 0
      stream.on('error', () => {})
      stream.on('data', (chunk: Buffer) => {
        const first = lines === 0
        for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++
        if (first && lines > 0 && ++started === watchers) parentPort?.postMessage('watching')
        if (lines === events + 1) {
          lines++
          if (++finished === watchers) parentPort?.postMessage('seen')
        }
      })
    }
  }
}

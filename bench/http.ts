/** Reads per second through the whole API server, each beside a raw node:http2 server that sends the same bytes, in the same run. */
import { once } from 'node:events'
import { type ClientHttp2Session, connect, createSecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { testCluster } from '#testing/cluster.ts'
import { type LoopbackSocket, listenOnLoopback } from '#testing/loopback.ts'
import { pod } from '#testing/make.ts'
import { defineBench, type Figure } from './define-bench.ts'

const seconds = 2
const sessions = 4
const pod1 = '/api/v1/namespaces/default/pods/web'
const list = '/api/v1/namespaces/default/configmaps'

interface Task {
  readonly port: number
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly path: string
  readonly inFlight: number
  readonly seconds: number
}

interface Load {
  readonly perSecond: number
  readonly megabytes: number
  /** Microseconds of the serving thread's time for one request. */
  readonly cpu: number
}

if (!isMainThread) await load(workerData as Task)

export default defineBench({ name: 'http', run: main })

async function main(report: (figure: Figure) => void): Promise<void> {
  await using cluster = await testCluster()
  await cluster.client.create(
    Pod,
    pod('web', { labels: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`label-${i}`, 'x'.repeat(50)])) }),
  )
  const data = { text: 'x'.repeat(900) }
  for (let i = 0; i < 10_000; i++)
    await cluster.client.create(ConfigMap, { metadata: { name: `m${i}`, namespace: 'default' }, data })
  await using front = await listenOnLoopback({ server: cluster.server, clock: systemClock, random: systemRandom })
  report(await compare('GET of one pod', { front, path: pod1, inFlight: 64 }))
  report(await compare('LIST of 10,000 ConfigMaps', { front, path: list, inFlight: 1 }))
}

async function compare(
  what: string,
  { front, path, inFlight }: { front: LoopbackSocket; path: string; inFlight: number },
): Promise<Figure> {
  const { pki } = front
  const how = { ca: pki.ca.certificate, cert: pki.admin.certificate, key: pki.admin.key, path, inFlight, seconds }
  const raw = await rawServer(front, path)
  const before = await run({ ...how, port: raw.port })
  const nami = await run({ ...how, port: front.port })
  const after = await run({ ...how, port: raw.port })
  raw.close()
  const limit = (before.perSecond + after.perSecond) / 2
  const size = Math.round((nami.megabytes * 1e6) / nami.perSecond)
  const cpu = (before.cpu + after.cpu) / 2
  const work = `thread time for one: ratio ${(cpu / nami.cpu).toFixed(2)}, ${Math.round(nami.cpu)} and ${Math.round(cpu)} us`
  return {
    what,
    value: nami.perSecond,
    unit: '/s',
    limit: { what: 'raw node:http2', value: limit },
    note: `${size.toLocaleString('en')} bytes; ${work}`,
  }
}

/** Answers everything with what the API server says to `path`, without looking. */
async function rawServer({ port, pki }: LoopbackSocket, path: string) {
  const { ca, admin, apiserver } = pki
  const session = connect(`https://127.0.0.1:${port}`, { ca: ca.certificate, cert: admin.certificate, key: admin.key })
  const bytes = Buffer.concat(await Array.fromAsync(session.request({ ':path': path }) as AsyncIterable<Buffer>))
  session.destroy()
  const own = {
    key: apiserver.key,
    cert: apiserver.certificate,
    ca: ca.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  }
  const server = createSecureServer({ ...own, settings: { initialWindowSize: 1 << 20 } })
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/json', 'content-length': bytes.length })
    stream.end(bytes)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

async function run(task: Task): Promise<Load> {
  const worker = new Worker(new URL(import.meta.url), { workerData: task })
  await once(worker, 'message')
  const start = process.threadCpuUsage()
  const [figure] = await once(worker, 'message')
  const { user, system } = process.threadCpuUsage(start)
  await worker.terminate()
  return { ...figure, cpu: (user + system) / figure.requests }
}

async function load({ port, ca, cert, key, path, inFlight, seconds }: Task): Promise<void> {
  const open = Array.from({ length: Math.min(sessions, inFlight) }, () =>
    connect(`https://127.0.0.1:${port}`, { ca, cert, key, settings: { initialWindowSize: 4 << 20 } }),
  )
  await Promise.all(open.map((session) => once(session, 'connect')))
  for (const session of open) session.setLocalWindowSize(64 << 20)
  let requests = 0
  let bytes = 0
  const take = (size: number) => {
    requests++
    bytes += size
  }
  const work = async (until: number) => {
    const worker = async (session: ClientHttp2Session) => {
      while (performance.now() < until) take(await read(session, path))
    }
    await Promise.all(Array.from({ length: inFlight }, (_, i) => worker(open[i % open.length] as ClientHttp2Session)))
  }
  await work(performance.now() + 1000)
  requests = bytes = 0
  parentPort?.postMessage('warm')
  const start = performance.now()
  await work(start + seconds * 1000)
  const elapsed = (performance.now() - start) / 1000
  parentPort?.postMessage({ requests, perSecond: requests / elapsed, megabytes: bytes / elapsed / 1e6 })
  for (const session of open) session.destroy()
}

function read(session: ClientHttp2Session, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path })
    let size = 0
    stream.on('data', (chunk) => {
      size += chunk.length
    })
    stream.on('end', () => resolve(size))
    stream.on('error', reject)
  })
}

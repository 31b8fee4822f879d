/** Objects created per second over HTTPS on the durable store of a whole server, beside raw SQLite committing as many bytes in groups of the same size. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type ClientHttp2Session, connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { openControlPlane } from '#testing/control-plane.ts'
import { defineBench } from './define-bench.ts'

const inFlight = 64
const sessions = 4
const seconds = 3
const path = '/api/v1/namespaces/default/configmaps'

interface Task {
  readonly server: string
  readonly ca: string
  readonly cert: string
  readonly key: string
}

if (!isMainThread) await load(workerData as Task)

export default defineBench({
  name: 'create',
  async run(report) {
    const directory = mkdtempSync(join(process.env.NAMI_BENCH_DIR ?? tmpdir(), 'nami-bench-'))
    try {
      const before = raw(join(directory, 'before.db'))
      const { perSecond, p99, cpu } = await creations()
      const after = raw(join(directory, 'after.db'))
      report({
        what: `ConfigMaps of 1 KB created by ${inFlight} clients over HTTPS`,
        value: perSecond,
        unit: '/s',
        limit: { what: 'raw SQLite in groups', value: (before + after) / 2 },
        note: `p99 ${p99.toFixed(1)} ms; ${Math.round(cpu)} us of the serving thread for each`,
      })
    } finally {
      rmSync(directory, { recursive: true })
    }
  },
})

async function creations(): Promise<{ perSecond: number; p99: number; cpu: number }> {
  await using plane = await openControlPlane()
  const { server, ca, certificate: cert, key } = plane.administrator
  const worker = new Worker(new URL(import.meta.url), { workerData: { server, ca, cert, key } satisfies Task })
  await once(worker, 'message')
  const start = process.threadCpuUsage()
  const [{ perSecond, p99, requests }] = await once(worker, 'message')
  const { user, system } = process.threadCpuUsage(start)
  await worker.terminate()
  return { perSecond, p99, cpu: (user + system) / requests }
}

async function load({ server, ...identity }: Task): Promise<void> {
  const open = Array.from({ length: sessions }, () => connect(server, identity))
  await Promise.all(open.map((session) => once(session, 'connect')))
  const took: number[] = []
  const all = (prefix: string, end: number) =>
    Promise.all(
      Array.from({ length: inFlight }, async (_, client) => {
        for (let i = 0; performance.now() < end; i++) {
          const asked = performance.now()
          await create(open[client % sessions] as ClientHttp2Session, `${prefix}-${client}-${i}`)
          took.push(performance.now() - asked)
        }
      }),
    )
  await all('warm', performance.now() + 1500)
  took.length = 0
  parentPort?.postMessage('warm')
  const start = performance.now()
  await all('c', start + seconds * 1000)
  const perSecond = (took.length * 1000) / (performance.now() - start)
  took.sort((a, b) => a - b)
  parentPort?.postMessage({ perSecond, p99: took[Math.floor(took.length * 0.99)], requests: took.length })
  for (const session of open) session.destroy()
}

function create(session: ClientHttp2Session, name: string): Promise<void> {
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/json' })
  stream.end(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { text: 'x'.repeat(900) } }))
  return new Promise((resolve, reject) => {
    stream.on('response', (headers) => headers[':status'] !== 201 && reject(new Error(`answered ${headers[':status']}`)))
    stream.on('error', reject)
    stream.on('end', resolve)
    stream.resume()
  })
}

function raw(file: string): number {
  const database = new DatabaseSync(file)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec('CREATE TABLE log (id INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB NOT NULL)')
  const insert = database.prepare('INSERT INTO log (key, value) VALUES (?, ?)')
  const value = new Uint8Array(1100).fill(97)
  const start = performance.now()
  let commits = 0
  for (; performance.now() < start + 1000; commits += inFlight) {
    database.exec('BEGIN IMMEDIATE')
    for (let i = 0; i < inFlight; i++) insert.run(`/registry/configmaps/default/c${i}-${commits}`, value)
    database.exec('COMMIT')
  }
  const elapsed = performance.now() - start
  database.close()
  return (commits * 1000) / elapsed
}

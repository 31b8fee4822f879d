/** Starts with much state: the store alone, and the server's process until it is ready. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type ClusterConfig, dataDirectory, loadConfig } from '#cluster/data-directory.ts'
import { openStore } from '#cluster/open-store.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { importSqlite } from '#store/sqlite-restore.ts'
import type { Row } from '#store/store.ts'
import type { Figure } from '../define-bench.ts'
import { cause, value, withStore } from './bench-store.ts'
import { aloneAt } from './control-plane.ts'
import { median, memoryOf } from './timing.ts'

type Report = (figure: Figure) => void

const counts = [150_000, 1_000_000]

export async function benchStart(directory: string, report: Report): Promise<void> {
  for (const count of counts) {
    const path = join(directory, `start-${count}.db`)
    await importSqlite(path, { rows: rowsOf(count), leases: [], above: count })
    const start = performance.now()
    await withStore(path, async (store) => {
      const { count: found } = await store.range({ key: '/', end: '0', countOnly: true })
      if (found !== count) throw new Error(`${found} of ${count}`)
      report({
        what: `start with ${count.toLocaleString('en')} keys of 1 KB, the store alone`,
        value: performance.now() - start,
        unit: 'ms',
      })
    })
    rmSync(path)
  }
}

function* rowsOf(count: number): Generator<Row> {
  for (let i = 0; i < count; i++) {
    const [key, revision] = [`/registry/pods/namespace-${i % 1000}/pod-${i}`, i + 2]
    yield { key, value, revision, subRevision: 0, createRevision: revision, version: 1, lease: 0 }
  }
}

const objects = 150_000
const rounds = 3
const bin = fileURLToPath(new URL('../../bin/nami.ts', import.meta.url))

/** `nami server` as the supervisor starts it, on a data directory that holds many pods, from the first instruction until /readyz says so. */
export async function benchServing(directory: string, report: Report): Promise<void> {
  const root = join(directory, 'serving')
  mkdirSync(root)
  const { call, up, data } = aloneAt(root)
  try {
    await up()
    await call('down')
    const directory = dataDirectory(data)
    const { port } = loadConfig(directory) as ClusterConfig
    const server: Server = { root, data, port, ca: readFileSync(join(directory.pki, 'ca.crt')) }
    await startServer(server)
    const empty = await each(server)
    for (const size of [1024, 4096]) {
      await fill(data, size)
      const { took, memory } = await each(server)
      report({
        what: `server with ${objects.toLocaleString('en')} pods of ${size / 1024} KB from its start until it is ready`,
        value: took,
        unit: 'ms',
        note: `median of ${rounds}; without them ${Math.round(empty.took)} ms; PSS when ready ${Math.round(memory)} MB, without them ${Math.round(empty.memory)} MB`,
      })
    }
  } finally {
    await call('down', '--delete').catch(() => {})
  }
}

interface Server {
  readonly root: string
  readonly data: string
  readonly port: number
  readonly ca: Buffer
}

async function each(server: Server): Promise<{ took: number; memory: number }> {
  const starts: { took: number; memory: number }[] = []
  for (let round = 0; round < rounds; round++) starts.push(await startServer(server))
  return { took: median(starts.map(({ took }) => took)), memory: median(starts.map(({ memory }) => memory)) }
}

/** Killed when it is ready, as a machine that loses its power. */
async function startServer(server: Server): Promise<{ took: number; memory: number }> {
  const flags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=8']
  const env = { ...process.env, HOME: server.root, NODE_COMPILE_CACHE: join(server.root, 'cache/nami/compiled') }
  const start = performance.now()
  const child = spawn(process.execPath, [...flags, bin, 'server', '--data-dir', server.data], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(child, 'close')
  while (!(await isReady(server, child))) await setTimeout(5)
  const took = performance.now() - start
  const memory = memoryOf(child.pid as number)
  child.kill('SIGKILL')
  await ended
  return { took, memory }
}

function isReady({ port, ca }: Server, child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`)
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path: '/readyz', ca, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    asked.on('error', () => resolve(false))
    asked.end()
  })
}

/** Finished pods, for which nothing has to be done, written some time ago: they are in the history, and compacted. */
async function fill(data: string, size: number): Promise<void> {
  const directory = dataDirectory(data)
  const config = loadConfig(directory) as ClusterConfig
  const log = { info() {}, error: (_: string, error: unknown) => console.error(error) }
  const { store, recorder, close } = await openStore({ directory, config, clock: systemClock, random: systemRandom, log })
  const atOnce = 1000
  for (let done = 0; done < objects; done += atOnce) {
    const group = Array.from({ length: atOnce }, (_, i) => {
      const name = `pod-${done + i}`
      const put = {
        op: 'put' as const,
        key: `/registry/pods/namespace-${i}/${name}`,
        value: podBytes(name, `namespace-${i}`, size),
      }
      return store.txn({ compare: [], success: [put], cause })
    })
    await Promise.all(group)
    await recorder.flush()
  }
  await store.compact((await store.status()).revision)
  await close()
}

function podBytes(name: string, namespace: string, size: number): Buffer {
  const pod = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name,
      namespace,
      uid: `00000000-0000-0000-0000-${name}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      annotations: { padding: '' },
    },
    spec: {
      nodeName: 'node-1',
      restartPolicy: 'Never',
      containers: [{ name: 'main', image: 'main', imagePullPolicy: 'Always' }],
    },
    status: { phase: 'Succeeded', qosClass: 'BestEffort' },
  }
  pod.metadata.annotations.padding = 'a'.repeat(size - JSON.stringify(pod).length)
  return Buffer.from(JSON.stringify(pod))
}

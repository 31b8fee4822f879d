/** Starts with much state: the store alone, and the server's process until it is ready. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { type RequestOptions, request } from 'node:https'
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
    const file = (name: string) => readFileSync(join(directory.pki, name))
    const server: Server = { root, data, port, ca: file('ca.crt'), cert: file('admin.crt'), key: file('admin.key') }
    await fill(data, nodesOf)
    await startServer(server)
    const empty = await each(server)
    for (const size of [1024, 4096]) {
      await fill(data, podsOf(size))
      const { ready, working, slowest, memory } = await each(server)
      const what = `server with ${objects.toLocaleString('en')} pods of ${size / 1024} KB from its start until`
      report({
        what: `${what} it is ready`,
        value: ready,
        unit: 'ms',
        note: `median of ${rounds}; without them ${Math.round(empty.ready)} ms; PSS ${Math.round(memory)} MB, without them ${Math.round(empty.memory)} MB`,
      })
      report({
        what: `${what} controllers and scheduler work`,
        value: working,
        unit: 'ms',
        note: `a new Deployment has a pod on a node; the slowest answer meanwhile took ${Math.round(slowest)} ms; without pods ${Math.round(empty.working)} ms`,
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
  readonly cert: Buffer
  readonly key: Buffer
}

/** Milliseconds, and MB. */
interface Start {
  readonly ready: number
  readonly working: number
  readonly slowest: number
  readonly memory: number
}

async function each(server: Server): Promise<Start> {
  const starts: Start[] = []
  for (let round = 0; round < rounds; round++) starts.push(await startServer(server))
  const middle = (what: keyof Start) => median(starts.map((start) => start[what]))
  return { ready: middle('ready'), working: middle('working'), slowest: middle('slowest'), memory: middle('memory') }
}

/** Killed in the end, as a machine that loses its power. */
async function startServer(server: Server): Promise<Start> {
  const flags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=8']
  const env = { ...process.env, HOME: server.root, NODE_COMPILE_CACHE: join(server.root, 'cache/nami/compiled') }
  const start = performance.now()
  const child = spawn(process.execPath, [...flags, bin, 'server', '--data-dir', server.data], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(child, 'close')
  const ask = async (options: RequestOptions, body?: unknown) => {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`)
    return call(server, options, body)
  }
  try {
    while ((await ask({ path: '/readyz' })).status !== 200) await setTimeout(5)
    const ready = performance.now() - start
    const memory = memoryOf(child.pid as number)
    const slowest = await untilWorking(ask)
    return { ready, working: performance.now() - start, slowest, memory }
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

type Ask = (options: RequestOptions, body?: unknown) => Promise<{ status: number; body: string }>

/** A Deployment comes as far as a pod on a node; answers the longest time that an answer took. */
async function untilWorking(ask: Ask): Promise<number> {
  const name = `first-${process.hrtime.bigint()}`
  const template = {
    metadata: { labels: { name } },
    spec: { automountServiceAccountToken: false, containers: [{ name: 'main', image: 'main' }] },
  }
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { selector: { matchLabels: { name } }, template },
  }
  const pods = `/api/v1/namespaces/default/pods?labelSelector=name%3D${name}`
  let slowest = 0
  const timed: Ask = async (...question) => {
    const asked = performance.now()
    const answer = await ask(...question)
    slowest = Math.max(slowest, performance.now() - asked)
    return answer
  }
  await timed({ method: 'POST', path: '/apis/apps/v1/namespaces/default/deployments' }, deployment)
  while (!(await timed({ path: pods })).body.includes('"nodeName"')) await setTimeout(5)
  return slowest
}

/** As the administrator; status 0: nobody answers. */
function call(
  { port, ca, cert, key }: Server,
  options: RequestOptions,
  body?: unknown,
): Promise<{ status: number; body: string }> {
  const headers = { 'content-type': 'application/json' }
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, ca, cert, key, agent: false, headers, ...options }, async (response) => {
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(await Array.fromAsync(response)).toString() })
    })
    asked.on('error', () => resolve({ status: 0, body: '' }))
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

const atOnce = 1000

/** Pods that run, for which nothing has to be done, written some time ago: they are in the history, and compacted. */
function podsOf(size: number): Writes {
  return {
    count: objects,
    at(i) {
      const [name, namespace] = [`pod-${i}`, `namespace-${i % atOnce}`]
      const value = podBytes({ name, namespace, node: `node-${i % nodesOf.count}` }, size)
      return { key: `/registry/pods/${namespace}/${name}`, value }
    },
  }
}

const nodesOf: Writes = {
  count: 1500,
  at: (i) => ({ key: `/registry/minions/node-${i}`, value: nodeBytes(`node-${i}`) }),
}

interface Writes {
  readonly count: number
  at(i: number): { readonly key: string; readonly value: Buffer }
}

async function fill(data: string, writes: Writes): Promise<void> {
  const directory = dataDirectory(data)
  const config = loadConfig(directory) as ClusterConfig
  const log = { info() {}, error: (_: string, error: unknown) => console.error(error) }
  const { store, recorder, close } = await openStore({ directory, config, clock: systemClock, random: systemRandom, log })
  for (let done = 0; done < writes.count; done += atOnce) {
    const group = Array.from({ length: Math.min(atOnce, writes.count - done) }, (_, i) =>
      store.txn({ compare: [], success: [{ op: 'put', ...writes.at(done + i) }], cause }),
    )
    await Promise.all(group)
    await recorder.flush()
  }
  await store.compact((await store.status()).revision)
  await close()
}

function nodeBytes(name: string): Buffer {
  const size = { cpu: '64', memory: '256Gi', pods: '250' }
  const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: created, lastTransitionTime: created }]
  const metadata = { name, uid: `00000000-0000-0000-0000-${name}`, creationTimestamp: created }
  const status = { capacity: size, allocatable: size, conditions }
  return Buffer.from(JSON.stringify({ kind: 'Node', apiVersion: 'v1', metadata, spec: {}, status }))
}

const created = '2026-01-01T00:00:00Z'

function podBytes({ name, namespace, node }: { name: string; namespace: string; node: string }, size: number): Buffer {
  const pod = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name,
      namespace,
      uid: `00000000-0000-0000-0000-${name}`,
      creationTimestamp: created,
      annotations: { padding: '' },
    },
    spec: {
      nodeName: node,
      restartPolicy: 'Always',
      containers: [{ name: 'main', image: 'main', imagePullPolicy: 'Always' }],
    },
    status: {
      phase: 'Running',
      qosClass: 'BestEffort',
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: created }],
    },
  }
  pod.metadata.annotations.padding = 'a'.repeat(size - JSON.stringify(pod).length)
  return Buffer.from(JSON.stringify(pod))
}

/** Events delivered per second to 1,000 watchers of one kind, beside the same bytes written one by one to 1,000 bare TLS sockets. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import type { Client } from '#client/client.ts'
import type { Pki } from '#cluster/pki.ts'
import { defineBench } from './define-bench.ts'
import { type BenchServer, benchServer } from './load/bench-server.ts'
import type { Target } from './load/load-client.ts'
import type { Watching } from './load/watch-process.ts'

const watchers = 1000
const rounds = 3
/** Writes of a round. */
const events = 64
const objects = 16
const path = '/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=0'
/** With several writes under way at once, as when controllers are busy, events come in batches. */
const shapes = [
  { connections: 1000, streams: 1, writers: 16 },
  { connections: 100, streams: 10, writers: 16 },
  { connections: 100, streams: 10, writers: 1 },
]

export default defineBench({
  name: 'watch',
  async run(report) {
    await using nami = await benchServer({ durable: true, strict: true })
    const frame = await firstFrame(nami.client)
    await using raw = await rawSockets(nami.pki)
    const limit = await Watchers.open({ target: { ...nami.target, port: raw.port }, connections: watchers, streams: 1 })
    while (raw.sockets.size < watchers) await new Promise((resolve) => setTimeout(resolve, 10))
    for (const { connections, streams, writers } of shapes) {
      using own = await Watchers.open({ target: nami.target, path, connections, streams })
      await own.more(0)
      const sides = await inTurns(limit, own, { frame, nami, sockets: raw.sockets, writers })
      const cpu = `thread time for one: ${sides.nami.cpu.toFixed(1)} and ${sides.limit.cpu.toFixed(1)} us, ratio ${(sides.limit.cpu / sides.nami.cpu).toFixed(2)}`
      report({
        what: `events to ${watchers} watchers on ${connections} connections, ${writers} durable writes at a time`,
        value: sides.nami.perSecond,
        unit: '/s',
        limit: { what: 'raw TLS writes one by one', value: sides.limit.perSecond },
        note: `${frame.length} bytes; ${cpu}`,
      })
    }
    limit[Symbol.dispose]()
  },
})

interface Pace {
  readonly perSecond: number
  readonly cpu: number
}

interface Turns {
  readonly frame: Uint8Array
  readonly nami: BenchServer
  readonly writers: number
  readonly sockets: ReadonlySet<TLSSocket>
}

async function inTurns(
  limit: Watchers,
  own: Watchers,
  { frame, nami, sockets, writers }: Turns,
): Promise<{ limit: Pace; nami: Pace }> {
  const raw: Pace[] = []
  const served: Pace[] = []
  for (let round = 0; round <= rounds; round++) {
    const writeRaw = async () => {
      for (let i = 0; i < events; i++) {
        for (const socket of sockets) socket.write(frame)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const [a, b] = [await measure(limit, writeRaw), await measure(own, () => change(nami.client, writers))]
    // The first is to get warm.
    if (round > 0) raw.push(a)
    if (round > 0) served.push(b)
  }
  return { limit: median(raw), nami: median(served) }
}

async function measure(seeing: Watchers, write: () => Promise<void>): Promise<Pace> {
  const before = process.threadCpuUsage()
  const start = performance.now()
  const seen = seeing.more(events)
  await write()
  await seen
  const { user, system } = process.threadCpuUsage(before)
  const delivered = watchers * events
  return { perSecond: (delivered * 1000) / (performance.now() - start), cpu: (user + system) / delivered }
}

function median(paces: readonly Pace[]): Pace {
  const middle = (read: (pace: Pace) => number) => paces.map(read).sort((a, b) => a - b)[paces.length >> 1] as number
  return { perSecond: middle((pace) => pace.perSecond), cpu: middle((pace) => pace.cpu) }
}

const name = (writer: number) => ({ name: `m${writer}`, namespace: 'default' })
const data = { text: 'x'.repeat(500) }
let changes = 0

async function change(client: Client, writers: number): Promise<void> {
  const writer = async (number: number) => {
    for (let i = 0; i < events / writers; i++) {
      await client.update(ConfigMap, { metadata: name(number), data: { ...data, i: `${changes++}` } } as never)
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, i) => writer(i)))
}

/** Every watcher begins with what there is, a line for each object. */
async function firstFrame(client: Client): Promise<Uint8Array> {
  let last: unknown
  for (let i = 0; i < objects; i++) last = await client.create(ConfigMap, { metadata: name(i), data })
  return Buffer.from(`${JSON.stringify({ type: 'MODIFIED', object: last })}\n`)
}

class Watchers implements Disposable {
  #child: ChildProcess
  #lines: number

  constructor(child: ChildProcess, lines: number) {
    this.#child = child
    this.#lines = lines
  }

  static async open(watching: { target: Target; path?: string; connections: number; streams: number }): Promise<Watchers> {
    const child = fork(new URL('./load/watch-process.ts', import.meta.url), {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      serialization: 'advanced',
    })
    child.send({ type: 'open', watching: watching satisfies Watching })
    return new Watchers(child, watching.path === undefined ? 0 : objects)
  }

  /** Resolves when all have seen so many more lines. */
  async more(lines: number): Promise<void> {
    this.#lines += lines
    const seen = once(this.#child, 'message')
    this.#child.send({ type: 'await', lines: this.#lines })
    await seen
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }
}

async function rawSockets({ apiserver, ca }: Pki) {
  const sockets = new Set<TLSSocket>()
  const own = {
    key: apiserver.key,
    cert: apiserver.certificate,
    ca: ca.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  }
  const server = createServer(own, (socket) => {
    socket.setNoDelay(true)
    socket.on('error', () => {})
    sockets.add(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    sockets,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

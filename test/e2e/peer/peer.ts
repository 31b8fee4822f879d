/**
 * Runs in pods and on the node of the network tests: answers, asks others when it is told to, and keeps asking at a rate. Its argument is the
 * port, for HTTP and for UDP.
 */
import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { Agent, createServer, get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { hostname } from 'node:os'
import { answersTo } from './ask-dns.ts'

const port = Number(process.argv[2] ?? 8080)
let isReady = true
let isEnding = false

interface Answered {
  readonly pod: string
  /** The client as the pod saw it. */
  readonly from: string
}

export interface Report {
  readonly sent: number
  readonly failed: readonly string[]
  /** Milliseconds since the epoch at which a request was sent, and who answered it. */
  readonly answers: readonly (readonly [sentAt: number, pod: string])[]
}

type Query = URLSearchParams
type Page = (query: Query) => unknown

const pages: Record<string, Page> = {
  '/ready': (query) => {
    isReady = query.get('is') !== 'false'
    return isReady
  },
  '/ask': (query) => ask(query.get('url') ?? '', false),
  '/many': (query) => many(query.get('url') ?? '', Number(query.get('count'))),
  '/load': (query) => startLoad(query),
  '/report': (query) => endLoad(query.get('id') ?? ''),
  '/connect': (query) => timed(() => open(query.get('host') ?? '', Number(query.get('port')))),
  '/datagram': (query) => timed(() => exchange(query)),
  '/name': (query) =>
    timed(async () => (await lookup(query.get('name') ?? '', { all: true, family: 4 })).map((one) => one.address).sort()),
  '/records': (query) =>
    timed(() => answersTo(query.get('name') ?? '', { type: query.get('type') ?? 'A', tcp: query.has('tcp') })),
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://peer')
  if (isEnding) response.setHeader('connection', 'close')
  if (pathname === '/') return response.end(JSON.stringify({ pod: hostname(), from: request.socket.remoteAddress }))
  if (pathname === '/readyz') return response.writeHead(isReady ? 200 : 503).end()
  try {
    response.end(JSON.stringify((await pages[pathname]?.(searchParams)) ?? null))
  } catch (error) {
    response.writeHead(502).end((error as Error).message)
  }
})

async function timed<T>(action: () => Promise<T>): Promise<{ result: T | string; milliseconds: number }> {
  const began = performance.now()
  const result = await action().catch((error: NodeJS.ErrnoException) => error.code ?? error.message)
  return { result, milliseconds: performance.now() - began }
}

/** A server may close a connection that was kept just when the next request leaves on it: as browsers and Go do, that one is sent again. */
function ask(url: string, agent: Agent | false): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent, timeout: 5000 }, async (response: IncomingMessage) => {
      try {
        let body = ''
        for await (const chunk of response.setEncoding('utf8')) body += chunk
        if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
        resolve(JSON.parse(body))
      } catch (error) {
        reject(error as Error)
      }
    })
    request.on('timeout', () => request.destroy(new Error('timed out')))
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (request.reusedSocket && error.code === 'ECONNRESET') resolve(ask(url, agent))
      else reject(error)
    })
  })
}

/** How often each pod answered, over connections of their own, a few at a time. */
async function many(url: string, count: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  let left = count
  const worker = async () => {
    while (left-- > 0) {
      const { pod } = await ask(url, false)
      counts[pod] = (counts[pod] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return counts
}

interface Load {
  readonly report: { sent: number; failed: string[]; answers: [number, string][] }
  readonly open: Set<Promise<void>>
  readonly timer: NodeJS.Timeout
}

const loads = new Map<string, Load>()

/** So many requests a second, whether or not earlier ones are answered. */
function startLoad(query: Query): string {
  const [url, rate] = [query.get('url') ?? '', Number(query.get('rate'))]
  const agent = query.has('keep') && new Agent({ keepAlive: true, maxSockets: 20 })
  const report: Load['report'] = { sent: 0, failed: [], answers: [] }
  const open = new Set<Promise<void>>()
  const began = performance.now()
  const one = () => {
    const at = Date.now()
    report.sent++
    const done: Promise<void> = ask(url, agent)
      .then(
        ({ pod }) => void report.answers.push([at, pod]),
        (error: NodeJS.ErrnoException) =>
          void report.failed.push(
            `sent at ${new Date(at).toISOString()}, after ${Date.now() - at} ms: ${error.code ?? error.message}`,
          ),
      )
      .finally(() => open.delete(done))
    open.add(done)
  }
  const timer = setInterval(() => {
    while (report.sent < ((performance.now() - began) / 1000) * rate) one()
  }, 5)
  const id = String(loads.size)
  loads.set(id, { report, open, timer })
  return id
}

async function endLoad(id: string): Promise<Report | undefined> {
  const load = loads.get(id)
  if (!load) return undefined
  clearInterval(load.timer)
  await Promise.all(load.open)
  return load.report
}

function open(host: string, to: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: to, timeout: 4000 }, () => {
      socket.destroy()
      resolve('connected')
    })
    socket.on('timeout', () => socket.destroy(new Error('timed out'))).on('error', reject)
  })
}

const sockets = new Map<string, Socket>()

/** One datagram from a port that stays the same for all that are sent `as` that, and who answered it. */
function exchange(query: Query): Promise<string> {
  const as = query.get('as') ?? ''
  const socket = sockets.get(as) ?? createSocket('udp4')
  sockets.set(as, socket)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('timed out')), Number(query.get('patience') ?? 1000))
    socket.removeAllListeners()
    socket.once('message', (message) => {
      clearTimeout(timer)
      resolve(message.toString())
    })
    socket.once('error', reject)
    socket.send('who?', Number(query.get('port')), query.get('host') ?? '')
  })
}

const echo = createSocket('udp4', (_message, from) => echo.send(hostname(), from.port, from.address))
echo.bind(port)
server.listen(port, () => console.log(`listening on ${port}`))

/** Clients that keep connections open learn with an answer that it was the last one there. */
process.on('SIGTERM', () => {
  isEnding = true
  setTimeout(() => server.close(() => process.exit(0)), 500)
})

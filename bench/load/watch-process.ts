/** Many watchers in a process of their own: tells when all have begun, and when each has been sent so many lines. */
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import type { Target } from './load-client.ts'

export interface Watching {
  readonly target: Target
  /** undefined: nothing is asked, the server sends by itself on a bare TLS socket. */
  readonly path?: string
  readonly connections: number
  readonly streams: number
}

type Question =
  | { readonly type: 'open'; readonly watching: Watching }
  /** Answered when every watcher has seen so many lines since it was opened. */
  | { readonly type: 'await'; readonly lines: number }

const counts: number[] = []
let wanted = Number.POSITIVE_INFINITY
let behind = 0

process.on('message', (question: Question) => {
  if (question.type === 'await') return expect(question.lines)
  open(question.watching)
})

function expect(lines: number): void {
  wanted = lines
  behind = counts.filter((count) => count < lines).length
  if (behind === 0) process.send?.('seen')
}

function open({ target, path, connections, streams }: Watching): void {
  const { port, ca, cert, key } = target
  counts.length = 0
  for (let c = 0; c < connections; c++) {
    if (path === undefined) {
      const socket = connectTls({ host: '127.0.0.1', port, ca, cert, key, servername: 'localhost' })
      counts.push(0)
      count(socket, counts.length - 1)
      continue
    }
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca, cert, key, settings: { initialWindowSize: 4 << 20 } })
    session.on('error', () => {})
    session.on('connect', () => session.setLocalWindowSize(32 << 20))
    for (let s = 0; s < streams; s++) {
      counts.push(0)
      count(session.request({ ':path': path }), counts.length - 1)
    }
  }
}

function count(stream: NodeJS.ReadableStream, watcher: number): void {
  stream.on('error', () => {})
  stream.on('data', (chunk: Buffer) => {
    const before = counts[watcher] as number
    let lines = before
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++
    counts[watcher] = lines
    if (before < wanted && lines >= wanted && --behind === 0) process.send?.('seen')
  })
}

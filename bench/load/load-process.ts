/** The process of `load-client.ts`. */
import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { FrameClient } from './frame-client.ts'
import type { Load, Question, Round, Target } from './load-client.ts'

interface Opened {
  readonly load: Load
  readonly lines: readonly Line[]
}

type Line = ClientHttp2Session | TLSSocket | FrameClient

const opened = new Map<number, Opened>()
let names = 0

process.on('message', (question: Question) => {
  answer(question).then(
    (result) => process.send?.({ id: question.id, result }),
    (error) => process.send?.({ id: question.id, error: String(error) }),
  )
})

async function answer(question: Question): Promise<unknown> {
  if (question.type === 'run') return run(question)
  const { load, id } = question
  opened.set(id, { load, lines: await Promise.all(Array.from({ length: load.connections }, () => lineOf(load))) })
  return undefined
}

async function lineOf({ target, rawBytes, plain }: Load): Promise<Line> {
  if (plain) {
    const client = new FrameClient(target)
    await client.open()
    return client
  }
  const line = rawBytes ? openTls(target) : open(target)
  await once(line, rawBytes ? 'secureConnect' : 'remoteSettings')
  return line
}

function open({ port, ca, cert, key }: Target): ClientHttp2Session {
  const session = connect(`https://127.0.0.1:${port}`, { ca, cert, key, settings: { initialWindowSize: 16 << 20 } })
  session.on('connect', () => session.setLocalWindowSize(64 << 20))
  session.setMaxListeners(0)
  return session
}

function openTls({ port, ca, cert, key }: Target): TLSSocket {
  return connectTls({ host: '127.0.0.1', port, ca, cert, key, servername: 'localhost' })
}

async function run({ id, milliseconds, requests = Infinity, perSecond }: Question & { type: 'run' }): Promise<Round> {
  const { load, lines } = opened.get(id) as Opened
  const took: number[] = []
  let bytes = 0
  let begun = 0
  const start = performance.now()
  const worker = async (line: Line, number: number) => {
    while (performance.now() - start < milliseconds && begun < requests) {
      const due = perSecond ? start + (begun * 1000) / perSecond : 0
      const turn = begun++
      const early = due - performance.now()
      if (early > 1) await new Promise((resolve) => setTimeout(resolve, early))
      const asked = performance.now()
      const size = await ask(line, load, { number, turn })
      bytes += size
      took.push(performance.now() - asked)
    }
  }
  await Promise.all(
    lines.flatMap((line, at) => Array.from({ length: load.streams }, (_, i) => worker(line, at * load.streams + i))),
  )
  const seconds = (performance.now() - start) / 1000
  took.sort((a, b) => a - b)
  const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0
  return { requests: took.length, seconds, bytes, p50: at(0.5), p99: at(0.99), worst: at(1) }
}

interface Place {
  readonly number: number
  readonly turn: number
}

/** Bytes of the body. */
function ask(line: Line, load: Load, place: Place): Promise<number> {
  if (line instanceof FrameClient) return line.get(load.path)
  return 'request' in line ? request(line, load, place) : rawRequest(line, load.rawBytes ?? 0)
}

function request(session: ClientHttp2Session, load: Load, { number, turn }: Place): Promise<number> {
  const { method = 'GET', path, body, contentType = 'application/json' } = load
  const name = `${process.pid}-${names++}`
  const filled = (text: string) => text.replaceAll('@', name).replaceAll('#', String(number)).replaceAll('$', String(turn))
  const sent = body && Buffer.from(filled(body))
  // As clients do that know what they are about to send.
  const about = sent && { 'content-type': contentType, 'content-length': sent.length }
  const stream = session.request({ ':method': method, ':path': filled(path), ...about }, { endStream: !sent })
  if (sent) stream.end(sent)
  return new Promise((resolve, reject) => {
    let size = 0
    let status = 0
    stream.on('response', (headers) => {
      status = Number(headers[':status'])
    })
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length
    })
    stream.on('end', () => (status < 300 ? resolve(size) : reject(new Error(`${method} ${path} was answered ${status}`))))
    stream.on('error', reject)
  })
}

function rawRequest(socket: TLSSocket, expected: number): Promise<number> {
  socket.write('?')
  return new Promise((resolve) => {
    let size = 0
    const take = (chunk: Buffer) => {
      size += chunk.length
      if (size < expected) return
      socket.off('data', take)
      resolve(size)
    }
    socket.on('data', take)
  })
}

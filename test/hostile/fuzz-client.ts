/** Sends recipes over a few long connections per user and version of HTTP, and tells what came back, or that nothing did. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import { Agent, request } from 'node:https'
import { stringify } from 'yaml'
import type { KeyAndCertificate } from '#cluster/pki-certificate.ts'
import type { ServerProcess } from '#testing/server-process.ts'
import type { Body, Case, Who } from './generate-case.ts'

export interface Outcome {
  /** 0: the connection or stream was reset. */
  readonly status: number
  readonly contentType: string
  /** Of a watch or another stream that goes on: what came first. */
  readonly body: Buffer
  readonly isWhole: boolean
  readonly milliseconds: number
}

export interface FuzzClient extends Disposable {
  send(made: Case): Promise<Outcome>
  /** As the administrator; throws unless the answer is good. */
  json(path: string): Promise<any>
  call(method: string, path: string, options?: { readonly body?: unknown; readonly accept?: string }): Promise<Outcome>
}

/** What has no whole answer by then hangs. */
const longest = 60_000
/** So much of a stream that goes on is read. */
const enough = 1 << 16

type Head = {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly bytes: Buffer | undefined
}
type Connection = { readonly ca: string; readonly cert?: string; readonly key?: string }

export async function openFuzzClient(server: ServerProcess): Promise<FuzzClient> {
  const { ca } = server.administrator
  const own = ({ certificate, key }: KeyAndCertificate) => ({ ca, cert: certificate, key })
  const users: Record<Who, Connection> = {
    admin: own(server.administrator),
    restricted: own(await server.identity('restricted', ['people'])),
    anonymous: { ca },
    stranger: { ca },
  }
  const sessions = new Map<Who, ClientHttp2Session>()
  const agents = new Map<Who, Agent>()
  const openSession = (who: Who) => {
    const session = connect(`https://127.0.0.1:${server.port}`, users[who])
    session.on('error', () => {})
    session.setMaxListeners(0)
    return session
  }
  const sessionOf = (who: Who) => {
    let session = sessions.get(who)
    if (!session || session.closed || session.destroyed) sessions.set(who, (session = openSession(who)))
    return session
  }
  /** Whom the server does not know gets one answer on a session: cases that shared one would lose theirs. */
  const overOwnHttp2 = async (who: Who, head: Head, signal: AbortSignal) => {
    const session = openSession(who)
    try {
      return await overHttp2(session, head, signal)
    } finally {
      session.destroy()
    }
  }
  const agentOf = (who: Who) => {
    let agent = agents.get(who)
    if (!agent) agents.set(who, (agent = new Agent({ ...users[who], keepAlive: true, maxSockets: 8 })))
    return agent
  }
  const send = async (made: Case) => {
    const head = headOf(made)
    const began = performance.now()
    const signal = AbortSignal.timeout(longest)
    const { via, who } = made
    const isKnown = who === 'admin' || who === 'restricted'
    const overTwo = () => (isKnown ? overHttp2(sessionOf(who), head, signal) : overOwnHttp2(who, head, signal))
    const road = via === 'h2' ? overTwo() : overHttp1(agentOf(who), server.port, head)
    const late = once(signal, 'abort').then(() => Promise.reject(new Error(`no answer within ${longest / 1000} s`)))
    late.catch(() => {})
    const outcome = await Promise.race([road, late])
    return { ...outcome, milliseconds: performance.now() - began }
  }
  const call: FuzzClient['call'] = (method, path, { body, accept = 'application/json' } = {}) => {
    const headers = [['accept', accept], ...(body === undefined ? [] : [['content-type', 'application/json'] as const])] as const
    const [bare = '', ...query] = path.split('?')
    return send({
      via: 'h2',
      who: 'admin',
      method,
      path: bare,
      query,
      headers: headers as never,
      ...(body !== undefined && { body: { json: body } }),
    })
  }
  return {
    ...{ send, call },
    async json(path) {
      const { status, body } = await call('GET', path)
      if (status !== 200) throw new Error(`GET ${path}: ${status} ${body}`)
      return JSON.parse(body.toString())
    },
    [Symbol.dispose]() {
      for (const session of sessions.values()) session.destroy()
      for (const agent of agents.values()) agent.destroy()
    },
  }
}

function headOf({ method, path, query, headers, body, who }: Case): Head {
  const all: Record<string, string> = Object.fromEntries(headers)
  if (who === 'stranger') all.authorization = 'Bearer eyJhbGciOiJub25lIn0.e30.'
  const url = query.length > 0 ? `${path}?${query.join('&')}` : path
  return { method, url, headers: all, bytes: body && bytesOf(body, all['content-type'] ?? '') }
}

export function bytesOf(body: Body, contentType: string): Buffer {
  if ('base64' in body) return Buffer.from(body.base64, 'base64')
  if ('text' in body) return Buffer.from(body.text)
  const text = JSON.stringify(body.json) ?? ''
  if (contentType.includes('yaml') && text.length < 2000 && text.length % 2 === 0) return Buffer.from(stringify(body.json))
  const twice = body.repeat === undefined ? undefined : `"${body.repeat}":{}`
  return Buffer.from(twice && text.startsWith('{"') ? `{${twice},${text.slice(1, -1)},${twice}}` : text)
}

const goesOn = /[?&](watch|follow)=|\/(watch|log|proxy|exec|attach|portforward)\b/

async function overHttp2(session: ClientHttp2Session, { method, url, headers, bytes }: Head, signal: AbortSignal) {
  const none = { status: 0, contentType: '', body: Buffer.alloc(0), isWhole: true }
  const stream = session.request({ ':method': method, ':path': url, ...headers }, { endStream: bytes === undefined, signal })
  const { promise, resolve } = Promise.withResolvers<Omit<Outcome, 'milliseconds'>>()
  let head: { status: number; contentType: string } | undefined
  const chunks: Buffer[] = []
  let size = 0
  const end = (isEnd: boolean) => {
    const isWhole = isEnd && !(head?.status === 200 && goesOn.test(url))
    resolve(head ? { ...head, body: Buffer.concat(chunks), isWhole } : none)
  }
  stream.on('error', () => end(false))
  stream.on('close', () => end(false))
  stream.on('end', () => end(true))
  stream.on('response', (got) => {
    head = { status: Number(got[':status']), contentType: String(got['content-type'] ?? '') }
    if (head.status === 200 && goesOn.test(url)) setImmediate(() => stream.close())
  })
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size < enough || !goesOn.test(url)) chunks.push(chunk)
  })
  if (bytes) stream.end(bytes)
  return promise
}

async function overHttp1(
  agent: Agent,
  port: number,
  { method, url, headers, bytes }: Head,
): Promise<Omit<Outcome, 'milliseconds'>> {
  const none = { status: 0, contentType: '', body: Buffer.alloc(0), isWhole: true }
  const { promise, resolve } = Promise.withResolvers<Omit<Outcome, 'milliseconds'>>()
  const call = request({
    host: '127.0.0.1',
    port,
    agent,
    method,
    path: url,
    headers: { 'content-length': String(bytes?.length ?? 0), ...headers },
  })
  call.on('error', () => resolve(none))
  call.on('response', async (answer: IncomingMessage) => {
    const head = { status: answer.statusCode ?? 0, contentType: answer.headers['content-type'] ?? '' }
    if (head.status === 200 && goesOn.test(url)) {
      call.destroy()
      return resolve({ ...head, body: Buffer.alloc(0), isWhole: false })
    }
    const chunks: Buffer[] = []
    try {
      for await (const chunk of answer) chunks.push(chunk)
      resolve({ ...head, body: Buffer.concat(chunks), isWhole: true })
    } catch {
      resolve({ ...head, body: Buffer.concat(chunks), isWhole: false })
    }
  })
  call.end(bytes)
  return promise
}

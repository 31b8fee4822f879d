/** Exec, attach and port-forward: an upgraded connection is joined, byte for byte, with the runtime's streaming server. */
import type { IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  /** What came after the request's head. */
  readonly head: Buffer
}

/**
 * Sends the request on to `url` as it came, credentials left out, and everything that follows both ways. The runtime's answer,
 * also a refusal, reaches the client unchanged.
 */
export async function passThrough({ request, socket, head }: Upgrade, url: string): Promise<void> {
  const target = new URL(url)
  const upstream = await dial(target)
  upstream.write(requestHead(request, target))
  if (head.length > 0) upstream.write(head)
  join(socket, upstream)
}

/** Connects both ways; when one side breaks, the other is closed too, after what is still to be written. */
export function join(a: Duplex, b: Duplex): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    if ('setNoDelay' in from) (from as Socket).setNoDelay(true)
    from.on('error', () => to.destroy())
    from.on('close', () => ('destroySoon' in to ? (to as Socket).destroySoon() : to.end()))
    from.pipe(to)
  }
}

/** A connection to the streaming server that `url` names. */
export function dial(target: URL): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: target.hostname, port: Number(target.port || 80), allowHalfOpen: true })
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
    socket.once('error', reject)
  })
}

/** Asks the runtime for SPDY and resolves when it agreed: what follows on the socket are SPDY frames. */
export async function dialSpdy(url: string, protocol: string): Promise<{ socket: Socket; head: Buffer }> {
  const target = new URL(url)
  const socket = await dial(target)
  const lines = [
    `POST ${target.pathname}${target.search} HTTP/1.1`,
    `Host: ${target.host}`,
    'Connection: Upgrade',
    'Upgrade: SPDY/3.1',
    `X-Stream-Protocol-Version: ${protocol}`,
    'Content-Length: 0',
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  const { head, rest } = await readHead(socket)
  if (!/^HTTP\/1\.1 101 /.test(head)) {
    socket.destroy()
    throw new Error(`unable to upgrade streaming request: ${head.split('\r\n')[0]}`)
  }
  return { socket, head: rest }
}

/** An HTTP answer on an upgrade's socket, which has no ServerResponse. */
export function refuseUpgrade(socket: Duplex, status: string, text: string): void {
  const lines = [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(text)}`,
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`)
}

function requestHead(request: IncomingMessage, target: URL): string {
  const lines = [`${request.method} ${target.pathname}${target.search} HTTP/1.1`, `Host: ${target.host}`]
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(i, i + 2)
    if (!/^(host|authorization|cookie)$/i.test(name)) lines.push(`${name}: ${value}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}

const longestHead = 64 * 1024

function readHead(socket: Socket): Promise<{ head: string; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let data = Buffer.alloc(0)
    const fail = () => done(() => reject(new Error('the streaming server closed the connection')))
    const done = (then: () => void) => {
      socket.off('data', take)
      socket.off('error', fail)
      socket.off('end', fail)
      socket.pause()
      then()
    }
    const take = (chunk: Buffer) => {
      data = Buffer.concat([data, chunk])
      const end = data.indexOf('\r\n\r\n')
      if (end >= 0) done(() => resolve({ head: data.toString('latin1', 0, end), rest: data.subarray(end + 4) }))
      else if (data.length > longestHead) fail()
    }
    socket.on('data', take)
    socket.on('error', fail)
    socket.on('end', fail)
  })
}

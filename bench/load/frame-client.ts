/**
 * GETs over HTTP/2 by a client that counts bytes and does nothing else (RFC 9113): what a long answer takes is then the server's doing, as with a bare
 * socket. Node's own client needs more time for such an answer than the server.
 */
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import type { Target } from './load-client.ts'

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const frame = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 }
const endStream = 1
const isAck = 1
const endHeaders = 4
const headLength = 9
const window = { stream: 16 << 20, session: 64 << 20 }
/** `:status: 200` in HPACK's static table. */
const ok = 0x88

interface Asked {
  size: number
  status: number
  readonly resolve: (size: number) => void
  readonly reject: (error: Error) => void
}

export class FrameClient {
  #socket: TLSSocket
  #asked = new Map<number, Asked>()
  #next = 1
  #head = Buffer.alloc(headLength)
  #headFilled = 0
  /** Of the frame that is being read: what is left of it, and what came where it is no data. */
  #left = 0
  #parts: Buffer[] = []
  /** Since the windows were last widened. */
  #taken = 0

  constructor({ port, ca, cert, key }: Target) {
    const about = { host: '127.0.0.1', port, ca, cert, key, servername: 'localhost', ALPNProtocols: ['h2'] }
    this.#socket = connect(about).setNoDelay(true)
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('the connection was closed')))
  }

  async open(): Promise<void> {
    await once(this.#socket, 'secureConnect')
    const settings = Buffer.alloc(12)
    settings.writeUInt16BE(2, 0)
    settings.writeUInt16BE(4, 6)
    settings.writeUInt32BE(window.stream, 8)
    this.#socket.write(preface)
    this.#send(frame.settings, 0, { payload: settings })
    this.#widen(0, window.session)
  }

  /** Bytes of the body. */
  get(path: string): Promise<number> {
    const id = this.#next
    this.#next += 2
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#asked.set(id, { size: 0, status: 0, resolve, reject })
    // GET, https, and literal path and authority.
    const payload = Buffer.concat([Buffer.from([0x82, 0x87]), literal(4, path), literal(1, 'localhost')])
    this.#send(frame.headers, endStream | endHeaders, { id, payload })
    return promise
  }

  #take(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#headFilled < headLength) {
        const copied = chunk.copy(this.#head, this.#headFilled, at)
        this.#headFilled += copied
        at += copied
        if (this.#headFilled < headLength) return
        this.#left = this.#head.readUIntBE(0, 3)
      }
      const size = Math.min(this.#left, chunk.length - at)
      if (this.#head[3] !== frame.data) this.#parts.push(chunk.subarray(at, at + size))
      at += size
      this.#left -= size
      if (this.#left === 0) this.#finishFrame()
    }
  }

  #finishFrame(): void {
    const [type, flags] = [this.#head[3] as number, this.#head[4] as number]
    const id = this.#head.readUInt32BE(5)
    this.#headFilled = 0
    const asked = this.#asked.get(id)
    if (type === frame.data) {
      const size = this.#head.readUIntBE(0, 3)
      if (asked) asked.size += size
      this.#widenAfter(id, size, (flags & endStream) !== 0)
    } else {
      const payload = Buffer.concat(this.#parts)
      this.#parts = []
      if (type === frame.headers && asked) asked.status = payload[0] as number
      this.#obey(type, { flags, payload, asked })
    }
    if ((flags & endStream) === 0 || (type !== frame.data && type !== frame.headers) || !asked) return
    this.#asked.delete(id)
    if (asked.status === ok) asked.resolve(asked.size)
    else asked.reject(new Error('not answered 200'))
  }

  #obey(type: number, { flags, payload, asked }: { flags: number; payload: Buffer; asked: Asked | undefined }): void {
    if (type === frame.settings && !(flags & isAck)) this.#send(frame.settings, isAck, {})
    if (type === frame.ping && !(flags & isAck)) this.#send(frame.ping, isAck, { payload })
    if (type === frame.reset) asked?.reject(new Error('the answer was broken off'))
    if (type === frame.goaway) this.#fail(new Error('the server wants a new connection'))
  }

  #widenAfter(id: number, size: number, isLast: boolean): void {
    this.#taken += size
    if (this.#taken < window.stream / 2) return
    this.#widen(0, this.#taken)
    if (!isLast) this.#widen(id, this.#taken)
    this.#taken = 0
  }

  #widen(id: number, by: number): void {
    const payload = Buffer.alloc(4)
    payload.writeUInt32BE(by)
    this.#send(frame.windowUpdate, 0, { id, payload })
  }

  #send(type: number, flags: number, { id = 0, payload = Buffer.alloc(0) }: { id?: number; payload?: Buffer }): void {
    const head = Buffer.alloc(headLength)
    head.writeUIntBE(payload.length, 0, 3)
    head[3] = type
    head[4] = flags
    head.writeUInt32BE(id, 5)
    this.#socket.write(Buffer.concat([head, payload]))
  }

  #fail(error: Error): void {
    for (const { reject } of this.#asked.values()) reject(error)
    this.#asked.clear()
  }
}

/** A field that is not put into the table, its name from the static table, its value as it is (RFC 7541 6.2.2). */
function literal(name: number, value: string): Buffer {
  const rest: number[] = []
  if (value.length >= 127)
    for (let left = value.length - 127; ; left >>= 7) {
      rest.push(left > 127 ? (left & 127) | 128 : left)
      if (left <= 127) break
    }
  return Buffer.concat([Buffer.from([name, Math.min(value.length, 127), ...rest]), Buffer.from(value)])
}

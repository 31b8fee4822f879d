/**
 * SPDY/3.1 from the client's side, as much of it as Kubernetes uses (draft-mbelshe-httpbis-spdy-00): streams that the client
 * opens, each a duplex. Headers that come back are not read; nobody in this field keeps windows.
 */
import { Duplex } from 'node:stream'
import { constants, deflateRawSync, deflateSync } from 'node:zlib'
import { TransportError } from '#client/client.ts'
import { headerDictionary } from './spdy-dictionary.ts'

const synStream = 1
const synReply = 2
const rstStream = 3
const ping = 6
const goAway = 7
const fin = 1
const longestFrame = 32 * 1024

export class SpdyConnection {
  readonly #socket: Duplex
  readonly #streams = new Map<number, SpdyStream>()
  /** Those whose reader is behind: meanwhile nothing more is taken from the socket. */
  readonly #full = new Set<number>()
  #received: Buffer
  #nextId = 1
  #isFirst = true
  #closed = false
  readonly closed: Promise<void>

  constructor(socket: Duplex, head: Buffer) {
    this.#socket = socket
    this.#received = head
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', () => this.#end())
    socket.on('close', () => {
      this.#end()
      resolve()
    })
    socket.on('end', () => this.#end())
    if (head.length > 0) this.#receive(Buffer.alloc(0))
  }

  /** Resolves when the server has accepted the stream. */
  async open(headers: Readonly<Record<string, string>>): Promise<SpdyStream> {
    if (this.#closed) throw new TransportError('the connection was closed')
    const id = this.#nextId
    this.#nextId += 2
    const stream = new SpdyStream({
      send: (data, isLast) => this.#sendData(id, data, isLast),
      reset: () => this.#control(rstStream, 0, words(id, 5)),
      fill: () => this.#setFull(id, true),
      drain: () => this.#setFull(id, false),
      forget: () => {
        this.#streams.delete(id)
        this.#setFull(id, false)
      },
    })
    this.#streams.set(id, stream)
    this.#control(synStream, 0, Buffer.concat([words(id, 0), Buffer.from([0, 0]), this.#compressed(headers)]))
    await stream.accepted
    return stream
  }

  close(): void {
    this.#socket.destroy()
    this.#end()
  }

  #setFull(id: number, isFull: boolean): void {
    if (isFull) this.#full.add(id)
    else if (!this.#full.delete(id)) return
    if (this.#full.size > 0) this.#socket.pause()
    else this.#socket.resume()
  }

  /** The whole connection is one deflate stream; later parts refer to nothing before them. */
  #compressed(headers: Readonly<Record<string, string>>): Buffer {
    const entries = Object.entries(headers)
    const parts = entries.flatMap(([name, value]) =>
      [name.toLowerCase(), value].flatMap((text) => [words(Buffer.byteLength(text)), Buffer.from(text)]),
    )
    const block = Buffer.concat([words(entries.length), ...parts])
    const options = { finishFlush: constants.Z_SYNC_FLUSH }
    if (!this.#isFirst) return deflateRawSync(block, options)
    this.#isFirst = false
    return deflateSync(block, { ...options, dictionary: headerDictionary })
  }

  #control(type: number, flags: number, data: Buffer): void {
    if (this.#closed) return
    this.#socket.write(Buffer.concat([words(0x80030000 | type, (flags << 24) | data.length), data]))
  }

  /** False when the socket is full. */
  #sendData(id: number, data: Buffer, isLast: boolean): Promise<void> {
    if (this.#closed) return Promise.resolve()
    const frames: Buffer[] = []
    for (let at = 0; at === 0 || at < data.length; at += longestFrame) {
      const part = data.subarray(at, at + longestFrame)
      const flags = isLast && at + longestFrame >= data.length ? fin : 0
      frames.push(words(id, (flags << 24) | part.length), part)
    }
    return new Promise((resolve) => this.#socket.write(Buffer.concat(frames), () => resolve()))
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    while (this.#received.length >= 8) {
      const length = this.#received.readUInt32BE(4) & 0xffffff
      if (this.#received.length < 8 + length) return
      const head = this.#received.readUInt32BE(0)
      const flags = this.#received[4] as number
      const data = this.#received.subarray(8, 8 + length)
      this.#received = this.#received.subarray(8 + length)
      if (head & 0x80000000) this.#controlFrame(head & 0xffff, flags, data)
      else this.#dataFrame(head, flags, data)
    }
  }

  #dataFrame(id: number, flags: number, data: Buffer): void {
    const stream = this.#streams.get(id)
    if (data.length > 0) stream?.deliver(Buffer.from(data))
    if (flags & fin) stream?.deliver(null)
  }

  #controlFrame(type: number, flags: number, data: Buffer): void {
    const id = data.length >= 4 ? data.readUInt32BE(0) & 0x7fffffff : 0
    if (type === synReply) {
      this.#streams.get(id)?.accept()
      if (flags & fin) this.#streams.get(id)?.deliver(null)
    } else if (type === rstStream) this.#streams.get(id)?.refuse()
    else if (type === ping) this.#control(ping, 0, Buffer.from(data))
    else if (type === goAway) this.#socket.end()
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    for (const stream of this.#streams.values()) stream.refuse()
    this.#streams.clear()
  }
}

interface Road {
  send(data: Buffer, isLast: boolean): Promise<void>
  reset(): void
  /** The reader is behind, and has caught up. */
  fill(): void
  drain(): void
  forget(): void
}

export class SpdyStream extends Duplex {
  readonly accepted: Promise<void>
  readonly #road: Road
  readonly #settle: PromiseWithResolvers<void>
  #ended = false

  constructor(road: Road) {
    super({ allowHalfOpen: true })
    this.#road = road
    this.#settle = Promise.withResolvers<void>()
    this.accepted = this.#settle.promise
    this.accepted.catch(() => {})
  }

  accept(): void {
    this.#settle.resolve()
  }

  /** The stream, or the connection, was ended by the other side. */
  refuse(): void {
    this.#settle.reject(new TransportError('the server refused the stream'))
    this.deliver(null)
  }

  /** What came for this stream; null is its end. */
  deliver(data: Buffer | null): void {
    if (this.#ended) return
    if (data === null) this.#ended = true
    const isFull = !this.push(data)
    if (data === null) this.#road.drain()
    else if (isFull) this.#road.fill()
  }

  override _read(): void {
    this.#road.drain()
  }

  override _write(data: Buffer, _encoding: string, done: () => void): void {
    void this.#road.send(data, false).then(done)
  }

  override _final(done: () => void): void {
    void this.#road.send(Buffer.alloc(0), true).then(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#ended) this.#road.reset()
    this.#road.forget()
    done(error)
  }
}

function words(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4)
  for (const [at, value] of values.entries()) buffer.writeUInt32BE(value >>> 0, at * 4)
  return buffer
}

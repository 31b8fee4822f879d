/** Hands questions that are not the cluster's to other resolvers, byte for byte, one after the other until one answers. */
import { createSocket, type Socket } from 'node:dgram'
import type { Clock, Timer } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'

export interface Forwarder {
  /** The answer as it came, with the question's own id; undefined when nobody answered. */
  ask(message: Buffer): Promise<Buffer | undefined>
  close(): void
}

const patience = 2_000
/** Questions under way at once; further ones fail at once rather than pile up. */
const most = 1_000

interface Waiting {
  readonly resolve: (answer: Buffer | undefined) => void
  readonly timer: Timer
  readonly upstream: string
}

export interface ForwarderOptions {
  readonly upstreams: readonly string[]
  readonly clock: Clock
  readonly random: Random
}

export function createForwarder(options: ForwarderOptions): Forwarder {
  return new UdpForwarder(options)
}

class UdpForwarder implements Forwarder {
  #options: ForwarderOptions
  #waiting = new Map<number, Waiting>()
  #socket: Socket | undefined

  constructor(options: ForwarderOptions) {
    this.#options = options
  }

  async ask(message: Buffer): Promise<Buffer | undefined> {
    if (this.#waiting.size >= most) return undefined
    for (const upstream of this.#options.upstreams) {
      const answer = await this.#send(message, upstream)
      if (!answer) continue
      answer.writeUInt16BE(message.readUInt16BE(0), 0)
      return answer
    }
    return undefined
  }

  close(): void {
    for (const id of [...this.#waiting.keys()]) this.#settle(id, undefined)
    this.#socket?.close()
    this.#socket = undefined
  }

  #send(message: Buffer, upstream: string): Promise<Buffer | undefined> {
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>()
    const id = this.#freeId()
    const timer = this.#options.clock.after(patience, () => this.#settle(id, undefined))
    this.#waiting.set(id, { resolve, upstream, timer })
    const copy = Buffer.from(message)
    copy.writeUInt16BE(id, 0)
    this.#open().send(copy, 53, upstream, (error) => error && this.#settle(id, undefined))
    return promise
  }

  #open(): Socket {
    if (this.#socket) return this.#socket
    const socket = createSocket('udp4')
    socket.on('error', () => {})
    socket.on('message', (answer, from) => {
      const id = answer.length >= 12 ? answer.readUInt16BE(0) : -1
      if (this.#waiting.get(id)?.upstream === from.address) this.#settle(id, answer)
    })
    this.#socket = socket.unref()
    return socket
  }

  #settle(id: number, answer: Buffer | undefined): void {
    const one = this.#waiting.get(id)
    if (!one) return
    this.#waiting.delete(id)
    one.timer.cancel()
    one.resolve(answer)
  }

  /** A random id for each question keeps others from guessing answers in. */
  #freeId(): number {
    let id = Math.floor(this.#options.random.next() * 65_536)
    while (this.#waiting.has(id)) id = (id + 1) % 65_536
    return id
  }
}

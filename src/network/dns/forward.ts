/** Hands questions that are not the cluster's to other resolvers, byte for byte, one after the other until one answers. */
import { createSocket, type Socket } from 'node:dgram'
import type { Clock, Timer } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'

export interface Forwarder {
  /** The answer as it came, with the question's own id; undefined when nobody answered. */
  ask(message: Buffer, limit: number): Promise<Buffer | undefined>
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

export function createForwarder(options: { upstreams: readonly string[]; clock: Clock; random: Random }): Forwarder {
  const { upstreams, clock, random } = options
  const waiting = new Map<number, Waiting>()
  let socket: Socket | undefined

  function open(): Socket {
    if (socket) return socket
    socket = createSocket('udp4')
    socket.on('error', () => {})
    socket.on('message', (answer, from) => {
      const id = answer.length >= 12 ? answer.readUInt16BE(0) : -1
      const one = waiting.get(id)
      if (one && one.upstream === from.address) settle(id, answer)
    })
    socket.unref()
    return socket
  }

  function settle(id: number, answer: Buffer | undefined): void {
    const one = waiting.get(id)
    if (!one) return
    waiting.delete(id)
    one.timer.cancel()
    one.resolve(answer)
  }

  /** A random id for each question keeps others from guessing answers in. */
  function freeId(): number {
    let id = Math.floor(random.next() * 65_536)
    while (waiting.has(id)) id = (id + 1) % 65_536
    return id
  }

  function send(message: Buffer, upstream: string): Promise<Buffer | undefined> {
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>()
    const id = freeId()
    waiting.set(id, { resolve, upstream, timer: clock.after(patience, () => settle(id, undefined)) })
    const copy = Buffer.from(message)
    copy.writeUInt16BE(id, 0)
    open().send(copy, 53, upstream, (error) => error && settle(id, undefined))
    return promise
  }

  return {
    async ask(message) {
      if (waiting.size >= most) return undefined
      for (const upstream of upstreams) {
        const answer = await send(message, upstream)
        if (!answer) continue
        answer.writeUInt16BE(message.readUInt16BE(0), 0)
        return answer
      }
      return undefined
    },
    close() {
      for (const id of [...waiting.keys()]) settle(id, undefined)
      socket?.close()
      socket = undefined
    },
  }
}

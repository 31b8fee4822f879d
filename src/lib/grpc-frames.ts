/** gRPC's frames: a byte that says whether the message is compressed, four for its length, and the message. */

const headSize = 5

/** What cannot be taken, with the number of gRPC's status that says so: 8 RESOURCE_EXHAUSTED, 12 UNIMPLEMENTED. */
export class GrpcFrameError extends Error {
  readonly status: 8 | 12

  constructor(status: 8 | 12, message: string) {
    super(message)
    this.name = 'GrpcFrameError'
    this.status = status
  }
}

export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headSize + message.byteLength)
  frame[0] = 0
  frame.writeUInt32BE(message.byteLength, 1)
  frame.set(message, headSize)
  return frame
}

/** Puts together what arrives in pieces. */
export class GrpcFrames {
  #most: number
  #held: Buffer[] = []
  #size = 0

  /** Longer messages are refused, and so are compressed ones: `GrpcFrameError`. */
  constructor(most = Number.POSITIVE_INFINITY) {
    this.#most = most
  }

  /** Answers what is complete. */
  add(chunk: Buffer): Buffer[] {
    this.#held.push(chunk)
    this.#size += chunk.byteLength
    const messages: Buffer[] = []
    for (let end = this.#next(); end <= this.#size; end = this.#next()) {
      const whole = this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held)
      messages.push(whole.subarray(headSize, end))
      this.#size -= end
      this.#held = this.#size > 0 ? [whole.subarray(end)] : []
    }
    return messages
  }

  /** Where the message ends that comes next. */
  #next(): number {
    if (this.#size < headSize) return Number.POSITIVE_INFINITY
    if ((this.#held[0] as Buffer).byteLength < headSize) this.#held = [Buffer.concat(this.#held)]
    const head = this.#held[0] as Buffer
    if (head[0] !== 0) throw new GrpcFrameError(12, 'compressed messages are not supported')
    const length = head.readUInt32BE(1)
    if (length > this.#most) throw new GrpcFrameError(8, `Received message larger than max (${length} vs ${this.#most})`)
    return headSize + length
  }
}

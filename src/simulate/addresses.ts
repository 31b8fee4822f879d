/**
 * Addresses of simulated nodes and pods, from a block that is routed nowhere (RFC 1112, 240.0.0.0/4), so that a packet to one of them finds nobody.
 * Node n has 240.0.0.0 + n + 1, and its pods have the next blocks of 256 addresses behind 241.0.0.0.
 */

export interface Block {
  /** `241.0.3.0/24`. */
  readonly cidr: string
  readonly nodeAddress: string
}

const unit = 256
const nodes = 240 * 2 ** 24
const pods = 241 * 2 ** 24

export class AddressBlocks {
  #next = 0
  #free = new Map<number, string[]>()

  /** With room for `count` pods. */
  take(count: number): Block {
    const bits = Math.max(8, Math.ceil(Math.log2(count + 3)))
    const free = this.#free.get(bits)?.pop()
    if (free) return blockOf(free)
    const units = 2 ** bits / unit
    const first = Math.ceil(this.#next / units) * units
    this.#next = first + units
    return blockOf(`${textOf(pods + first * unit)}/${32 - bits}`)
  }

  /** One that an existing node has; undefined where it is none of these. */
  keep(cidr: string): Block | undefined {
    const parsed = parse(cidr)
    if (!parsed || parsed.start < pods) return undefined
    this.#next = Math.max(this.#next, Math.ceil((parsed.start - pods + parsed.size) / unit))
    return blockOf(cidr)
  }

  give({ cidr }: Block): void {
    const bits = Math.log2(parse(cidr)?.size ?? unit)
    this.#free.set(bits, [...(this.#free.get(bits) ?? []), cidr])
  }
}

/** Addresses of one block; the one that was given back longest ago comes last. */
export class PodAddresses {
  #start: number
  #size: number
  #used = new Set<number>()
  #next = 2

  constructor({ cidr }: Block) {
    const { start, size } = parse(cidr) ?? { start: pods, size: unit }
    this.#start = start
    this.#size = size
  }

  take(): string {
    const least = 2
    const count = this.#size - 1 - least
    for (let tried = 0; tried < count; tried++) {
      const host = least + ((this.#next - least + tried) % count)
      if (this.#used.has(host)) continue
      this.#used.add(host)
      this.#next = host + 1
      return textOf(this.#start + host)
    }
    return textOf(this.#start + this.#next)
  }

  keep(address: string): void {
    this.#used.add(numberOf(address) - this.#start)
  }

  give(address: string): void {
    this.#used.delete(numberOf(address) - this.#start)
  }
}

function blockOf(cidr: string): Block {
  const start = parse(cidr)?.start ?? pods
  return { cidr, nodeAddress: textOf(nodes + (start - pods) / unit + 1) }
}

function parse(cidr: string): { start: number; size: number } | undefined {
  const [address = '', length = ''] = cidr.split('/')
  const start = numberOf(address)
  return Number.isNaN(start) || !/^\d+$/.test(length) ? undefined : { start, size: 2 ** (32 - Number(length)) }
}

function numberOf(address: string): number {
  const parts = address.split('.')
  return parts.length === 4 ? parts.reduce((sum, part) => sum * 256 + Number(part), 0) : Number.NaN
}

function textOf(address: number): string {
  return [address / 2 ** 24, address / 2 ** 16, address / 256, address].map((part) => Math.floor(part) % 256).join('.')
}

/** Node ports: taken by the services that there are, and by those that are being written (upstream `service/portallocator`). */
import { Service } from '#api/core/v1/service.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { Lister } from '../../admission/plugin.ts'
import { staticBand } from './dynamic-band.ts'

export interface PortRange {
  readonly first: number
  readonly last: number
}

export const defaultNodePorts: PortRange = { first: 30000, last: 32767 }

export interface PortContext {
  readonly lister: Lister
  readonly clock: Clock
  readonly random: Random
}

/** The port cannot be had; the message goes into a field error. */
export class PortError extends Error {}

/** How long a written service may take to reach the cache. */
const pendingLife = 60_000

/**
 * Guarantees: no port is handed out twice by one server, also to services that are written at the same time.
 * Assumes that it allocates for all services of its cluster.
 */
export class NodePortAllocator {
  readonly #range: PortRange
  /** Ports on their way into a service, and since when. */
  readonly #pending = new Map<number, number>()

  constructor(range: PortRange = defaultNodePorts) {
    this.#range = range
  }

  /** Claims for one write; `release` takes back what it claimed. */
  begin(context: PortContext): PortOperation {
    const taken = this.#taken(context)
    const claimed: number[] = []
    const claim = (port: number) => {
      taken.add(port)
      claimed.push(port)
      this.#pending.set(port, context.clock.monotonic())
    }
    return {
      allocate: (port) => {
        const { first, last } = this.#range
        if (port < first || port > last)
          throw new PortError(`provided port is not in the valid range. The range of valid ports is ${first}-${last}`)
        if (taken.has(port)) throw new PortError('provided port is already allocated')
        claim(port)
      },
      allocateNext: () => {
        const port = this.#free(taken, context.random)
        claim(port)
        return port
      },
      release: () => this.forget(claimed),
    }
  }

  /** Of services that are gone, or were never written. */
  forget(ports: Iterable<number>): void {
    for (const port of ports) this.#pending.delete(port)
  }

  #taken({ lister, clock }: PortContext): Set<number> {
    const taken = new Set<number>()
    for (const service of lister.list(Service)) for (const port of portsOf(service)) taken.add(port)
    const now = clock.monotonic()
    for (const [port, since] of this.#pending) {
      if (taken.has(port) || now - since > pendingLife) this.#pending.delete(port)
      else taken.add(port)
    }
    return taken
  }

  /** At random from the upper band, then from the lower one, so that chosen ports rarely collide with allocated ones. */
  #free(taken: ReadonlySet<number>, random: Random): number {
    const { first, last } = this.#range
    const size = last - first + 1
    const split = first + (size < 32 ? 0 : staticBand(size, { min: 16, max: 128, step: 32 }))
    for (const [from, to] of [
      [split, last],
      [first, split - 1],
    ] as const) {
      const count = to - from + 1
      const start = Math.floor(random.next() * count)
      for (let i = 0; i < count; i++) {
        const port = from + ((start + i) % count)
        if (!taken.has(port)) return port
      }
    }
    throw new PortError('range is full')
  }
}

export interface PortOperation {
  /** Throws PortError when it is taken or out of range. */
  allocate(port: number): void
  allocateNext(): number
  release(): void
}

/** Node ports and the health check's. */
export function portsOf({ spec }: Service): number[] {
  const ports = (spec.ports ?? []).flatMap(({ nodePort }) => (nodePort ? [nodePort] : []))
  return spec.healthCheckNodePort ? [...ports, spec.healthCheckNodePort] : ports
}

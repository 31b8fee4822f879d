/** Whether the machine runs short of memory, disk or process ids, by upstream's default thresholds of eviction. */
import { readdir, readFile, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#lib/clock.ts'
import { evictionMemory } from './machine.ts'

export interface Pressure {
  readonly memory: boolean
  readonly disk: boolean
  readonly pid: boolean
}

/** What is left, as shares of 1 where not said otherwise. */
export interface Remaining {
  readonly memoryBytes: number
  readonly disk: number
  readonly inodes: number
  readonly imageDisk: number
  readonly pids: number
}

/** `nodefs.available<10%`, `nodefs.inodesFree<5%`, `imagefs.available<15%`; too few process ids would stop everything. */
export function pressureOf({ memoryBytes, disk, inodes, imageDisk, pids }: Remaining): Pressure {
  return {
    memory: memoryBytes < evictionMemory,
    disk: disk < 0.1 || inodes < 0.05 || imageDisk < 0.15,
    pid: pids < 0.02,
  }
}

/** Five minutes of calm before a condition goes back to False, so that it does not flap. */
const calm = 300_000

/** Pressure shows at once and goes late. */
export class PressureMemory {
  readonly #clock: Clock
  readonly #last = new Map<keyof Pressure, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  observe(pressure: Pressure): Pressure {
    const now = this.#clock.monotonic()
    const held = (name: keyof Pressure) => {
      if (pressure[name]) this.#last.set(name, now)
      const last = this.#last.get(name)
      return last !== undefined && now - last < calm
    }
    return { memory: held('memory'), disk: held('disk'), pid: held('pid') }
  }
}

export interface RemainingOptions {
  readonly directory: string
  readonly imageDirectory: string
  readonly root?: string
}

export async function readRemaining({ directory, imageDirectory, root = '/' }: RemainingOptions): Promise<Remaining> {
  const meminfo = await readFile(join(root, 'proc/meminfo'), 'utf8')
  const available = Number(/^MemAvailable:\s*(\d+) kB/m.exec(meminfo)?.[1] ?? Number.POSITIVE_INFINITY) * 1024
  const node = await statfs(directory).catch(() => statfs('/'))
  const image = await statfs(imageDirectory).catch(() => node)
  const maxPids = Number(await readFile(join(root, 'proc/sys/kernel/pid_max'), 'utf8').catch(() => '4194304'))
  const pids = (await readdir(join(root, 'proc'))).filter((name) => /^\d+$/.test(name)).length
  return {
    memoryBytes: available,
    disk: share(node.bavail, node.blocks),
    inodes: share(node.ffree, node.files),
    imageDisk: share(image.bavail, image.blocks),
    pids: 1 - pids / maxPids,
  }
}

/** File systems without a fixed number of inodes report 0 of 0. */
function share(free: number, all: number): number {
  return all > 0 ? free / all : 1
}

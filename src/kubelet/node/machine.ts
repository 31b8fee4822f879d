/** What the agent tells the cluster about its machine, read once from the kernel and the distribution. */
import { readFile, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalQuantity } from '#schema/quantity.ts'

export interface Machine {
  readonly cpus: number
  readonly memoryBytes: number
  readonly swapBytes: number
  /** Of the file system that holds the agent's directory. */
  readonly storageBytes: number
  /** Huge pages reserved at boot: `2Mi` -> bytes. */
  readonly hugePages: Readonly<Record<string, number>>
  readonly machineId: string
  readonly systemUuid: string
  readonly bootId: string
  readonly kernelVersion: string
  readonly osImage: string
  /** Go's name: `amd64`, `arm64`. */
  readonly architecture: string
}

export interface MachineOptions {
  /** The agent's directory. */
  readonly directory: string
  /** Where `/proc`, `/sys` and `/etc` stand; for tests. */
  readonly root?: string
}

export async function readMachine({ directory, root = '/' }: MachineOptions): Promise<Machine> {
  const text = async (path: string) => (await readFile(join(root, path), 'utf8').catch(() => '')).trim()
  const meminfo = await text('proc/meminfo')
  const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0) * 1024
  const machineId = (await text('etc/machine-id')) || (await text('var/lib/dbus/machine-id'))
  const release = await text('etc/os-release')
  return {
    cpus: (await text('proc/stat')).split('\n').filter((line) => /^cpu\d/.test(line)).length || 1,
    memoryBytes: kibibytes('MemTotal'),
    swapBytes: kibibytes('SwapTotal'),
    storageBytes: await sizeOf(directory),
    hugePages: hugePages(meminfo),
    machineId,
    systemUuid: (await text('sys/class/dmi/id/product_uuid')) || machineId,
    bootId: await text('proc/sys/kernel/random/boot_id'),
    kernelVersion: await text('proc/sys/kernel/osrelease'),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?/m.exec(release)?.[1] ?? 'Unknown',
    architecture: { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' }[process.arch as string] ?? process.arch,
  }
}

/** Capacity as the Node's status has it. */
export function capacityOf(machine: Machine, maxPods: number): Record<string, string> {
  const pages = Object.entries(machine.hugePages).map(([size, bytes]) => [`hugepages-${size}`, binary(bytes)])
  return {
    cpu: `${machine.cpus}`,
    'ephemeral-storage': binary(machine.storageBytes),
    ...Object.fromEntries(pages),
    memory: binary(machine.memoryBytes),
    pods: `${maxPods}`,
  }
}

/** Capacity less what the default thresholds of eviction keep free: 100Mi of memory and a tenth of the disk. */
export function allocatableOf(machine: Machine, maxPods: number): Record<string, string> {
  const huge = Object.values(machine.hugePages).reduce((sum, bytes) => sum + bytes, 0)
  return {
    ...capacityOf(machine, maxPods),
    'ephemeral-storage': binary(machine.storageBytes - Math.trunc(machine.storageBytes * evictionStorage)),
    memory: binary(Math.max(0, machine.memoryBytes - evictionMemory - huge)),
  }
}

/** `memory.available<100Mi`. */
export const evictionMemory = 100 * 1024 * 1024

/** `nodefs.available<10%`; upstream computes with a float32. */
const evictionStorage = Math.fround(0.1)

function binary(bytes: number): string {
  return bytes > 0 && bytes % 1024 === 0 ? canonicalQuantity(`${bytes / 1024}Ki`) : `${bytes}`
}

function hugePages(meminfo: string): Record<string, number> {
  const size = Number(/^Hugepagesize:\s*(\d+) kB/m.exec(meminfo)?.[1] ?? 0)
  const total = Number(/^HugePages_Total:\s*(\d+)/m.exec(meminfo)?.[1] ?? 0)
  return size > 0 ? { [size % 1024 === 0 ? `${size / 1024}Mi` : `${size}Ki`]: total * size * 1024 } : {}
}

async function sizeOf(directory: string): Promise<number> {
  const { blocks, bsize } = await statfs(directory).catch(() => statfs('/'))
  return blocks * bsize
}

/** Mounts that volumes need. The real one calls mount(8); the plain one, for tests and agents without root, mounts nothing. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

export interface Mounter {
  /** Nothing happens where something is mounted already. */
  tmpfs(path: string, options: { readonly sizeBytes?: number | undefined }): Promise<void>
  hugepages(path: string, options: { readonly pageSize: string }): Promise<void>
  /** A file system of its own. Nothing happens where something is mounted already. */
  mount(path: string, what: FileSystem): Promise<void>
  /** Binds an open file or folder, so that nobody can exchange what the path leads to meanwhile. False: not supported. */
  bind(fd: number, path: string): Promise<boolean>
  /** Nothing happens where nothing is mounted. */
  unmount(path: string): Promise<void>
  /** Mount points at and below a folder, deepest first. */
  mountsBelow(path: string): Promise<readonly string[]>
}

export interface FileSystem {
  readonly type: string
  readonly source: string
  readonly options: readonly string[]
}

const run = promisify(execFile)

export const systemMounter: Mounter = {
  async tmpfs(path, { sizeBytes }) {
    if (await isMountPoint(path)) return
    const options = sizeBytes === undefined ? [] : ['-o', `size=${sizeBytes}`]
    await run('mount', ['-t', 'tmpfs', ...options, 'tmpfs', path])
  },
  async hugepages(path, { pageSize }) {
    if (await isMountPoint(path)) return
    await run('mount', ['-t', 'hugetlbfs', '-o', `pagesize=${pageSize}`, 'nodev', path])
  },
  async mount(path, { type, source, options }) {
    if (await isMountPoint(path)) return
    const chosen = options.length > 0 ? ['-o', options.join(',')] : []
    await run('mount', ['-t', type, ...chosen, '--', source, path])
  },
  async bind(fd, path) {
    if (!(await isMountPoint(path))) await run('mount', ['--bind', `/proc/${process.pid}/fd/${fd}`, path])
    return true
  },
  async unmount(path) {
    for (const mount of await mountsBelow(path)) await run('umount', [mount])
  },
  mountsBelow,
}

export const plainMounter: Mounter = {
  tmpfs: async () => {},
  hugepages: async () => {},
  mount: async () => {},
  bind: async () => false,
  unmount: async () => {},
  mountsBelow: async () => [],
}

async function isMountPoint(path: string): Promise<boolean> {
  return (await mountPoints()).includes(path)
}

async function mountsBelow(path: string): Promise<string[]> {
  const below = (await mountPoints()).filter((point) => point === path || point.startsWith(`${path}/`))
  return below.toSorted((a, b) => b.length - a.length)
}

/** Fifth field of proc(5) mountinfo, with its octal escapes undone. */
async function mountPoints(): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8')
  return text
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter(Boolean)
    .map((point) => point.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8))))
}

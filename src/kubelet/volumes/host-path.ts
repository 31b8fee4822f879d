/** Files and folders of the machine itself. */
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { VolumePlugin } from './volume-plugin.ts'

type Stats = Awaited<ReturnType<typeof stat>>

const checks: Readonly<Record<string, { readonly what: string; holds(stats: Stats): boolean }>> = {
  Directory: { what: 'a directory', holds: (stats) => stats.isDirectory() },
  DirectoryOrCreate: { what: 'a directory', holds: (stats) => stats.isDirectory() },
  File: { what: 'a file', holds: (stats) => stats.isFile() },
  FileOrCreate: { what: 'a file', holds: (stats) => stats.isFile() },
  Socket: { what: 'a socket file', holds: (stats) => stats.isSocket() },
  CharDevice: { what: 'a character device', holds: (stats) => stats.isCharacterDevice() },
  BlockDevice: { what: 'a block device', holds: (stats) => stats.isBlockDevice() },
}

export const hostPathPlugin: VolumePlugin = {
  name: 'host-path',
  matches: ({ hostPath }) => hostPath !== undefined,
  hostPath: ({ hostPath }) => hostPath?.path ?? '',

  async setUp({ volume }) {
    const { path = '', type = '' } = volume.hostPath ?? {}
    if (path.split('/').includes('..')) throw new Error(`hostPath type check failed: path ${path} must not contain '..'`)
    const check = checks[type]
    if (!check) return
    const found = await stat(path).catch(() => undefined)
    if (!found && type === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 })
    else if (!found && type === 'FileOrCreate') await createFile(path)
    else if (!found || !check.holds(found)) throw new Error(`hostPath type check failed: ${path} is not ${check.what}`)
  },
}

/** The folder must be there: only the file is made. */
async function createFile(path: string): Promise<void> {
  await stat(dirname(path))
  await writeFile(path, '', { flag: 'a', mode: 0o644 })
}

/**
 * Parts of a volume for one mount. The content of a volume belongs to the pod, which could put a link there that leads out of
 * it: every step is opened without following links, and the mount is made from the open file (CVE-2017-1002101, CVE-2021-25741).
 */
import { constants } from 'node:fs'
import { chmod, type FileHandle, lstat, mkdir, open, readFile, realpath, writeFile } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import type { Mounter } from './mounter.ts'

export interface SubPathMount {
  /** Root of the volume on this machine. */
  readonly volume: string
  readonly subPath: string
  /** Where the bind mount goes: `<pod>/volume-subpaths/<volume>/<container>/<index>`. */
  readonly target: string
}

/** Answers the path to hand to the runtime. */
export async function prepareSubPath({ volume, subPath, target }: SubPathMount, mounter: Mounter): Promise<string> {
  if (isAbsolute(subPath)) throw new Error(`error: subPath must not be an absolute path: ${subPath}`)
  if (subPath.split('/').includes('..')) throw new Error(`unable to validate subPath: must not contain '..': ${subPath}`)
  const root = await realpath(volume)
  const inside = await resolveInside(root, join(root, subPath))
  const handle = await openInside(root, inside)
  try {
    const { isDirectory } = await kindOf(handle)
    await mkdir(isDirectory ? target : dirname(target), { recursive: true })
    if (!isDirectory) await writeFile(target, '', { flag: 'a' })
    return (await mounter.bind(handle.fd, target)) ? target : inside
  } finally {
    await handle.close()
  }
}

/** A file of a volume, read as carefully; undefined where there is none. */
export async function readInside(volume: string, path: string): Promise<Buffer | undefined> {
  const root = await realpath(volume)
  const inside = await realpath(join(root, path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (inside === undefined) return undefined
  if (!inside.startsWith(`${root}/`)) throw new Error(`path "${path}" not within volume path "${root}"`)
  const handle = await openInside(root, inside)
  try {
    if (!(await handle.stat()).isFile()) throw new Error(`path "${path}" is not a file`)
    return await readFile(`/proc/self/fd/${handle.fd}`)
  } finally {
    await handle.close()
  }
}

/** Links inside the volume may be followed as long as they stay inside; what is missing is made as folders. */
async function resolveInside(root: string, path: string): Promise<string> {
  const missing: string[] = []
  for (let at = path; ; at = dirname(at)) {
    const there = await realpath(at).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (there === undefined) {
      const dangling = await lstat(at).catch(() => undefined)
      if (dangling) throw new Error(`subpath "${path}" not within volume path "${root}"`)
      missing.unshift(at.slice(dirname(at).length + 1))
      continue
    }
    if (there !== root && !there.startsWith(`${root}/`)) throw new Error(`subpath "${path}" not within volume path "${root}"`)
    const { mode } = await lstat(root)
    for (let index = 0; index < missing.length; index++)
      await makeFolder(join(there, ...missing.slice(0, index + 1)), mode & 0o7777)
    return join(there, ...missing)
  }
}

/** With the permissions of the volume, whatever the umask. */
async function makeFolder(path: string, mode: number): Promise<void> {
  await mkdir(path)
  await chmod(path, mode)
}

/** `O_PATH` of open(2), which Node does not name: opens sockets and devices too, without touching them. */
export const pathOnly = 0o10000000

/** From the root down, one part at a time, through the parent's open handle. */
async function openInside(root: string, path: string): Promise<FileHandle> {
  const noFollow = pathOnly | constants.O_NOFOLLOW
  let handle = await open(root, noFollow | constants.O_DIRECTORY)
  for (const part of path.slice(root.length).split('/').filter(Boolean)) {
    const parent = handle
    try {
      handle = await open(`/proc/self/fd/${parent.fd}/${part}`, noFollow)
    } finally {
      await parent.close()
    }
  }
  return handle
}

async function kindOf(handle: FileHandle): Promise<{ isDirectory: boolean }> {
  return { isDirectory: (await handle.stat()).isDirectory() }
}

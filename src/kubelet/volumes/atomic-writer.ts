/**
 * Writes a set of files so that readers see either all of the old or all of the new: the files stand in a folder with a
 * time in its name, `..data` points to it, and visible names point through `..data` (upstream: `pkg/volume/util/atomic_writer.go`).
 *
 * Guarantees: one rename makes the change; nothing is written when the content is the same; after a crash the next write
 * removes what was left behind.
 */
import { chmod, lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import type { Clock } from '#lib/clock.ts'
import { type Random, suffix } from '#lib/random.ts'

export interface PayloadFile {
  readonly content: Uint8Array
  /** Permission bits. */
  readonly mode: number
  /** Owner, where it is not root. */
  readonly uid?: number | undefined
}

/** Relative path -> file. */
export type Payload = ReadonlyMap<string, PayloadFile>

export interface AtomicWriteOptions {
  readonly clock: Clock
  readonly random: Random
  /** Sets owners and modes on the new folder before anybody sees it. */
  readonly own?: (directory: string, payload: Payload) => Promise<void>
}

const data = '..data'

export async function writeAtomically(target: string, payload: Payload, options: AtomicWriteOptions): Promise<boolean> {
  for (const path of payload.keys()) checkPath(path)
  await mkdir(target, { recursive: true, mode: 0o755 })
  const old = await readlink(join(target, data)).catch(() => undefined)
  const oldFolder = old === undefined || old.includes('/') ? undefined : join(target, old)
  const present = oldFolder ? await readTree(oldFolder) : new Map<string, Found>()
  if (oldFolder && isSame(present, payload)) {
    await linkNames(target, payload)
    return false
  }
  const folder = await newFolder(target, options)
  await writeFiles(folder, payload)
  await options.own?.(folder, payload)
  await linkNames(target, payload)
  const temporary = join(target, `${data}_tmp`)
  await rm(temporary, { force: true })
  await symlink(folder.slice(target.length + 1), temporary)
  await rename(temporary, join(target, data))
  await sweep(target, payload, folder.slice(target.length + 1))
  return true
}

/** Throws with upstream's text. */
export function checkPath(path: string): void {
  if (path === '') throw new Error('invalid path: must not be empty')
  if (isAbsolute(path)) throw new Error(`invalid path: must be relative path: ${path}`)
  if (path.length > 4096) throw new Error('invalid path: must be less than or equal to 4096 characters')
  const parts = path.split('/')
  if (parts.includes('..')) throw new Error(`invalid path: must not contain '..': ${path}`)
  if (parts[0]?.startsWith('..')) throw new Error(`invalid path: must not start with '..': ${path}`)
}

interface Found {
  readonly content: Buffer
  readonly mode: number
}

async function readTree(folder: string, prefix = ''): Promise<Map<string, Found>> {
  const found = new Map<string, Found>()
  const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    const path = prefix ? `${prefix}/${entry.name}` : entry.name
    if (entry.isDirectory()) for (const [key, value] of await readTree(folder, path)) found.set(key, value)
    else if (entry.isFile()) {
      const [content, { mode }] = await Promise.all([readFile(join(folder, path)), lstat(join(folder, path))])
      found.set(path, { content, mode: mode & 0o777 })
    }
  }
  return found
}

/** Modes are not compared: ownership rules may have widened them. */
function isSame(present: ReadonlyMap<string, Found>, payload: Payload): boolean {
  if (present.size !== payload.size) return false
  for (const [path, { content }] of payload) if (!present.get(path)?.content.equals(content)) return false
  return true
}

async function newFolder(target: string, { clock, random }: AtomicWriteOptions): Promise<string> {
  const [date = '', time = ''] = new Date(clock.now()).toISOString().slice(0, 19).split('T')
  const stamp = `${date.replaceAll('-', '_')}_${time.replaceAll(':', '_')}`
  for (;;) {
    const folder = join(target, `..${stamp}.${suffix(random, 10)}`)
    const made = await mkdir(folder, { mode: 0o755 }).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false
        throw error
      },
    )
    if (!made) continue
    await chmod(folder, 0o755)
    return folder
  }
}

async function writeFiles(folder: string, payload: Payload): Promise<void> {
  for (const [path, { content, mode }] of payload) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true, mode: 0o755 })
    await writeFile(file, content, { mode })
    await chmod(file, mode)
  }
}

/** `app.conf -> ..data/app.conf`, one link per first part of a path. */
async function linkNames(target: string, payload: Payload): Promise<void> {
  for (const name of firstParts(payload)) {
    const link = join(target, name)
    const there = await readlink(link).catch(() => undefined)
    if (there === `${data}/${name}`) continue
    await rm(link, { recursive: true, force: true })
    await symlink(`${data}/${name}`, link)
  }
}

async function sweep(target: string, payload: Payload, folder: string): Promise<void> {
  const names = firstParts(payload)
  for (const entry of await readdir(target, { withFileTypes: true })) {
    if (entry.name === folder || entry.name === data || names.has(entry.name)) continue
    if (entry.isSymbolicLink()) await unlink(join(target, entry.name))
    else if (entry.name.startsWith('..')) await rm(join(target, entry.name), { recursive: true, force: true })
  }
}

function firstParts(payload: Payload): Set<string> {
  return new Set([...payload.keys()].map((path) => path.split('/')[0] ?? ''))
}

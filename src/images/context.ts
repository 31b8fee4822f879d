/** The files of an application's folder that go into its image, looked through once. */
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { readIgnored } from './ignore.ts'
import { ImageError } from './image.ts'
import type { Entry } from './layer.ts'
import { secretIn } from './secrets.ts'

export interface Context {
  readonly directory: string
  /** Paths relative to the folder. */
  readonly entries: readonly ContextEntry[]
  /** What the user may want to know: large files, what was left out unasked. */
  readonly notes: readonly string[]
}

export type ContextEntry = Exclude<Entry, { readonly content: unknown }>

export interface ContextOptions {
  /** Folders that become layers of their own; not looked into. */
  readonly apart?: readonly string[]
}

/** One file of more than this is an accident. */
const largestFile = 1024 ** 3
const noteworthy = 50 * 1024 ** 2

/** Throws ImageError that names every secret, or the file that is in the way. */
export async function readContext(directory: string, { apart = [] }: ContextOptions = {}): Promise<Context> {
  const ignored = await readIgnored(directory)
  const entries: ContextEntry[] = []
  const notes: string[] = []
  const secrets: string[] = []
  const file = async (path: string, size: number, mode: number) => {
    const full = join(directory, path)
    const secret = await secretIn(path, full, size).catch((error) => unreadable(path, error))
    if (secret) return void secrets.push(`  ${path}   (${secret})`)
    if (size > largestFile)
      throw new ImageError(
        'BadContext',
        `${path} has ${megabytes(size)}: it would make every copy of the image as large. Name it in .dockerignore.`,
      )
    if (size > noteworthy)
      notes.push(`${path} has ${megabytes(size)}; .dockerignore leaves out what the application does not need`)
    entries.push({ path, file: full, size, mode: mode & 0o111 ? 0o755 : 0o644 })
  }
  const visit = async (folder: string): Promise<void> => {
    const names = await readdir(join(directory, folder), { encoding: 'buffer' }).catch((error) => unreadable(folder, error))
    for (const name of names.map((bytes) => readable(bytes, folder)).sort()) {
      const path = folder ? `${folder}/${name}` : name
      const isOut = apart.includes(path) || ignored.has(path)
      if (isOut && !ignored.hasExceptions) continue
      const stat = await lstat(join(directory, path))
      if (stat.isDirectory() && !apart.includes(path)) {
        if (!isOut) entries.push({ path, directory: true })
        await visit(path)
      } else if (isOut) continue
      else if (stat.isSymbolicLink()) entries.push({ path, link: await readlink(join(directory, path)) })
      else if (stat.isFile()) await file(path, stat.size, stat.mode)
      else notes.push(`${path} is neither file nor folder and is left out`)
    }
  }
  await visit('')
  if (secrets.length > 0) throw secretsFound(secrets)
  return { directory, entries, notes }
}

function secretsFound(secrets: readonly string[]): ImageError {
  return new ImageError(
    'Secret',
    `these files would be baked into the image, where everybody who can pull it can read them:\n${secrets.join('\n')}\nName them in .dockerignore; give the values with: nami staging env set --secret KEY=VALUE`,
  )
}

function readable(name: Buffer, folder: string): string {
  const text = name.toString('utf8')
  if (!Buffer.from(text).equals(name)) {
    throw new ImageError(
      'BadContext',
      `${folder || '.'} holds a file whose name is not UTF-8: ${JSON.stringify(name.toString('latin1'))}`,
    )
  }
  return text
}

function unreadable(path: string, error: NodeJS.ErrnoException): never {
  throw new ImageError('BadContext', `${path || '.'} cannot be read: ${error.code ?? error.message}`, { cause: error })
}

export function megabytes(size: number): string {
  return `${(size / 1e6).toFixed(0)} MB`
}

/** The entries below `at` in the image. */
export function placed(entries: readonly ContextEntry[], at: string): Entry[] {
  return entries.map((entry) => ({ ...entry, path: `${at}/${entry.path}` }))
}

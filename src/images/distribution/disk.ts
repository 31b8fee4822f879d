/** Small durable files: what a registry remembers beside its blobs. */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Readers see the old content or the new one, also after a power cut. */
export async function replaceDurably(path: string, content: string | Uint8Array, unique: string): Promise<void> {
  const partial = `${path}.${unique}.new`
  await mkdir(dirname(path), { recursive: true })
  try {
    await using file = await open(partial, 'w')
    await file.writeFile(content)
    await file.datasync()
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
  await rename(partial, path)
  await syncFolder(dirname(path))
}

/** A rename is safe only when the folder is on disk. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r')
  await folder.sync().catch(() => {})
}

export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Sorted; none where there is no such folder. Files being written are left out. */
export async function namesIn(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).filter((name) => !name.endsWith('.new')).sort()
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

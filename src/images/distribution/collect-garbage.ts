/**
 * Takes away blobs that no manifest names, and uploads that nobody goes on with. May run beside the server: what is younger than the
 * grace, or was asked about since, is left, since a push sends blobs before the manifest that names them.
 */
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest } from '../image.ts'
import { isMissing, namesIn } from './disk.ts'
import { parseManifest } from './manifest.ts'
import type { Storage } from './storage.ts'

export interface GarbageOptions {
  /** Milliseconds; default an hour. */
  readonly grace?: number
  /** Manifests without a tag go too, unless an index that stays or a subject that stays keeps them. Releases refer by digest, so: not by itself. */
  readonly isUntaggedGarbage?: boolean
}

export interface Collected {
  readonly manifests: number
  readonly blobs: number
  readonly bytes: number
  readonly uploads: number
}

const anHour = 3_600_000
const aDay = 24 * anHour

export async function collectGarbage(
  storage: Storage,
  { grace = anHour, isUntaggedGarbage = false }: GarbageOptions = {},
): Promise<Collected> {
  const before = storage.clock.now() - grace
  const collected = { manifests: 0, blobs: 0, bytes: 0, uploads: 0 }
  const kept = new Set<string>()
  for (const repository of await storage.repositories()) {
    if (isUntaggedGarbage) collected.manifests += await removeUntagged(storage, repository, before)
    const own = await namedBy(storage, repository)
    for (const digest of own) kept.add(digest)
    for (const hex of await namesIn(storage.at(repository, '_blobs'))) {
      const link = storage.at(repository, '_blobs', hex)
      if (own.has(`sha256:${hex}`)) continue
      if (await isOlder(link, before)) await rm(link, { force: true })
      else kept.add(`sha256:${hex}`)
    }
    collected.uploads += await removeStale(storage, repository)
  }
  for (const hex of await namesIn(join(storage.directory, 'blobs/sha256'))) {
    const path = storage.blobPath(`sha256:${hex}`)
    if (kept.has(`sha256:${hex}`) || !(await isOlder(path, before))) continue
    collected.bytes += (await stat(path)).size
    collected.blobs++
    await rm(path, { force: true })
  }
  return collected
}

/** Every digest that a manifest of the repository names, and the manifests themselves. */
async function namedBy(storage: Storage, repository: string): Promise<Set<string>> {
  const named = new Set<string>()
  for (const hex of await namesIn(storage.at(repository, '_manifests'))) {
    const found = await storage.manifest(repository, `sha256:${hex}`)
    if (!found) continue
    const { blobs, manifests } = parseManifest(found.content, found.mediaType)
    for (const digest of [found.digest, ...blobs, ...manifests]) named.add(digest)
  }
  return named
}

async function removeUntagged(storage: Storage, repository: string, before: number): Promise<number> {
  const all = (await namesIn(storage.at(repository, '_manifests'))).map((hex): Digest => `sha256:${hex}`)
  const staying = new Set<Digest>()
  const keep = async (digest: Digest): Promise<void> => {
    const found = staying.has(digest) ? undefined : await storage.manifest(repository, digest)
    if (!found) return
    staying.add(digest)
    for (const child of parseManifest(found.content, found.mediaType).manifests) await keep(child)
    for (const referrer of await storage.referrers(repository, digest)) await keep(referrer.digest)
  }
  for (const tag of (await storage.tags(repository)) ?? []) {
    const digest = await storage.digestOfTag(repository, tag)
    if (digest) await keep(digest)
  }
  let removed = 0
  for (const digest of all) {
    const file = storage.at(repository, '_manifests', digest.slice('sha256:'.length))
    if (staying.has(digest) || !(await isOlder(file, before))) continue
    if (await storage.deleteManifest(repository, digest)) removed++
  }
  return removed
}

async function removeStale(storage: Storage, repository: string): Promise<number> {
  let removed = 0
  for (const id of await namesIn(storage.at(repository, '_uploads'))) {
    const path = storage.at(repository, '_uploads', id)
    if (!(await isOlder(path, storage.clock.now() - aDay))) continue
    await rm(path, { force: true })
    removed++
  }
  return removed
}

async function isOlder(path: string, before: number): Promise<boolean> {
  try {
    return (await stat(path)).mtimeMs < before
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

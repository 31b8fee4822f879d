/**
 * What a registry holds, on disk: blobs once, and for each repository which of them it may show, its manifests, tags and referrers.
 *
 * Guarantees: what was acknowledged survives a power cut; nothing is kept in memory, so that a second process (garbage collection) may work
 * beside the server. Assumes that names and digests were checked (`names.ts`).
 *
 *     blobs/sha256/HEX
 *     repositories/NAME/_blobs/HEX  _manifests/HEX (media type)  _tags/TAG (digest)  _referrers/SUBJECT/HEX  _uploads/ID
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { Descriptor, Digest } from '../image.ts'
import { isMissing, namesIn, readIfThere, replaceDurably, syncFolder } from './disk.ts'
import { type ParsedManifest, parseManifest } from './manifest.ts'
import { RegistryError } from './registry-error.ts'
import { digestOfFile, writeUpload } from './upload.ts'

export interface StorageOptions {
  readonly directory: string
  readonly clock: Clock
  readonly random: Random
}

export interface StoredManifest {
  readonly digest: Digest
  readonly mediaType: string
  readonly content: Buffer
}

export type Storage = ReturnType<typeof openStorage>

export function openStorage({ directory, clock, random }: StorageOptions) {
  const blobPath = (digest: Digest) => join(directory, 'blobs/sha256', hexOf(digest))
  const at = (repository: string, ...parts: string[]) => join(directory, 'repositories', repository, ...parts)
  const places: Places = { directory, blobPath, at, clock, random }
  const stored = manifests(places)
  return {
    ...places,
    ...blobs(places),
    ...uploads(places),
    ...stored,
    ...referrersOf(places, stored.manifest),
    ...tags(places),

    /** Every repository, sorted, that has or had a manifest. */
    async repositories(): Promise<string[]> {
      const found: string[] = []
      const visit = async (path: string, name: string): Promise<void> => {
        const entries = await readdir(path, { withFileTypes: true }).catch((error) => {
          if (isMissing(error)) return []
          throw error
        })
        if (entries.some((entry) => entry.name === '_manifests')) found.push(name)
        for (const entry of entries) {
          if (entry.isDirectory() && !entry.name.startsWith('_')) {
            await visit(join(path, entry.name), name ? `${name}/${entry.name}` : entry.name)
          }
        }
      }
      await visit(join(directory, 'repositories'), '')
      return found.sort()
    },
  }
}

export interface Places {
  readonly directory: string
  readonly clock: Clock
  readonly random: Random
  readonly blobPath: (digest: Digest) => string
  readonly at: (repository: string, ...parts: string[]) => string
}

function blobs({ blobPath, at, clock }: Places) {
  const sizeOf = async (path: string) => (await stat(path).catch(missing))?.size
  const link = async (repository: string, digest: Digest) => {
    await mkdir(at(repository, '_blobs'), { recursive: true })
    await writeFile(at(repository, '_blobs', hexOf(digest)), '')
    await syncFolder(at(repository, '_blobs'))
  }
  return {
    link,
    /** Of what the repository may show. Whoever asks may be about to refer to it: garbage collection then spares it for a while. */
    async blob(repository: string, digest: Digest): Promise<{ path: string; size: number } | undefined> {
      if ((await sizeOf(at(repository, '_blobs', hexOf(digest)))) === undefined) return undefined
      const size = await sizeOf(blobPath(digest))
      return size === undefined ? undefined : { path: blobPath(digest), size }
    },
    async touch(repository: string, digest: Digest): Promise<void> {
      const now = clock.now() / 1000
      for (const path of [blobPath(digest), at(repository, '_blobs', hexOf(digest))]) await utimes(path, now, now).catch(missing)
    },
    async mount(repository: string, from: string, digest: Digest): Promise<boolean> {
      if ((await sizeOf(at(from, '_blobs', hexOf(digest)))) === undefined) return false
      if ((await sizeOf(blobPath(digest))) === undefined) return false
      await link(repository, digest)
      await this.touch(repository, digest)
      return true
    },
    /** Takes it out of the repository; the bytes go when nobody has them any more. */
    async deleteBlob(repository: string, digest: Digest): Promise<boolean> {
      return remove(at(repository, '_blobs', hexOf(digest)))
    },
  }
}

function uploads(places: Places) {
  const { directory, blobPath, at, random, clock } = places
  const path = (repository: string, id: string) => at(repository, '_uploads', id)
  const sizeOf = async (repository: string, id: string): Promise<number> => {
    const found = await stat(path(repository, id)).catch(missing)
    if (!found) throw new RegistryError('BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry')
    return found.size
  }
  return {
    uploadSize: sizeOf,
    async startUpload(repository: string): Promise<string> {
      const id = random.uuid()
      await mkdir(at(repository, '_uploads'), { recursive: true })
      await writeFile(path(repository, id), '')
      return id
    },
    /** Answers the size reached. What came before a broken connection is kept, as resuming needs. */
    async append(repository: string, id: string, content: AsyncIterable<Uint8Array>): Promise<number> {
      const offset = await sizeOf(repository, id)
      return writeUpload(path(repository, id), content, { offset, id })
    },
    async finishUpload(repository: string, id: string, digest: Digest): Promise<void> {
      const file = path(repository, id)
      const actual = await digestOfFile(file, id)
      if (actual !== digest) {
        await rm(file, { force: true })
        throw new RegistryError('DIGEST_INVALID', `provided digest ${digest} did not match uploaded content ${actual}`)
      }
      await mkdir(join(directory, 'blobs/sha256'), { recursive: true })
      const now = clock.now() / 1000
      await utimes(file, now, now)
      await rename(file, blobPath(digest))
      await syncFolder(join(directory, 'blobs/sha256'))
      await blobs(places).link(repository, digest)
    },
    async cancelUpload(repository: string, id: string): Promise<void> {
      await sizeOf(repository, id)
      await rm(path(repository, id), { force: true })
    },
  }
}

function manifests(places: Places) {
  const { directory, blobPath, at, random } = places
  const digestOfTag = async (repository: string, tag: string) =>
    (await readIfThere(at(repository, '_tags', tag)))?.toString().trim() as Digest | undefined

  async function manifest(repository: string, reference: string): Promise<StoredManifest | undefined> {
    const digest = reference.startsWith('sha256:') ? (reference as Digest) : await digestOfTag(repository, reference)
    if (!digest) return undefined
    const mediaType = (await readIfThere(at(repository, '_manifests', hexOf(digest))))?.toString()
    const content = mediaType === undefined ? undefined : await readIfThere(blobPath(digest))
    return content && { digest, mediaType: mediaType as string, content }
  }

  return {
    manifest,
    digestOfTag,
    async putManifest(
      repository: string,
      reference: string,
      { mediaType, content }: { mediaType: string; content: Buffer },
    ): Promise<{ digest: Digest; subject: Digest | undefined }> {
      const digest: Digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
      if (reference.startsWith('sha256:') && reference !== digest) {
        throw new RegistryError('DIGEST_INVALID', `provided digest ${reference} did not match uploaded content ${digest}`)
      }
      const parsed = parseManifest(content, mediaType)
      await checkParts(places, repository, parsed)
      await mkdir(join(directory, 'blobs/sha256'), { recursive: true })
      await replaceDurably(blobPath(digest), content, random.uuid())
      await replaceDurably(at(repository, '_manifests', hexOf(digest)), mediaType, random.uuid())
      if (parsed.subject) {
        await replaceDurably(at(repository, '_referrers', hexOf(parsed.subject), hexOf(digest)), '', random.uuid())
      }
      if (!reference.startsWith('sha256:')) await replaceDurably(at(repository, '_tags', reference), digest, random.uuid())
      return { digest, subject: parsed.subject }
    },
    /** With a tag only the tag goes; with a digest every tag of it goes too. */
    async deleteManifest(repository: string, reference: string): Promise<boolean> {
      if (!reference.startsWith('sha256:')) return remove(at(repository, '_tags', reference))
      const found = await manifest(repository, reference)
      if (!found) return false
      for (const tag of await namesIn(at(repository, '_tags'))) {
        if ((await digestOfTag(repository, tag)) === reference) await remove(at(repository, '_tags', tag))
      }
      const { subject } = parseManifest(found.content, found.mediaType)
      if (subject) await remove(at(repository, '_referrers', hexOf(subject), hexOf(found.digest)))
      return remove(at(repository, '_manifests', hexOf(found.digest)))
    },
  }
}

function referrersOf({ at }: Places, manifest: (repository: string, reference: string) => Promise<StoredManifest | undefined>) {
  return {
    /** Of manifests that name the digest as their subject, whether or not that exists. */
    async referrers(repository: string, subject: Digest): Promise<Descriptor[]> {
      const found: Descriptor[] = []
      for (const hex of await namesIn(at(repository, '_referrers', hexOf(subject)))) {
        const one = await manifest(repository, `sha256:${hex}`)
        if (!one) continue
        const { artifactType, annotations } = parseManifest(one.content, one.mediaType)
        const { mediaType, digest, content } = one
        found.push({
          ...{ mediaType, digest, size: content.length },
          ...(artifactType && { artifactType }),
          ...(annotations && { annotations }),
        })
      }
      return found
    },
  }
}

/** A manifest is taken only when everything that it names is here: what can be named can be pulled. */
async function checkParts(places: Places, repository: string, { blobs: wanted, manifests: children }: ParsedManifest) {
  for (const digest of wanted) {
    if (!(await blobs(places).blob(repository, digest))) {
      throw new RegistryError('MANIFEST_BLOB_UNKNOWN', `blob unknown to registry: ${digest}`)
    }
  }
  for (const digest of children) {
    if (!(await stat(places.at(repository, '_manifests', hexOf(digest))).catch(missing))) {
      throw new RegistryError('MANIFEST_BLOB_UNKNOWN', `manifest unknown to registry: ${digest}`)
    }
  }
}

function tags({ at }: Places) {
  return {
    /** Undefined where there is no such repository. */
    async tags(repository: string): Promise<string[] | undefined> {
      if (!(await stat(at(repository, '_manifests')).catch(missing))) return undefined
      return namesIn(at(repository, '_tags'))
    },
  }
}

export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length)
}

function missing(error: unknown): undefined {
  if (isMissing(error)) return undefined
  throw error
}

async function remove(path: string): Promise<boolean> {
  try {
    await rm(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** An OCI image layout on disk: `oci-layout`, `index.json`, `blobs/sha256/<hex>` (OCI image-spec 1.1, image-layout.md). */
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { indexType } from './assemble.ts'
import { type BlobStore, type Descriptor, type Digest, type Image, type ImageConfig, ImageError, type Manifest } from './image.ts'

/** The annotation that names an image in an index. */
export const referenceName = 'org.opencontainers.image.ref.name'

export interface Layout extends BlobStore {
  readonly directory: string
  /** Gives the image a name; it replaces an earlier image of that name. */
  tag(reference: string, image: Image): Promise<void>
  untag(reference: string): Promise<boolean>
  /** Names and manifests, in the order of tagging. */
  list(): Promise<readonly { readonly reference: string; readonly descriptor: Descriptor }[]>
  find(reference: string): Promise<Image | undefined>
  /** Remembers a manifest of this layout as being about another. */
  attach(subject: Digest, referrer: Descriptor): Promise<void>
  referrers(subject: Digest): Promise<readonly Descriptor[]>
}

/** Opens the layout in `directory`, making it where there is none. */
export async function openLayout(directory: string): Promise<Layout> {
  await mkdir(join(directory, 'blobs/sha256'), { recursive: true })
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  return new DirectoryLayout(directory)
}

interface Index {
  readonly schemaVersion: 2
  readonly mediaType: string
  readonly manifests: readonly Descriptor[]
}

class DirectoryLayout implements Layout {
  readonly directory: string

  constructor(directory: string) {
    this.directory = directory
  }

  async has(digest: Digest): Promise<boolean> {
    return (await stat(this.#path(digest)).catch(() => undefined)) !== undefined
  }

  async *read(digest: Digest): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256')
    try {
      for await (const chunk of createReadStream(this.#path(digest), { highWaterMark: 1 << 20 })) {
        hash.update(chunk)
        yield chunk
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      throw new ImageError('BlobNotFound', `blob ${digest} is not in ${this.directory}`, { cause: error })
    }
    const actual = `sha256:${hash.digest('hex')}`
    if (actual !== digest)
      throw new ImageError('DigestMismatch', `blob ${digest} in ${this.directory} is damaged: its digest is ${actual}`)
  }

  async write(mediaType: string, content: AsyncIterable<Uint8Array> | Uint8Array): Promise<Descriptor> {
    const partial = join(this.directory, 'blobs', `.partial-${randomBytes(6).toString('hex')}`)
    const hash = createHash('sha256')
    let size = 0
    try {
      await using file = await open(partial, 'wx')
      for await (const chunk of content instanceof Uint8Array ? [content] : content) {
        hash.update(chunk)
        size += chunk.length
        await file.write(chunk)
      }
    } catch (error) {
      await rm(partial, { force: true })
      throw error
    }
    const digest: Digest = `sha256:${hash.digest('hex')}`
    await rename(partial, this.#path(digest))
    return { mediaType, digest, size }
  }

  async tag(reference: string, image: Image): Promise<void> {
    const others = (await this.#index()).manifests.filter(({ annotations }) => annotations?.[referenceName] !== reference)
    await this.#saveIndex([...others, { ...image.descriptor, annotations: { [referenceName]: reference } }])
  }

  async untag(reference: string): Promise<boolean> {
    const { manifests } = await this.#index()
    const others = manifests.filter(({ annotations }) => annotations?.[referenceName] !== reference)
    if (others.length < manifests.length) await this.#saveIndex(others)
    return others.length < manifests.length
  }

  async list(): Promise<readonly { reference: string; descriptor: Descriptor }[]> {
    const { manifests } = await this.#index()
    return manifests.map((descriptor) => ({ reference: descriptor.annotations?.[referenceName] ?? '', descriptor }))
  }

  async find(reference: string): Promise<Image | undefined> {
    const found = (await this.list()).find((entry) => entry.reference === reference)
    return found && loadImage(this, found.descriptor)
  }

  async attach(subject: Digest, referrer: Descriptor): Promise<void> {
    const known = (await this.referrers(subject)).filter(({ digest }) => digest !== referrer.digest)
    const file = this.#referrersFile(subject)
    await mkdir(join(this.directory, 'referrers'), { recursive: true })
    await writeFile(`${file}.partial`, JSON.stringify([...known, referrer]))
    await rename(`${file}.partial`, file)
  }

  async referrers(subject: Digest): Promise<readonly Descriptor[]> {
    const text = await readFile(this.#referrersFile(subject), 'utf8').catch(() => undefined)
    return text ? JSON.parse(text) : []
  }

  #referrersFile(subject: Digest): string {
    return join(this.directory, 'referrers', `${basename(this.#path(subject))}.json`)
  }

  #path(digest: Digest): string {
    if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw new ImageError('UnsafePath', `not a digest: ${JSON.stringify(digest)}`)
    return join(this.directory, 'blobs/sha256', digest.slice('sha256:'.length))
  }

  async #index(): Promise<Index> {
    const text = await readFile(join(this.directory, 'index.json'), 'utf8').catch(() => undefined)
    return text ? JSON.parse(text) : { schemaVersion: 2, mediaType: indexType, manifests: [] }
  }

  async #saveIndex(manifests: readonly Descriptor[]): Promise<void> {
    const partial = join(this.directory, `.index-${randomBytes(6).toString('hex')}`)
    await writeFile(partial, JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests } satisfies Index))
    await rename(partial, join(this.directory, 'index.json'))
  }
}

/** Reads manifest and configuration of an image that is in `blobs`. */
export async function loadImage(blobs: BlobStore, descriptor: Descriptor): Promise<Image> {
  const manifest = await readJson<Manifest>(blobs, descriptor.digest)
  if (!manifest.config || !Array.isArray(manifest.layers)) {
    throw new ImageError('BadManifest', `${descriptor.digest} is no image manifest (${descriptor.mediaType})`)
  }
  return { manifest, descriptor, config: await readJson<ImageConfig>(blobs, manifest.config.digest), blobs }
}

export async function readJson<T>(blobs: BlobStore, digest: Digest): Promise<T> {
  const content = await collect(blobs.read(digest))
  try {
    return JSON.parse(content.toString())
  } catch (error) {
    throw new ImageError('BadManifest', `${digest} is not JSON`, { cause: error })
  }
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

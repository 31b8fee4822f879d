/** Images as one tar file: the OCI layout archive that `ctr images import` and `docker load` read, and what `docker save` writes. */
import { extract } from 'tar-stream'
import { indexType } from './assemble.ts'
import { type BlobStore, type Descriptor, type Digest, type Image, ImageError } from './image.ts'
import { type Entry, tarOf } from './layer.ts'
import { collect, readJson } from './layout.ts'

export interface NamedImage {
  readonly reference: string
  readonly image: Image
}

/**
 * The archive of several images. Blobs that the receiver has already may be left out: containerd takes what is missing from
 * its own store, which makes the import of a changed application layer a matter of milliseconds.
 */
export async function writeArchive(
  images: readonly NamedImage[],
  leaveOut: (digest: Digest) => boolean = () => false,
): Promise<AsyncIterable<Uint8Array>> {
  const entries: Entry[] = [{ path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' }]
  const manifests = images.map(({ reference, image }) => ({
    ...image.descriptor,
    annotations: { 'io.containerd.image.name': reference, 'org.opencontainers.image.ref.name': reference },
  }))
  entries.push({ path: 'index.json', content: JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }) })
  const seen = new Set<string>()
  for (const { image } of images) {
    for (const { digest } of [image.descriptor, image.manifest.config, ...image.manifest.layers]) {
      if (seen.has(digest) || leaveOut(digest)) continue
      seen.add(digest)
      entries.push({ path: `blobs/sha256/${digest.slice(7)}`, content: await collect(image.blobs.read(digest)) })
    }
  }
  return tarOf(entries)
}

const maxJson = 16 * 1024 * 1024

type TarEntry = AsyncIterable<Uint8Array> & { readonly header: { readonly name: string; readonly size?: number }; resume(): void }

/** Stores an archive's blobs and answers its images with their names: OCI layouts, and `docker save` files that carry one. */
export async function readArchive(
  source: AsyncIterable<Uint8Array>,
  blobs: BlobStore,
): Promise<readonly { reference: string; descriptor: Descriptor }[]> {
  const tar = extract()
  const feed = async () => {
    for await (const chunk of source) if (!tar.write(chunk)) await new Promise<void>((resume) => tar.once('drain', resume))
    tar.end(undefined)
  }
  feed().catch((error) => tar.destroy(error))
  let index: Uint8Array | undefined
  for await (const entry of tar as AsyncIterable<TarEntry>) {
    const { name, size = 0 } = entry.header
    const digest = /^(?:\.\/)?blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1]
    if (digest) await storeBlob(blobs, entry, `sha256:${digest}`)
    else if (/^(?:\.\/)?index\.json$/.test(name) && size < maxJson) index = await collect(entry)
    else entry.resume()
  }
  if (!index) throw new ImageError('BadManifest', 'the archive has no index.json: it is no OCI image archive')
  return namesOf(index, blobs)
}

async function storeBlob(blobs: BlobStore, content: AsyncIterable<Uint8Array>, digest: Digest): Promise<void> {
  const written = await blobs.write('application/octet-stream', content)
  if (written.digest !== digest)
    throw new ImageError('DigestMismatch', `blob ${digest} of the archive has digest ${written.digest}`)
}

async function namesOf(index: Uint8Array, blobs: BlobStore): Promise<{ reference: string; descriptor: Descriptor }[]> {
  const { manifests = [] } = JSON.parse(Buffer.from(index).toString()) as { manifests?: Descriptor[] }
  const found: { reference: string; descriptor: Descriptor }[] = []
  for (const descriptor of manifests) {
    const { annotations = {} } = descriptor
    const reference = annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'] ?? ''
    if (descriptor.mediaType === indexType) {
      const nested = await readJson<{ manifests: Descriptor[] }>(blobs, descriptor.digest)
      const one = nested.manifests.find(({ platform }) => platform?.os === 'linux')
      if (one) found.push({ reference, descriptor: one })
    } else {
      found.push({ reference, descriptor })
    }
  }
  return found
}

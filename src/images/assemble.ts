/** Puts layers and a configuration together into an image. */
import type { BlobStore, Descriptor, Image, ImageConfig, Manifest } from './image.ts'
import type { Layer } from './layer.ts'

export const manifestType = 'application/vnd.oci.image.manifest.v1+json'
export const indexType = 'application/vnd.oci.image.index.v1+json'
export const configType = 'application/vnd.oci.image.config.v1+json'

/** The instant all our images carry, so that equal content has equal digests. */
const created = '1970-01-01T00:00:00Z'

export async function assemble(
  blobs: BlobStore,
  parts: {
    architecture: string
    layers: readonly Layer[]
    config: ImageConfig['config']
    annotations?: Readonly<Record<string, string>>
  },
): Promise<Image> {
  const config: ImageConfig = {
    architecture: parts.architecture,
    os: 'linux',
    created,
    config: parts.config,
    rootfs: { type: 'layers', diff_ids: parts.layers.map(({ diffId }) => diffId) },
  }
  const configDescriptor = await blobs.write(configType, json(config))
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: configDescriptor,
    layers: parts.layers.map(({ descriptor }): Descriptor => descriptor),
    ...(parts.annotations && { annotations: parts.annotations }),
  }
  const descriptor = await blobs.write(manifestType, json(manifest))
  return { manifest, descriptor, config, blobs }
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

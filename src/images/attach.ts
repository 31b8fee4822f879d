/** Documents about an image, as manifests that refer to it (image-spec 1.1, "Guidelines for Artifact Usage"). */
import { manifestType } from './assemble.ts'
import type { Descriptor, Image, Manifest } from './image.ts'
import type { Layout } from './layout.ts'

const emptyType = 'application/vnd.oci.empty.v1+json'

export async function attach(
  layout: Layout,
  image: Image,
  { type, document }: { type: string; document: object },
): Promise<Descriptor> {
  const config = await layout.write(emptyType, Buffer.from('{}'))
  const layer = await layout.write(type, Buffer.from(JSON.stringify(document)))
  const { mediaType, digest, size } = image.descriptor
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    artifactType: type,
    config,
    layers: [layer],
    subject: { mediaType, digest, size },
  }
  const descriptor = { ...(await layout.write(manifestType, Buffer.from(JSON.stringify(manifest)))), artifactType: type }
  await layout.attach(digest, descriptor)
  return descriptor
}

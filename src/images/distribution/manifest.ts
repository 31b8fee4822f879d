/** What a registry reads in a manifest: which blobs and manifests it stands on, and whom it is about. */
import type { Descriptor, Digest } from '../image.ts'
import { isDigest } from './names.ts'
import { RegistryError } from './registry-error.ts'

export interface ParsedManifest {
  readonly blobs: readonly Digest[]
  /** Of an index. */
  readonly manifests: readonly Digest[]
  readonly subject: Digest | undefined
  readonly artifactType: string | undefined
  readonly annotations: Readonly<Record<string, string>> | undefined
}

/** As upstream registries: more is no manifest. */
export const largestManifest = 4 * 1024 * 1024

const indexTypes = ['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json']
const imageTypes = ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json']

/** Layers of these types lie elsewhere by design (image-spec 1.1, "Non-Distributable Layers"). */
const lieElsewhere = /nondistributable|rootfs\.foreign/

interface Document {
  readonly schemaVersion?: number
  readonly mediaType?: string
  readonly artifactType?: string
  readonly config?: Descriptor
  readonly layers?: readonly Descriptor[]
  readonly manifests?: readonly Descriptor[]
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

/** Throws MANIFEST_INVALID with what is wrong. */
export function parseManifest(content: Buffer, mediaType: string): ParsedManifest {
  const invalid = (why: string) => new RegistryError('MANIFEST_INVALID', `manifest invalid: ${why}`)
  if (!indexTypes.includes(mediaType) && !imageTypes.includes(mediaType)) throw invalid(`unsupported media type ${mediaType}`)
  let document: Document
  try {
    document = JSON.parse(content.toString())
  } catch (error) {
    throw new RegistryError('MANIFEST_INVALID', `manifest invalid: ${(error as Error).message}`, { cause: error })
  }
  if (typeof document !== 'object' || document === null) throw invalid('not an object')
  if (document.schemaVersion !== 2) throw invalid('schemaVersion must be 2')
  if (document.mediaType !== undefined && document.mediaType !== mediaType) {
    throw invalid(`mediaType is ${document.mediaType}, and Content-Type ${mediaType}`)
  }
  const isIndex = indexTypes.includes(mediaType)
  if (isIndex ? !Array.isArray(document.manifests) : !Array.isArray(document.layers) || !document.config) {
    throw invalid(isIndex ? 'manifests is missing' : 'config or layers is missing')
  }
  const digest = (one: Descriptor): Digest => {
    if (!isDigest(one?.digest)) throw invalid(`not a digest: ${JSON.stringify(one?.digest)}`)
    return one.digest
  }
  const layers = isIndex ? [] : (document.layers ?? []).filter((layer) => !lieElsewhere.test(layer?.mediaType ?? ''))
  return {
    blobs: isIndex ? [] : [document.config as Descriptor, ...layers].map(digest),
    manifests: isIndex ? (document.manifests ?? []).map(digest) : [],
    subject: document.subject && digest(document.subject),
    // distribution-spec 1.1, "Listing Referrers": an image without a type of its own is of its configuration's.
    artifactType: document.artifactType ?? (isIndex ? undefined : document.config?.mediaType),
    annotations: document.annotations,
  }
}

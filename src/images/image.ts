/**
 * An image as OCI sees it: a tree of blobs named by digest. This folder knows no Kubernetes; it reads, builds, moves and
 * writes images. Sources: OCI image-spec 1.1 (manifest, config, layout), distribution-spec 1.1.
 */

/** `sha256:` and 64 hexadecimal digits. */
export type Digest = `sha256:${string}`

/** OCI content descriptor. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
  readonly platform?: Platform
  /** Of what a manifest that is no image holds: an SBOM, a signature. */
  readonly artifactType?: string
}

export interface Platform {
  readonly architecture: 'amd64' | 'arm64' | (string & {})
  readonly os: 'linux' | (string & {})
}

/** OCI image manifest. */
export interface Manifest {
  readonly schemaVersion: 2
  readonly mediaType: 'application/vnd.oci.image.manifest.v1+json' | 'application/vnd.docker.distribution.manifest.v2+json'
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly artifactType?: string
  /** The manifest that this one is about. */
  readonly subject?: Descriptor
}

/** OCI image configuration. */
export interface ImageConfig {
  readonly architecture: string
  readonly os: string
  /** RFC 3339; fixed by the builder so that equal inputs give equal digests. */
  readonly created?: string
  readonly config: {
    readonly Env?: readonly string[]
    readonly Entrypoint?: readonly string[]
    readonly Cmd?: readonly string[]
    readonly WorkingDir?: string
    readonly User?: string
    readonly ExposedPorts?: Readonly<Record<string, object>>
    readonly Labels?: Readonly<Record<string, string>>
    readonly StopSignal?: string
  }
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly Digest[] }
  readonly history?: readonly { readonly created?: string; readonly created_by?: string; readonly empty_layer?: boolean }[]
}

/** Where blobs are kept: a directory in OCI layout, a registry, memory. Reading checks the digest; writing is atomic. */
export interface BlobStore {
  has(digest: Digest): Promise<boolean>
  /** Throws ImageError('BlobNotFound') or ('DigestMismatch'). */
  read(digest: Digest): AsyncIterable<Uint8Array>
  write(mediaType: string, content: AsyncIterable<Uint8Array> | Uint8Array): Promise<Descriptor>
  /** Manifests that are about this one: an SBOM, a provenance. */
  referrers?(subject: Digest): Promise<readonly Descriptor[]>
}

/** An image with everything that it needs, wherever its blobs are. */
export interface Image {
  readonly manifest: Manifest
  readonly descriptor: Descriptor
  readonly config: ImageConfig
  readonly blobs: BlobStore
}

export type ImageErrorCode =
  | 'BadReference'
  | 'BlobNotFound'
  | 'DigestMismatch'
  | 'BadManifest'
  | 'NoMatchingPlatform'
  | 'Unauthorized'
  | 'NotFound'
  | 'Unreachable'
  | 'UnsafePath'
  | 'BadContext'
  | 'Secret'

export class ImageError extends Error {
  readonly code: ImageErrorCode

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ImageError'
    this.code = code
  }
}

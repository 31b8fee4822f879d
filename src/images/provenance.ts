/** How an image came about: an in-toto statement with SLSA's provenance (v1). The same image has the same statement. */
import type { Descriptor, Image } from './image.ts'

export const inTotoType = 'application/vnd.in-toto+json'

export interface Provenance {
  readonly name: string
  readonly image: Image
  /** `Node.js`, `Python`, ... */
  readonly kind: string
  /** Of the folder's source. */
  readonly source: Descriptor
  readonly dependencies?: Descriptor | undefined
  readonly base?: Descriptor | undefined
}

export function provenanceOf({ name, image, kind, source, dependencies, base }: Provenance): object {
  const material = (uri: string, { digest }: Descriptor) => ({ uri, digest: { sha256: digest.slice(7) } })
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name, digest: { sha256: image.descriptor.digest.slice(7) } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'urn:nami:build:source:1',
        externalParameters: { kind, command: image.config.config.Cmd ?? [] },
        resolvedDependencies: [
          material('layer:source', source),
          ...(dependencies ? [material('layer:dependencies', dependencies)] : []),
          ...(base ? [material('image:base', base)] : []),
        ],
      },
      runDetails: { builder: { id: 'urn:nami:builder' } },
    },
  }
}

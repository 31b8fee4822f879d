/** Bills of materials in SPDX 2.3. The same image has the same bill, so that it names no time but the epoch. */
import { createHash } from 'node:crypto'

export interface Component {
  readonly name: string
  readonly version: string
  /** `pkg:npm/express@4.18.2` */
  readonly purl: string
  /** As npm's lock files have it: `sha512-BASE64`. */
  readonly integrity?: string
  readonly license?: string
  readonly source?: string
}

export const spdxType = 'application/spdx+json'

export function billOfMaterials(image: { name: string; digest: string }, components: readonly Component[]): object {
  const packages = components.map((component) => ({
    SPDXID: `SPDXRef-${idOf(component.purl)}`,
    name: component.name,
    versionInfo: component.version,
    downloadLocation: component.source ?? 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: component.license ?? 'NOASSERTION',
    copyrightText: 'NOASSERTION',
    ...checksumsOf(component.integrity),
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: component.purl }],
  }))
  const unique = [...new Map(packages.map((one) => [one.SPDXID, one])).values()]
  const root = {
    SPDXID: 'SPDXRef-image',
    name: image.name,
    versionInfo: image.digest,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    primaryPackagePurpose: 'CONTAINER',
  }
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: image.name,
    documentNamespace: `urn:nami:sbom:${image.digest}`,
    creationInfo: { created: '1970-01-01T00:00:00Z', creators: ['Tool: nami'] },
    packages: [root, ...unique],
    relationships: [
      { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: root.SPDXID },
      ...unique.map(({ SPDXID }) => ({ spdxElementId: root.SPDXID, relationshipType: 'CONTAINS', relatedSpdxElement: SPDXID })),
    ],
  }
}

function idOf(purl: string): string {
  return createHash('sha256').update(purl).digest('hex').slice(0, 16)
}

function checksumsOf(integrity: string | undefined): object {
  const [, algorithm, value] = /^(sha\d+)-(\S+)/.exec(integrity ?? '') ?? []
  if (!algorithm || !value) return {}
  return { checksums: [{ algorithm: algorithm.toUpperCase(), checksumValue: Buffer.from(value, 'base64').toString('hex') }] }
}

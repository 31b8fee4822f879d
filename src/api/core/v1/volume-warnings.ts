/** Warnings about the volumes of a pod: retired drivers, and files that would lie in each other's way (upstream `pkg/api/pod/warnings.go`). */
import type { Volume, VolumeProjection } from '#api/core/v1/volume.ts'
import type { Path } from '#schema/field-error.ts'
import { fractionWarnings } from './quantity-warnings.ts'

const retired: readonly (readonly [keyof Volume, string])[] = [
  ['photonPersistentDisk', 'photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'gitRepo: deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'scaleIO: deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'flocker: deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'storageOS: deprecated in v1.22, non-functional in v1.25+'],
  ['quobyte', 'quobyte: deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs: deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'cephfs: deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'rbd: deprecated in v1.28, non-functional in v1.31+'],
]

export function volumeListWarnings(volumes: readonly Volume[], at: Path): string[] {
  const warnings: string[] = []
  for (const [index, volume] of volumes.entries()) {
    for (const [source, warning] of retired) if (volume[source]) warnings.push(`${at.index(index)}.${warning}`)
    if (volume.ephemeral) warnings.push(...claimWarnings(volume, at.index(index)))
  }
  for (const volume of volumes) if (holdsFiles(volume)) warnings.push(...overlapWarnings(volume))
  return warnings
}

function holdsFiles({ configMap, secret, downwardAPI, projected }: Volume): unknown {
  return configMap?.items ?? secret?.items ?? downwardAPI?.items ?? projected
}

function claimWarnings({ ephemeral }: Volume, at: Path): string[] {
  const requests = ephemeral?.volumeClaimTemplate?.spec.resources.requests
  return fractionWarnings(requests, at.child('ephemeral', 'volumeClaimTemplate', 'spec', 'resources', 'requests'), ['storage'])
}

interface File {
  readonly path: string
  /** Of a projected volume: which of its sources it comes from. */
  readonly source: string
}

function overlapWarnings({ name, configMap, secret, downwardAPI, projected }: Volume): string[] {
  const warn = (what: string, files: readonly File[]) =>
    overlaps(files).map((pair) => `volume ${JSON.stringify(name)} (${what}): overlapping paths: ${pair}`)
  const sources = projected?.sources ?? []
  return [
    ...(configMap?.items ? warn(`ConfigMap ${JSON.stringify(configMap.name ?? '')}`, filesOf(configMap.items, '')) : []),
    ...(secret?.items ? warn(`Secret ${JSON.stringify(secret.secretName ?? '')}`, filesOf(secret.items, '')) : []),
    ...(downwardAPI?.items ? warn('DownwardAPI', filesOf(downwardAPI.items, '')) : []),
    ...sources
      .filter((source) => Object.keys(source).length === 0)
      .map(() => `volume ${JSON.stringify(name)} (Projected) has no sources provided`),
    ...warn('Projected', sources.flatMap(projectedFiles)),
  ]
}

function filesOf(items: readonly { readonly path: string }[], source: string): File[] {
  return items.map(({ path }) => ({ path, source }))
}

function projectedFiles(projection: VolumeProjection): File[] {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = projection
  if (configMap?.items) return filesOf(configMap.items, `ConfigMap ${JSON.stringify(configMap.name ?? '')}`)
  if (secret?.items) return filesOf(secret.items, `Secret ${JSON.stringify(secret.name ?? '')}`)
  if (downwardAPI?.items) return filesOf(downwardAPI.items, 'DownwardAPI')
  if (serviceAccountToken) return filesOf([serviceAccountToken], 'ServiceAccountToken')
  if (clusterTrustBundle) {
    const name = clusterTrustBundle.name ?? clusterTrustBundle.signerName ?? ''
    return filesOf([clusterTrustBundle], `ClusterTrustBundle ${JSON.stringify(name)}`)
  }
  return [
    { path: podCertificate?.certificateChainPath ?? '', source: 'PodCertificate chain' },
    { path: podCertificate?.keyPath ?? '', source: 'PodCertificate key' },
    { path: podCertificate?.credentialBundlePath ?? '', source: 'PodCertificate credential bundle' },
  ].filter(({ path }) => path !== '')
}

/** Pairs of files of which one would be, or hold, the other. */
function overlaps(files: readonly File[]): string[] {
  if (files.length < 2) return []
  const before: File[] = []
  return files.flatMap(({ path, source }) => {
    const file = path.endsWith('/') ? { path: path.replace(/\/+$/, ''), source } : { path, source }
    const found = before.filter((other) => isInTheWay(file.path, other.path))
    before.push(file)
    return found.map((other) => `${fileText(file)} with ${fileText(other)}`)
  })
}

function isInTheWay(one: string, other: string): boolean {
  if (one === '' || other === '') return false
  return `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`)
}

function fileText({ path, source }: File): string {
  return source ? `${JSON.stringify(path)} (${source})` : JSON.stringify(path)
}

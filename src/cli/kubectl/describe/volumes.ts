/** Volumes in a description. */
import { quantityValue } from '#schema/quantity.ts'
import { goValue } from '../output/go-value.ts'
import type { Json } from '../session.ts'
import { type Report, sortedEntries } from './report.ts'

export function describeVolumes(w: Report, volumes: readonly Json[] = [], space = ''): void {
  w.line(0, `${space}Volumes:${volumes.length === 0 ? '\t<none>' : ''}`)
  for (const { name, ...source } of volumes) {
    w.line(1, `${space ? ' ' : ''}${name}:`)
    const [kind = ''] = Object.keys(source)
    const lines = Object.hasOwn(sources, kind) ? sources[kind]?.(source[kind] ?? {}) : undefined
    if (lines) for (const [label, value] of lines) w.field(2, label, value)
    else if (kind) describeOther(w, kind, source[kind] ?? {})
    else w.line(1, '<unknown>')
  }
}

type Lines = readonly (readonly [label: string, value: unknown])[]

const sources: Record<string, (source: Json) => Lines> = {
  hostPath: ({ path, type }) => [
    ['Type', 'HostPath (bare host directory volume)'],
    ['Path', path],
    ['HostPathType', type ?? '<none>'],
  ],
  emptyDir: ({ medium, sizeLimit }) => [
    ['Type', "EmptyDir (a temporary directory that shares a pod's lifetime)"],
    ['Medium', medium],
    ['SizeLimit', sizeLimit && quantityValue(sizeLimit) > 0 ? sizeLimit : '<unset>'],
  ],
  secret: ({ secretName, optional }) => [
    ['Type', 'Secret (a volume populated by a Secret)'],
    ['SecretName', secretName],
    ['Optional', Boolean(optional)],
  ],
  configMap: ({ name, optional }) => [
    ['Type', 'ConfigMap (a volume populated by a ConfigMap)'],
    ['Name', name],
    ['Optional', Boolean(optional)],
  ],
  nfs: ({ server, path, readOnly }) => [
    ['Type', 'NFS (an NFS mount that lasts the lifetime of a pod)'],
    ['Server', server],
    ['Path', path],
    ['ReadOnly', Boolean(readOnly)],
  ],
  persistentVolumeClaim: ({ claimName, readOnly }) => [
    ['Type', 'PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)'],
    ['ClaimName', claimName],
    ['ReadOnly', Boolean(readOnly)],
  ],
  downwardAPI: ({ items = [] }) => [
    ['Type', `DownwardAPI (a volume populated by information about the pod)\n    Items:${items.map(downwardLine).join('')}`],
  ],
  projected: ({ sources = [] }) => [
    ['Type', 'Projected (a volume that contains injected data from multiple sources)'],
    ...sources.flatMap(projectedLines),
  ],
  csi: ({ driver, fsType, readOnly, volumeAttributes }) => [
    ['Type', 'CSI (a Container Storage Interface (CSI) volume source)'],
    ['Driver', driver],
    ['FSType', fsType],
    ['ReadOnly', Boolean(readOnly)],
    ['VolumeAttributes', attributesText(volumeAttributes)],
  ],
  image: ({ reference, pullPolicy }) => [
    ['Type', 'Image (a container image or OCI artifact)'],
    ['Reference', reference],
    ['PullPolicy', pullPolicy],
  ],
}

function downwardLine({ path, fieldRef, resourceFieldRef }: Json): string {
  return `\n      ${fieldRef?.fieldPath ?? resourceFieldRef?.resource ?? ''} -> ${path}`
}

function projectedLines({ secret, downwardAPI, configMap, serviceAccountToken }: Json): Lines {
  if (secret)
    return [
      ['SecretName', secret.name],
      ['Optional', Boolean(secret.optional)],
    ]
  if (downwardAPI) return [['DownwardAPI', 'true']]
  if (configMap)
    return [
      ['ConfigMapName', configMap.name],
      ['Optional', Boolean(configMap.optional)],
    ]
  return serviceAccountToken ? [['TokenExpirationSeconds', serviceAccountToken.expirationSeconds]] : []
}

function attributesText(attributes: Readonly<Record<string, string>> = {}): string {
  const lines = sortedEntries(attributes).map(([key, value]) => `    ${key}=${value}`)
  return lines.length === 0 ? '<none>' : lines.join('\n        \t')
}

/** Volumes of cloud and storage systems: their fields by name. */
function describeOther(w: Report, kind: string, source: Json): void {
  w.field(2, 'Type', kind.charAt(0).toUpperCase() + kind.slice(1))
  for (const key of Object.keys(source)) w.field(2, key.charAt(0).toUpperCase() + key.slice(1), goValue(source[key]))
}

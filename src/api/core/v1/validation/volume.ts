/** Rules for the volumes of a pod: each has a name of its own and exactly one source (upstream `ValidateVolumes`). */
import type { Volume } from '#api/core/v1/volume.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Subdomain } from '#schema/formats.ts'
import { compareQuantity } from '#schema/quantity.ts'
import { dnsLabel, required } from './checks.ts'
import { claimTemplateErrors } from './claim-template.ts'
import type { PodContext } from './pod-context.ts'
import { projectionErrors } from './projected-volume.ts'
import * as source from './volume-source.ts'

/** The volumes that are valid, by name. */
export type VolumesByName = ReadonlyMap<string, Volume>

export function validateVolumes(
  volumes: readonly Volume[],
  at: Path,
  context: PodContext,
): { errors: FieldError[]; byName: VolumesByName } {
  const errors: FieldError[] = []
  const byName = new Map<string, Volume>()
  const claims = new Set(volumes.filter(({ ephemeral }) => ephemeral).map(({ name }) => `${context.podName}-${name}`))
  for (const [index, volume] of volumes.entries()) {
    const here = at.index(index)
    const name = here.child('name')
    const found = [...sourceErrors(volume, here, context), ...(volume.name ? dnsLabel(volume.name, name) : [name.required()])]
    if (byName.has(volume.name)) found.push(name.duplicate(volume.name))
    if (found.length === 0) byName.set(volume.name, volume)
    errors.push(...found)
    const claim = volume.persistentVolumeClaim?.claimName
    if (claim !== undefined && context.podName && claims.has(claim)) {
      const message = 'must not reference a PVC that gets created for an ephemeral volume'
      errors.push(here.child('persistentVolumeClaim', 'claimName').invalid(claim, message))
    }
  }
  return { errors, byName }
}

type SourceName = Exclude<keyof Volume, 'name'>
type Rule<K extends SourceName> = (value: NonNullable<Volume[K]>, at: Path, context: PodContext) => FieldError[]

/** In upstream's order, which decides who of two sources is the one too many. */
const rules: { [K in SourceName]-?: Rule<K> } = {
  emptyDir: ({ sizeLimit }, at) => {
    const isNegative = sizeLimit !== undefined && compareQuantity(sizeLimit, '0') < 0
    return isNegative ? [at.child('sizeLimit').forbidden('SizeLimit field must be a valid resource quantity')] : []
  },
  hostPath: source.hostPath,
  gitRepo: source.gitRepo,
  gcePersistentDisk: source.gcePersistentDisk,
  awsElasticBlockStore: source.awsElasticBlockStore,
  secret: source.secret,
  nfs: source.nfs,
  iscsi: source.iscsi,
  glusterfs: ({ endpoints, path }, at) => [...required(endpoints, at.child('endpoints')), ...required(path, at.child('path'))],
  flocker: source.flocker,
  persistentVolumeClaim: ({ claimName }, at) => required(claimName, at.child('claimName')),
  rbd: source.rbd,
  cinder: ({ volumeID, secretRef }, at) => [
    ...required(volumeID, at.child('volumeID')),
    ...source.secretRefErrors(secretRef, at),
  ],
  cephfs: ({ monitors }, at) => (monitors.length === 0 ? [at.child('monitors').required()] : []),
  quobyte: source.quobyte,
  downwardAPI: source.downwardApi,
  fc: source.fc,
  flexVolume: source.flexVolume,
  configMap: source.configMap,
  azureFile: ({ secretName, shareName }, at) => [
    ...required(secretName, at.child('secretName')),
    ...required(shareName, at.child('shareName')),
  ],
  vsphereVolume: ({ volumePath }, at) => required(volumePath, at.child('volumePath')),
  photonPersistentDisk: ({ pdID }, at) => required(pdID, at.child('pdID')),
  portworxVolume: ({ volumeID }, at) => required(volumeID, at.child('volumeID')),
  azureDisk: source.azureDisk,
  storageos: source.storageOs,
  projected: projectionErrors,
  scaleIO: source.scaleIo,
  csi: source.csi,
  ephemeral: ({ volumeClaimTemplate }, at) => {
    const here = at.child('volumeClaimTemplate')
    return volumeClaimTemplate ? claimTemplateErrors(volumeClaimTemplate, here) : [here.required()]
  },
  image: source.image,
}

/** Paths that upstream spells in another way than the field. */
const pathWhenValid: Partial<Record<SourceName, string>> = { gcePersistentDisk: 'persistentDisk' }
const pathWhenTooMany: Partial<Record<SourceName, string>> = { cephfs: 'cephFS', downwardAPI: 'downwarAPI' }

function sourceErrors(volume: Volume, at: Path, context: PodContext): FieldError[] {
  const errors: FieldError[] = []
  let count = 0
  for (const kind of Object.keys(rules) as SourceName[]) {
    const value = volume[kind]
    if (value === undefined) continue
    const isFirst = count === 0
    if (isFirst) {
      count++
      errors.push(...(rules[kind] as Rule<any>)(value as never, at.child(pathWhenValid[kind] ?? kind), context))
    } else {
      errors.push(at.child(pathWhenTooMany[kind] ?? kind).forbidden('may not specify more than 1 volume type'))
    }
    errors.push(...nameErrors(volume, kind, { at, context, isFirst }))
  }
  return count === 0 ? [at.required('must specify a volume type')] : errors
}

interface Place {
  at: Path
  context: PodContext
  isFirst: boolean
}

/** What a source asks of the volume's name. */
function nameErrors({ name, iscsi }: Volume, kind: SourceName, { at, context, isFirst }: Place): FieldError[] {
  const here = at.child('name')
  if (kind === 'iscsi' && iscsi?.initiatorName !== undefined && `${name}:${iscsi.targetPortal}`.length > 64) {
    const limit = 'must be under 64 characters if iscsi.initiatorName is specified.'
    return [here.invalid(name, `Total length of <volume name>:<iscsi.targetPortal> ${limit}`)]
  }
  if (kind === 'ephemeral' && isFirst && context.podName && name) {
    const claim = `${context.podName}-${name}`
    return isDns1123Subdomain(claim).map((message) => here.invalid(name, `PVC name ${JSON.stringify(claim)}: ${message}`))
  }
  return []
}

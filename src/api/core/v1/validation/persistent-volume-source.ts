/** Rules for what a persistent volume consists of: exactly one source, with its own rules (upstream `ValidatePersistentVolumeSpec`). */
import type { PersistentVolumeSpec } from '#api/core/v1/persistent-volume.ts'
import type { CSIPersistentVolumeSource, PersistentVolumeSource } from '#api/core/v1/persistent-volume-source.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Subdomain } from '#schema/formats.ts'
import { dnsLabel, dnsSubdomain, noBacksteps, required } from './checks.ts'
import * as source from './volume-source.ts'

type SourceName = keyof PersistentVolumeSource
type Rule<K extends SourceName> = (value: NonNullable<PersistentVolumeSource[K]>, at: Path) => FieldError[]

/** In upstream's order, which decides who of two sources is the one too many. */
const rules: { [K in SourceName]-?: Rule<K> } = {
  hostPath: source.hostPath,
  gcePersistentDisk: source.gcePersistentDisk,
  awsElasticBlockStore: source.awsElasticBlockStore,
  glusterfs: ({ endpoints, path, endpointsNamespace }, at) => [
    ...required(endpoints, at.child('endpoints')),
    ...required(path, at.child('path')),
    ...(endpointsNamespace === undefined ? [] : namespaceErrors(endpointsNamespace, at.child('endpointsNamespace'))),
  ],
  flocker: source.flocker,
  nfs: source.nfs,
  rbd: (value, at) => source.rbd(value as never, at),
  quobyte: source.quobyte,
  cephfs: ({ monitors }, at) => (monitors.length === 0 ? [at.child('monitors').required()] : []),
  iscsi: (value, at) => [
    ...source.iscsi(value as never, at),
    ...(value.secretRef && !value.secretRef.name ? [at.child('secretRef', 'name').required()] : []),
  ],
  cinder: ({ volumeID, secretRef }, at) => [
    ...required(volumeID, at.child('volumeID')),
    ...(secretRef && !secretRef.name ? [at.child('secretRef', 'name').required()] : []),
    ...(secretRef && !secretRef.namespace ? [at.child('secretRef', 'namespace').required()] : []),
  ],
  fc: source.fc,
  flexVolume: (value, at) => source.flexVolume(value as never, at),
  azureFile: ({ secretName, shareName }, at) => [
    ...required(secretName, at.child('secretName')),
    ...required(shareName, at.child('shareName')),
  ],
  vsphereVolume: ({ volumePath }, at) => required(volumePath, at.child('volumePath')),
  photonPersistentDisk: ({ pdID }, at) => required(pdID, at.child('pdID')),
  portworxVolume: ({ volumeID }, at) => required(volumeID, at.child('volumeID')),
  azureDisk: source.azureDisk,
  scaleIO: (value, at) => source.scaleIo(value as never, at),
  local: ({ path }, at) => (path ? noBacksteps(path, at.child('path')) : [at.child('path').required()]),
  storageos: ({ volumeName, volumeNamespace, secretRef }, at) => [
    ...(volumeName ? dnsLabel(volumeName, at.child('volumeName')) : [at.child('volumeName').required()]),
    ...(volumeNamespace ? dnsLabel(volumeNamespace, at.child('volumeNamespace')) : []),
    ...(secretRef && !secretRef.name ? [at.child('secretRef', 'name').required()] : []),
    ...(secretRef && !secretRef.namespace ? [at.child('secretRef', 'namespace').required()] : []),
  ],
  csi: csiErrors,
}

/** Paths that upstream spells in another way than the field. */
const pathWhenValid: Partial<Record<SourceName, string>> = { gcePersistentDisk: 'persistentDisk' }
const pathWhenTooMany: Partial<Record<SourceName, string>> = { cephfs: 'cephFS' }

export function sourceErrors(spec: PersistentVolumeSpec, name: string, at: Path): FieldError[] {
  const errors: FieldError[] = []
  let count = 0
  for (const kind of Object.keys(rules) as SourceName[]) {
    const value = spec[kind]
    if (value === undefined) continue
    // Upstream forgets to ask for flexVolume.
    if (count > 0 && kind !== 'flexVolume') {
      errors.push(at.child(pathWhenTooMany[kind] ?? kind).forbidden('may not specify more than 1 volume type'))
      continue
    }
    count++
    errors.push(...(rules[kind] as Rule<any>)(value as never, at.child(pathWhenValid[kind] ?? kind)))
    if (kind === 'iscsi') errors.push(...initiatorErrors(spec, name, at.child('iscsi')))
    if (kind === 'local' && !spec.nodeAffinity?.required) {
      errors.push(at.child('nodeAffinity').required('Local volume requires node affinity'))
    }
  }
  return count === 0 ? [...errors, at.required('must specify a volume type')] : errors
}

function initiatorErrors({ iscsi }: PersistentVolumeSpec, name: string, at: Path): FieldError[] {
  if (iscsi?.initiatorName === undefined || `${name}:${iscsi.targetPortal}`.length <= 64) return []
  const message =
    'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.'
  return [at.child('targetportal').invalid(iscsi.targetPortal, message)]
}

function namespaceErrors(namespace: string, at: Path): FieldError[] {
  return namespace
    ? dnsLabel(namespace, at)
    : [at.invalid(namespace, 'if the endpointnamespace is set, it must be a valid namespace name')]
}

const secretRefs = [
  'controllerPublishSecretRef',
  'controllerExpandSecretRef',
  'nodePublishSecretRef',
  'nodeExpandSecretRef',
] as const

function csiErrors(csi: CSIPersistentVolumeSource, at: Path): FieldError[] {
  const { driver, volumeHandle } = csi
  const here = at.child('driver')
  const errors = driver
    ? [
        ...(driver.length > 63 ? [here.tooLong(63)] : []),
        ...isDns1123Subdomain(driver.toLowerCase()).map((message) => here.invalid(driver, message)),
      ]
    : [here.required()]
  return [
    ...errors,
    ...required(volumeHandle, at.child('volumeHandle')),
    ...secretRefs.flatMap((field) => (csi[field] ? secretErrors(csi[field], at.child(field)) : [])),
  ]
}

function secretErrors(
  { name, namespace }: { name?: string | undefined; namespace?: string | undefined },
  at: Path,
): FieldError[] {
  return [
    ...(name ? dnsSubdomain(name, at.child('name')) : [at.child('name').required()]),
    ...(namespace ? dnsLabel(namespace, at.child('namespace')) : [at.child('namespace').required()]),
  ]
}

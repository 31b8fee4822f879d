/** Rules for each source that a volume may have, upstream's `validate...VolumeSource`. */
import type { Volume } from '#api/core/v1/volume.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Subdomain } from '#schema/formats.ts'
import { among, descendingPath, dnsLabel, fileMode, formatted, noBacksteps, required, within } from './checks.ts'
import { pullPolicyErrors } from './image.ts'
import type { PodContext } from './pod-context.ts'
import { downwardFileErrors, keyToPathErrors } from './volume-file.ts'

type Source<K extends keyof Volume> = NonNullable<Volume[K]>

const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket']

export function hostPath({ path, type }: Source<'hostPath'>, at: Path): FieldError[] {
  if (!path) return [at.child('path').required()]
  return [...noBacksteps(path, at.child('path')), ...among(type, hostPathTypes, at.child('type'))]
}

export function gitRepo({ repository, directory = '' }: Source<'gitRepo'>, at: Path): FieldError[] {
  return [...required(repository, at.child('repository')), ...descendingPath(directory, at.child('directory'))]
}

export function gcePersistentDisk({ pdName, partition = 0 }: Source<'gcePersistentDisk'>, at: Path): FieldError[] {
  return [...required(pdName, at.child('pdName')), ...within(partition, [0, 255], at.child('partition')).map(asPartition)]
}

export function awsElasticBlockStore({ volumeID, partition = 0 }: Source<'awsElasticBlockStore'>, at: Path): FieldError[] {
  return [...required(volumeID, at.child('volumeID')), ...within(partition, [0, 255], at.child('partition')).map(asPartition)]
}

/** Zero is fine but upstream's message begins at one. */
function asPartition(error: FieldError): FieldError {
  return { ...error, body: error.body.replace('between 0 and 255', 'between 1 and 255') }
}

export function secret({ secretName, defaultMode, items = [] }: Source<'secret'>, at: Path): FieldError[] {
  return [
    ...required(secretName, at.child('secretName')),
    ...fileMode(defaultMode, at.child('defaultMode')),
    ...items.flatMap((item, index) => keyToPathErrors(item, at.child('items').index(index))),
  ]
}

export function configMap({ name, defaultMode, items = [] }: Source<'configMap'>, at: Path): FieldError[] {
  return [
    ...required(name, at.child('name')),
    ...fileMode(defaultMode, at.child('defaultMode')),
    ...items.flatMap((item, index) => keyToPathErrors(item, at.child('items').index(index))),
  ]
}

export function downwardApi({ defaultMode, items = [] }: Source<'downwardAPI'>, at: Path): FieldError[] {
  return [...fileMode(defaultMode, at.child('defaultMode')), ...items.flatMap((item) => downwardFileErrors(item, at))]
}

export function nfs({ server, path }: Source<'nfs'>, at: Path): FieldError[] {
  return [
    ...required(server, at.child('server')),
    ...required(path, at.child('path')),
    ...(path.startsWith('/') ? [] : [at.child('path').invalid(path, 'must be an absolute path')]),
  ]
}

const initiators: readonly (readonly [string, RegExp])[] = [
  ['iqn', /iqn\.\d{4}-\d{2}\.([a-zA-Z0-9\-.]+)(:[^,;*&$|\s]+)$/],
  ['eui', /^eui.[a-zA-Z0-9]{16}$/],
  ['naa', /^naa.[a-zA-Z0-9]{32}$/],
]

/** RFC 3720 allows 223; the pattern's time grows with the square of the length. */
const longestInitiator = 1000

function initiatorErrors(name: string, at: Path): FieldError[] {
  const format = initiators.find(([prefix]) => name.startsWith(prefix))
  if (!format) return [at.invalid(name, 'must be valid format starting with iqn, eui, or naa')]
  return name.length <= longestInitiator && format[1].test(name) ? [] : [at.invalid(name, 'must be valid format')]
}

export function iscsi(source: Source<'iscsi'>, at: Path): FieldError[] {
  const { targetPortal, iqn, lun, initiatorName } = source
  const lacksSecret = (source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef
  return [
    ...required(targetPortal, at.child('targetPortal')),
    ...(iqn ? initiatorErrors(iqn, at.child('iqn')) : [at.child('iqn').required()]),
    ...within(lun, [0, 255], at.child('lun')),
    ...(lacksSecret ? [at.child('secretRef').required()] : []),
    ...(initiatorName === undefined ? [] : initiatorErrors(initiatorName, at.child('initiatorname'))),
  ]
}

export function flocker({ datasetName = '', datasetUUID = '' }: Source<'flocker'>, at: Path): FieldError[] {
  const errors: FieldError[] = []
  if (!datasetName && !datasetUUID) errors.push(at.required('one of datasetName and datasetUUID is required'))
  if (datasetName && datasetUUID) {
    errors.push(at.invalid('resource', 'datasetName and datasetUUID can not be specified simultaneously'))
  }
  if (datasetName.includes('/')) errors.push(at.child('datasetName').invalid(datasetName, "must not contain '/'"))
  return errors
}

export function rbd({ monitors, image }: Source<'rbd'>, at: Path): FieldError[] {
  return [...(monitors.length === 0 ? [at.child('monitors').required()] : []), ...required(image, at.child('image'))]
}

export function quobyte({ registry, tenant = '', volume }: Source<'quobyte'>, at: Path): FieldError[] {
  const pairs = 'must be a host:port pair or multiple pairs separated by commas'
  const errors: FieldError[] = []
  if (!registry) errors.push(at.child('registry').required(pairs))
  else if (tenant.length >= 65) {
    errors.push(at.child('tenant').required('must be a UUID and may not exceed a length of 64 characters'))
  } else {
    const bad = registry.split(',').filter((pair) => !/^(?:[^:[\]]*|\[[^[\]]*\]):[^:[\]]*$/.test(pair))
    errors.push(...bad.map(() => at.child('registry').invalid(registry, pairs)))
  }
  return [...errors, ...required(volume, at.child('volume'))]
}

export function fc({ targetWWNs = [], wwids = [], lun }: Source<'fc'>, at: Path): FieldError[] {
  const errors: FieldError[] = []
  const names = at.child('targetWWNs')
  if (targetWWNs.length === 0 && wwids.length === 0) {
    errors.push(names.required('must specify either targetWWNs or wwids, but not both'))
  }
  if (targetWWNs.length > 0 && wwids.length > 0) {
    errors.push(names.invalid(targetWWNs, 'targetWWNs and wwids can not be specified simultaneously'))
  }
  if (targetWWNs.length === 0) return errors
  const here = at.child('lun')
  return [
    ...errors,
    ...(lun === undefined ? [here.required('lun is required if targetWWNs is specified')] : within(lun, [0, 255], here)),
  ]
}

export function flexVolume({ driver, options = {} }: Source<'flexVolume'>, at: Path): FieldError[] {
  const reserved = Object.keys(options).filter((key) => {
    const slash = key.indexOf('/')
    const namespace = `.${(slash < 0 ? key : key.slice(0, slash)).toLowerCase()}`
    return namespace.endsWith('.kubernetes.io') || namespace.endsWith('.k8s.io')
  })
  const message = 'kubernetes.io and k8s.io namespaces are reserved'
  return [...required(driver, at.child('driver')), ...reserved.map((key) => at.child('options').key(key).invalid(key, message))]
}

const managedDisk = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}'
const blobDisk = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd'

export function azureDisk({ diskName, diskURI, cachingMode, kind }: Source<'azureDisk'>, at: Path): FieldError[] {
  const isManaged = kind === 'Managed'
  const isSpelledWell = diskURI.startsWith(isManaged ? '/subscriptions/' : 'https://')
  return [
    ...required(diskName, at.child('diskName')),
    ...required(diskURI, at.child('diskURI')),
    ...among(cachingMode, ['None', 'ReadOnly', 'ReadWrite'], at.child('cachingMode')),
    ...among(kind, ['Dedicated', 'Managed', 'Shared'], at.child('kind')),
    ...(isSpelledWell ? [] : [at.child('diskURI').notSupported(diskURI, [isManaged ? managedDisk : blobDisk])]),
  ]
}

export function storageOs({ volumeName, volumeNamespace, secretRef }: Source<'storageos'>, at: Path): FieldError[] {
  return [
    ...(volumeName ? dnsLabel(volumeName, at.child('volumeName')) : [at.child('volumeName').required()]),
    ...(volumeNamespace ? dnsLabel(volumeNamespace, at.child('volumeNamespace')) : []),
    ...secretRefErrors(secretRef, at),
  ]
}

export function secretRefErrors(reference: { name?: string | undefined } | undefined, at: Path): FieldError[] {
  return reference ? required(reference.name, at.child('secretRef', 'name')) : []
}

export function scaleIo({ gateway, system, volumeName }: Source<'scaleIO'>, at: Path): FieldError[] {
  return [
    ...required(gateway, at.child('gateway')),
    ...required(system, at.child('system')),
    ...required(volumeName, at.child('volumeName')),
  ]
}

export function csi({ driver, nodePublishSecretRef }: Source<'csi'>, at: Path): FieldError[] {
  const here = at.child('driver')
  const errors = driver
    ? [
        ...(driver.length > 63 ? [here.tooLong(63)] : []),
        ...isDns1123Subdomain(driver.toLowerCase()).map((message) => here.invalid(driver, message)),
      ]
    : [here.required()]
  if (!nodePublishSecretRef) return errors
  const { name } = nodePublishSecretRef
  if (!name) return [...errors, at.child('nodePublishSecretRef', 'name').required()]
  return [...errors, ...formatted(isDns1123Subdomain, name, at.child('name'))]
}

export function image({ reference, pullPolicy }: Source<'image'>, at: Path, { isPod }: PodContext): FieldError[] {
  return [...(isPod ? required(reference, at.child('reference')) : []), ...pullPolicyErrors(pullPolicy, at.child('pullPolicy'))]
}

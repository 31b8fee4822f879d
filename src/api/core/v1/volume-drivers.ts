/** Volume sources of single storage systems; most are served by CSI drivers now, and their fields are translated. */
import { LocalObjectReference } from '#api/core/v1/object-reference.ts'
import {
  always,
  boolean,
  int32,
  known,
  list,
  map,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const gCEPersistentDiskVolumeSource = object('io.k8s.api.core.v1.GCEPersistentDiskVolumeSource', {
  pdName: always(1, string()),
  fsType: optional(2, string()),
  partition: optional(3, int32()),
  readOnly: optional(4, boolean()),
})
export interface GCEPersistentDiskVolumeSource extends TypeOf<typeof gCEPersistentDiskVolumeSource> {}
export const GCEPersistentDiskVolumeSource: Schema<GCEPersistentDiskVolumeSource> = gCEPersistentDiskVolumeSource

const aWSElasticBlockStoreVolumeSource = object('io.k8s.api.core.v1.AWSElasticBlockStoreVolumeSource', {
  volumeID: always(1, string()),
  fsType: optional(2, string()),
  partition: optional(3, int32()),
  readOnly: optional(4, boolean()),
})
export interface AWSElasticBlockStoreVolumeSource extends TypeOf<typeof aWSElasticBlockStoreVolumeSource> {}
export const AWSElasticBlockStoreVolumeSource: Schema<AWSElasticBlockStoreVolumeSource> = aWSElasticBlockStoreVolumeSource

const gitRepoVolumeSource = object('io.k8s.api.core.v1.GitRepoVolumeSource', {
  repository: always(1, string()),
  revision: optional(2, string()),
  directory: optional(3, string()),
})
export interface GitRepoVolumeSource extends TypeOf<typeof gitRepoVolumeSource> {}
export const GitRepoVolumeSource: Schema<GitRepoVolumeSource> = gitRepoVolumeSource

const nFSVolumeSource = object('io.k8s.api.core.v1.NFSVolumeSource', {
  server: always(1, string()),
  path: always(2, string()),
  readOnly: optional(3, boolean()),
})
export interface NFSVolumeSource extends TypeOf<typeof nFSVolumeSource> {}
export const NFSVolumeSource: Schema<NFSVolumeSource> = nFSVolumeSource

const iSCSIVolumeSource = object('io.k8s.api.core.v1.ISCSIVolumeSource', {
  targetPortal: always(1, string()),
  iqn: always(2, string()),
  lun: always(3, int32()),
  iscsiInterface: optional(4, string(), { default: 'default', publishedDefault: 'default' }),
  fsType: optional(5, string()),
  readOnly: optional(6, boolean()),
  portals: optional(7, list(string(), { listType: 'atomic' })),
  chapAuthDiscovery: optional(8, boolean()),
  chapAuthSession: optional(11, boolean()),
  secretRef: pointer(10, LocalObjectReference),
  initiatorName: pointer(12, string()),
})
export interface ISCSIVolumeSource extends TypeOf<typeof iSCSIVolumeSource> {}
export const ISCSIVolumeSource: Schema<ISCSIVolumeSource> = iSCSIVolumeSource

const glusterfsVolumeSource = object('io.k8s.api.core.v1.GlusterfsVolumeSource', {
  endpoints: always(1, string()),
  path: always(2, string()),
  readOnly: optional(3, boolean()),
})
export interface GlusterfsVolumeSource extends TypeOf<typeof glusterfsVolumeSource> {}
export const GlusterfsVolumeSource: Schema<GlusterfsVolumeSource> = glusterfsVolumeSource

const rBDVolumeSource = object('io.k8s.api.core.v1.RBDVolumeSource', {
  monitors: always(1, list(string(), { listType: 'atomic' })),
  image: always(2, string()),
  fsType: optional(3, string()),
  pool: optional(4, string(), { default: 'rbd', publishedDefault: 'rbd' }),
  user: optional(5, string(), { default: 'admin', publishedDefault: 'admin' }),
  keyring: optional(6, string(), { default: '/etc/ceph/keyring', publishedDefault: '/etc/ceph/keyring' }),
  secretRef: pointer(7, LocalObjectReference),
  readOnly: optional(8, boolean()),
})
export interface RBDVolumeSource extends TypeOf<typeof rBDVolumeSource> {}
export const RBDVolumeSource: Schema<RBDVolumeSource> = rBDVolumeSource

const flexVolumeSource = object('io.k8s.api.core.v1.FlexVolumeSource', {
  driver: always(1, string()),
  fsType: optional(2, string()),
  secretRef: pointer(3, LocalObjectReference),
  readOnly: optional(4, boolean()),
  options: optional(5, map(string())),
})
export interface FlexVolumeSource extends TypeOf<typeof flexVolumeSource> {}
export const FlexVolumeSource: Schema<FlexVolumeSource> = flexVolumeSource

const cinderVolumeSource = object('io.k8s.api.core.v1.CinderVolumeSource', {
  volumeID: always(1, string()),
  fsType: optional(2, string()),
  readOnly: optional(3, boolean()),
  secretRef: pointer(4, LocalObjectReference),
})
export interface CinderVolumeSource extends TypeOf<typeof cinderVolumeSource> {}
export const CinderVolumeSource: Schema<CinderVolumeSource> = cinderVolumeSource

const cephFSVolumeSource = object('io.k8s.api.core.v1.CephFSVolumeSource', {
  monitors: always(1, list(string(), { listType: 'atomic' })),
  path: optional(2, string()),
  user: optional(3, string()),
  secretFile: optional(4, string()),
  secretRef: pointer(5, LocalObjectReference),
  readOnly: optional(6, boolean()),
})
export interface CephFSVolumeSource extends TypeOf<typeof cephFSVolumeSource> {}
export const CephFSVolumeSource: Schema<CephFSVolumeSource> = cephFSVolumeSource

const flockerVolumeSource = object('io.k8s.api.core.v1.FlockerVolumeSource', {
  datasetName: optional(1, string()),
  datasetUUID: optional(2, string()),
})
export interface FlockerVolumeSource extends TypeOf<typeof flockerVolumeSource> {}
export const FlockerVolumeSource: Schema<FlockerVolumeSource> = flockerVolumeSource

const fCVolumeSource = object('io.k8s.api.core.v1.FCVolumeSource', {
  targetWWNs: optional(1, list(string(), { listType: 'atomic' })),
  lun: pointer(2, int32()),
  fsType: optional(3, string()),
  readOnly: optional(4, boolean()),
  wwids: optional(5, list(string(), { listType: 'atomic' })),
})
export interface FCVolumeSource extends TypeOf<typeof fCVolumeSource> {}
export const FCVolumeSource: Schema<FCVolumeSource> = fCVolumeSource

const azureFileVolumeSource = object('io.k8s.api.core.v1.AzureFileVolumeSource', {
  secretName: always(1, string()),
  shareName: always(2, string()),
  readOnly: optional(3, boolean()),
})
export interface AzureFileVolumeSource extends TypeOf<typeof azureFileVolumeSource> {}
export const AzureFileVolumeSource: Schema<AzureFileVolumeSource> = azureFileVolumeSource

const vsphereVirtualDiskVolumeSource = object('io.k8s.api.core.v1.VsphereVirtualDiskVolumeSource', {
  volumePath: always(1, string()),
  fsType: optional(2, string()),
  storagePolicyName: optional(3, string()),
  storagePolicyID: optional(4, string()),
})
export interface VsphereVirtualDiskVolumeSource extends TypeOf<typeof vsphereVirtualDiskVolumeSource> {}
export const VsphereVirtualDiskVolumeSource: Schema<VsphereVirtualDiskVolumeSource> = vsphereVirtualDiskVolumeSource

const quobyteVolumeSource = object('io.k8s.api.core.v1.QuobyteVolumeSource', {
  registry: always(1, string()),
  volume: always(2, string()),
  readOnly: optional(3, boolean()),
  user: optional(4, string()),
  group: optional(5, string()),
  tenant: optional(6, string()),
})
export interface QuobyteVolumeSource extends TypeOf<typeof quobyteVolumeSource> {}
export const QuobyteVolumeSource: Schema<QuobyteVolumeSource> = quobyteVolumeSource

const azureDiskVolumeSource = object('io.k8s.api.core.v1.AzureDiskVolumeSource', {
  diskName: always(1, string()),
  diskURI: always(2, string()),
  cachingMode: pointer(3, known('None', 'ReadOnly', 'ReadWrite'), { default: 'ReadWrite', publishedDefault: 'ReadWrite' }),
  fsType: pointer(4, string(), { default: 'ext4', publishedDefault: 'ext4' }),
  readOnly: pointer(5, boolean(), { default: false, publishedDefault: false }),
  kind: pointer(6, known('Dedicated', 'Managed', 'Shared'), { default: 'Shared', publishedDefault: 'Shared' }),
})
export interface AzureDiskVolumeSource extends TypeOf<typeof azureDiskVolumeSource> {}
export const AzureDiskVolumeSource: Schema<AzureDiskVolumeSource> = azureDiskVolumeSource

const photonPersistentDiskVolumeSource = object('io.k8s.api.core.v1.PhotonPersistentDiskVolumeSource', {
  pdID: always(1, string()),
  fsType: optional(2, string()),
})
export interface PhotonPersistentDiskVolumeSource extends TypeOf<typeof photonPersistentDiskVolumeSource> {}
export const PhotonPersistentDiskVolumeSource: Schema<PhotonPersistentDiskVolumeSource> = photonPersistentDiskVolumeSource

const portworxVolumeSource = object('io.k8s.api.core.v1.PortworxVolumeSource', {
  volumeID: always(1, string()),
  fsType: optional(2, string()),
  readOnly: optional(3, boolean()),
})
export interface PortworxVolumeSource extends TypeOf<typeof portworxVolumeSource> {}
export const PortworxVolumeSource: Schema<PortworxVolumeSource> = portworxVolumeSource

const scaleIOVolumeSource = object('io.k8s.api.core.v1.ScaleIOVolumeSource', {
  gateway: always(1, string()),
  system: always(2, string()),
  secretRef: pointer(3, LocalObjectReference, { isRequired: true }),
  sslEnabled: optional(4, boolean()),
  protectionDomain: optional(5, string()),
  storagePool: optional(6, string()),
  storageMode: optional(7, string(), { default: 'ThinProvisioned', publishedDefault: 'ThinProvisioned' }),
  volumeName: optional(8, string()),
  fsType: optional(9, string(), { default: 'xfs', publishedDefault: 'xfs' }),
  readOnly: optional(10, boolean()),
})
export interface ScaleIOVolumeSource extends TypeOf<typeof scaleIOVolumeSource> {}
export const ScaleIOVolumeSource: Schema<ScaleIOVolumeSource> = scaleIOVolumeSource

const storageOSVolumeSource = object('io.k8s.api.core.v1.StorageOSVolumeSource', {
  volumeName: optional(1, string()),
  volumeNamespace: optional(2, string()),
  fsType: optional(3, string()),
  readOnly: optional(4, boolean()),
  secretRef: pointer(5, LocalObjectReference),
})
export interface StorageOSVolumeSource extends TypeOf<typeof storageOSVolumeSource> {}
export const StorageOSVolumeSource: Schema<StorageOSVolumeSource> = storageOSVolumeSource

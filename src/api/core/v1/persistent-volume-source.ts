/** What a persistent volume consists of: the storage systems, most of which CSI drivers serve now. */
import { ObjectReference, SecretReference } from '#api/core/v1/object-reference.ts'
import { HostPathVolumeSource } from '#api/core/v1/volume.ts'
import {
  AWSElasticBlockStoreVolumeSource,
  AzureDiskVolumeSource,
  FCVolumeSource,
  FlockerVolumeSource,
  GCEPersistentDiskVolumeSource,
  NFSVolumeSource,
  PhotonPersistentDiskVolumeSource,
  PortworxVolumeSource,
  QuobyteVolumeSource,
  VsphereVirtualDiskVolumeSource,
} from '#api/core/v1/volume-drivers.ts'
import { always, boolean, int32, list, map, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const rBDPersistentVolumeSource = object('io.k8s.api.core.v1.RBDPersistentVolumeSource', {
  monitors: always(1, list(string(), { listType: 'atomic' })),
  image: always(2, string()),
  fsType: optional(3, string()),
  pool: optional(4, string(), { default: 'rbd', publishedDefault: 'rbd' }),
  user: optional(5, string(), { default: 'admin', publishedDefault: 'admin' }),
  keyring: optional(6, string(), { default: '/etc/ceph/keyring', publishedDefault: '/etc/ceph/keyring' }),
  secretRef: pointer(7, SecretReference),
  readOnly: optional(8, boolean()),
})
export interface RBDPersistentVolumeSource extends TypeOf<typeof rBDPersistentVolumeSource> {}
export const RBDPersistentVolumeSource: Schema<RBDPersistentVolumeSource> = rBDPersistentVolumeSource

const scaleIOPersistentVolumeSource = object('io.k8s.api.core.v1.ScaleIOPersistentVolumeSource', {
  gateway: always(1, string()),
  system: always(2, string()),
  secretRef: pointer(3, SecretReference, { isRequired: true }),
  sslEnabled: optional(4, boolean()),
  protectionDomain: optional(5, string()),
  storagePool: optional(6, string()),
  storageMode: optional(7, string(), { default: 'ThinProvisioned', publishedDefault: 'ThinProvisioned' }),
  volumeName: optional(8, string()),
  fsType: optional(9, string(), { default: 'xfs', publishedDefault: 'xfs' }),
  readOnly: optional(10, boolean()),
})
export interface ScaleIOPersistentVolumeSource extends TypeOf<typeof scaleIOPersistentVolumeSource> {}
export const ScaleIOPersistentVolumeSource: Schema<ScaleIOPersistentVolumeSource> = scaleIOPersistentVolumeSource

const storageOSPersistentVolumeSource = object('io.k8s.api.core.v1.StorageOSPersistentVolumeSource', {
  volumeName: optional(1, string()),
  volumeNamespace: optional(2, string()),
  fsType: optional(3, string()),
  readOnly: optional(4, boolean()),
  secretRef: pointer(5, ObjectReference),
})
export interface StorageOSPersistentVolumeSource extends TypeOf<typeof storageOSPersistentVolumeSource> {}
export const StorageOSPersistentVolumeSource: Schema<StorageOSPersistentVolumeSource> = storageOSPersistentVolumeSource

const flexPersistentVolumeSource = object('io.k8s.api.core.v1.FlexPersistentVolumeSource', {
  driver: always(1, string()),
  fsType: optional(2, string()),
  secretRef: pointer(3, SecretReference),
  readOnly: optional(4, boolean()),
  options: optional(5, map(string())),
})
export interface FlexPersistentVolumeSource extends TypeOf<typeof flexPersistentVolumeSource> {}
export const FlexPersistentVolumeSource: Schema<FlexPersistentVolumeSource> = flexPersistentVolumeSource

const iSCSIPersistentVolumeSource = object('io.k8s.api.core.v1.ISCSIPersistentVolumeSource', {
  targetPortal: always(1, string()),
  iqn: always(2, string()),
  lun: always(3, int32()),
  iscsiInterface: optional(4, string(), { default: 'default', publishedDefault: 'default' }),
  fsType: optional(5, string()),
  readOnly: optional(6, boolean()),
  portals: optional(7, list(string(), { listType: 'atomic' })),
  chapAuthDiscovery: optional(8, boolean()),
  chapAuthSession: optional(11, boolean()),
  secretRef: pointer(10, SecretReference),
  initiatorName: pointer(12, string()),
})
export interface ISCSIPersistentVolumeSource extends TypeOf<typeof iSCSIPersistentVolumeSource> {}
export const ISCSIPersistentVolumeSource: Schema<ISCSIPersistentVolumeSource> = iSCSIPersistentVolumeSource

const glusterfsPersistentVolumeSource = object('io.k8s.api.core.v1.GlusterfsPersistentVolumeSource', {
  endpoints: always(1, string()),
  path: always(2, string()),
  readOnly: optional(3, boolean()),
  endpointsNamespace: pointer(4, string()),
})
export interface GlusterfsPersistentVolumeSource extends TypeOf<typeof glusterfsPersistentVolumeSource> {}
export const GlusterfsPersistentVolumeSource: Schema<GlusterfsPersistentVolumeSource> = glusterfsPersistentVolumeSource

const cinderPersistentVolumeSource = object('io.k8s.api.core.v1.CinderPersistentVolumeSource', {
  volumeID: always(1, string()),
  fsType: optional(2, string()),
  readOnly: optional(3, boolean()),
  secretRef: pointer(4, SecretReference),
})
export interface CinderPersistentVolumeSource extends TypeOf<typeof cinderPersistentVolumeSource> {}
export const CinderPersistentVolumeSource: Schema<CinderPersistentVolumeSource> = cinderPersistentVolumeSource

const cephFSPersistentVolumeSource = object('io.k8s.api.core.v1.CephFSPersistentVolumeSource', {
  monitors: always(1, list(string(), { listType: 'atomic' })),
  path: optional(2, string()),
  user: optional(3, string()),
  secretFile: optional(4, string()),
  secretRef: pointer(5, SecretReference),
  readOnly: optional(6, boolean()),
})
export interface CephFSPersistentVolumeSource extends TypeOf<typeof cephFSPersistentVolumeSource> {}
export const CephFSPersistentVolumeSource: Schema<CephFSPersistentVolumeSource> = cephFSPersistentVolumeSource

const azureFilePersistentVolumeSource = object('io.k8s.api.core.v1.AzureFilePersistentVolumeSource', {
  secretName: always(1, string()),
  shareName: always(2, string()),
  readOnly: optional(3, boolean()),
  secretNamespace: always(4, string(), { isRequired: false, publishedDefault: null }),
})
export interface AzureFilePersistentVolumeSource extends TypeOf<typeof azureFilePersistentVolumeSource> {}
export const AzureFilePersistentVolumeSource: Schema<AzureFilePersistentVolumeSource> = azureFilePersistentVolumeSource

const cSIPersistentVolumeSource = object('io.k8s.api.core.v1.CSIPersistentVolumeSource', {
  driver: always(1, string()),
  volumeHandle: always(2, string()),
  readOnly: optional(3, boolean()),
  fsType: optional(4, string()),
  volumeAttributes: optional(5, map(string())),
  controllerPublishSecretRef: pointer(6, SecretReference),
  nodeStageSecretRef: pointer(7, SecretReference),
  nodePublishSecretRef: pointer(8, SecretReference),
  controllerExpandSecretRef: pointer(9, SecretReference),
  nodeExpandSecretRef: pointer(10, SecretReference),
})
export interface CSIPersistentVolumeSource extends TypeOf<typeof cSIPersistentVolumeSource> {}
export const CSIPersistentVolumeSource: Schema<CSIPersistentVolumeSource> = cSIPersistentVolumeSource

const localVolumeSource = object('io.k8s.api.core.v1.LocalVolumeSource', {
  path: always(1, string()),
  fsType: pointer(2, string()),
})
export interface LocalVolumeSource extends TypeOf<typeof localVolumeSource> {}
export const LocalVolumeSource: Schema<LocalVolumeSource> = localVolumeSource

const persistentVolumeSource = object('io.k8s.api.core.v1.PersistentVolumeSource', {
  gcePersistentDisk: pointer(1, GCEPersistentDiskVolumeSource),
  awsElasticBlockStore: pointer(2, AWSElasticBlockStoreVolumeSource),
  hostPath: pointer(3, HostPathVolumeSource),
  glusterfs: pointer(4, GlusterfsPersistentVolumeSource),
  nfs: pointer(5, NFSVolumeSource),
  rbd: pointer(6, RBDPersistentVolumeSource),
  iscsi: pointer(7, ISCSIPersistentVolumeSource),
  cinder: pointer(8, CinderPersistentVolumeSource),
  cephfs: pointer(9, CephFSPersistentVolumeSource),
  fc: pointer(10, FCVolumeSource),
  flocker: pointer(11, FlockerVolumeSource),
  flexVolume: pointer(12, FlexPersistentVolumeSource),
  azureFile: pointer(13, AzureFilePersistentVolumeSource),
  vsphereVolume: pointer(14, VsphereVirtualDiskVolumeSource),
  quobyte: pointer(15, QuobyteVolumeSource),
  azureDisk: pointer(16, AzureDiskVolumeSource),
  photonPersistentDisk: pointer(17, PhotonPersistentDiskVolumeSource),
  portworxVolume: pointer(18, PortworxVolumeSource),
  scaleIO: pointer(19, ScaleIOPersistentVolumeSource),
  local: pointer(20, LocalVolumeSource),
  storageos: pointer(21, StorageOSPersistentVolumeSource),
  csi: pointer(22, CSIPersistentVolumeSource),
})
export interface PersistentVolumeSource extends TypeOf<typeof persistentVolumeSource> {}
export const PersistentVolumeSource: Schema<PersistentVolumeSource> = persistentVolumeSource

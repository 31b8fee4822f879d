/** volume: HostPathVolumeSource, EmptyDirVolumeSource, GCEPersistentDiskVolumeSource. */
import { ObjectFieldSelector, ResourceFieldSelector } from '#api/core/v1/env.ts'
import { LocalObjectReference, TypedLocalObjectReference, TypedObjectReference } from '#api/core/v1/object-reference.ts'
import { VolumeResourceRequirements } from '#api/core/v1/resources.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { TemplateMeta } from '#schema/object-meta.ts'
import {
  always,
  boolean,
  embedded,
  int32,
  int64,
  list,
  map,
  object,
  oneOf,
  optional,
  pointer,
  quantity,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const hostPathVolumeSource = object('io.k8s.api.core.v1.HostPathVolumeSource', {
  path: always(1, string()),
  type: pointer(2, oneOf('', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket')),
})
export interface HostPathVolumeSource extends TypeOf<typeof hostPathVolumeSource> {}
export const HostPathVolumeSource: Schema<HostPathVolumeSource> = hostPathVolumeSource

const emptyDirVolumeSource = object('io.k8s.api.core.v1.EmptyDirVolumeSource', {
  medium: optional(1, string()),
  sizeLimit: pointer(2, quantity()),
})
export interface EmptyDirVolumeSource extends TypeOf<typeof emptyDirVolumeSource> {}
export const EmptyDirVolumeSource: Schema<EmptyDirVolumeSource> = emptyDirVolumeSource

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

const keyToPath = object('io.k8s.api.core.v1.KeyToPath', {
  key: always(1, string()),
  path: always(2, string()),
  mode: pointer(3, int32()),
})
export interface KeyToPath extends TypeOf<typeof keyToPath> {}
export const KeyToPath: Schema<KeyToPath> = keyToPath

const secretVolumeSource = object('io.k8s.api.core.v1.SecretVolumeSource', {
  secretName: optional(1, string()),
  items: optional(2, list(KeyToPath, { listType: 'atomic' })),
  defaultMode: pointer(3, int32()),
  optional: pointer(4, boolean()),
})
export interface SecretVolumeSource extends TypeOf<typeof secretVolumeSource> {}
export const SecretVolumeSource: Schema<SecretVolumeSource> = secretVolumeSource

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
  iscsiInterface: optional(4, string(), { default: 'default' }),
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

const persistentVolumeClaimVolumeSource = object('io.k8s.api.core.v1.PersistentVolumeClaimVolumeSource', {
  claimName: always(1, string()),
  readOnly: optional(2, boolean()),
})
export interface PersistentVolumeClaimVolumeSource extends TypeOf<typeof persistentVolumeClaimVolumeSource> {}
export const PersistentVolumeClaimVolumeSource: Schema<PersistentVolumeClaimVolumeSource> = persistentVolumeClaimVolumeSource

const rBDVolumeSource = object('io.k8s.api.core.v1.RBDVolumeSource', {
  monitors: always(1, list(string(), { listType: 'atomic' })),
  image: always(2, string()),
  fsType: optional(3, string()),
  pool: optional(4, string(), { default: 'rbd' }),
  user: optional(5, string(), { default: 'admin' }),
  keyring: optional(6, string(), { default: '/etc/ceph/keyring' }),
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

const downwardAPIVolumeFile = object('io.k8s.api.core.v1.DownwardAPIVolumeFile', {
  path: always(1, string()),
  fieldRef: pointer(2, ObjectFieldSelector),
  resourceFieldRef: pointer(3, ResourceFieldSelector),
  mode: pointer(4, int32()),
})
export interface DownwardAPIVolumeFile extends TypeOf<typeof downwardAPIVolumeFile> {}
export const DownwardAPIVolumeFile: Schema<DownwardAPIVolumeFile> = downwardAPIVolumeFile

const downwardAPIVolumeSource = object('io.k8s.api.core.v1.DownwardAPIVolumeSource', {
  items: optional(1, list(DownwardAPIVolumeFile, { listType: 'atomic' })),
  defaultMode: pointer(2, int32()),
})
export interface DownwardAPIVolumeSource extends TypeOf<typeof downwardAPIVolumeSource> {}
export const DownwardAPIVolumeSource: Schema<DownwardAPIVolumeSource> = downwardAPIVolumeSource

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

const configMapVolumeSource = object('io.k8s.api.core.v1.ConfigMapVolumeSource', {
  ...embedded(1, LocalObjectReference),
  items: optional(2, list(KeyToPath, { listType: 'atomic' })),
  defaultMode: pointer(3, int32()),
  optional: pointer(4, boolean()),
})
export interface ConfigMapVolumeSource extends TypeOf<typeof configMapVolumeSource> {}
export const ConfigMapVolumeSource: Schema<ConfigMapVolumeSource> = configMapVolumeSource

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
  cachingMode: pointer(3, oneOf('None', 'ReadOnly', 'ReadWrite')),
  fsType: pointer(4, string(), { default: 'ext4' }),
  readOnly: pointer(5, boolean(), { default: false }),
  kind: pointer(6, oneOf('Dedicated', 'Managed', 'Shared')),
})
export interface AzureDiskVolumeSource extends TypeOf<typeof azureDiskVolumeSource> {}
export const AzureDiskVolumeSource: Schema<AzureDiskVolumeSource> = azureDiskVolumeSource

const photonPersistentDiskVolumeSource = object('io.k8s.api.core.v1.PhotonPersistentDiskVolumeSource', {
  pdID: always(1, string()),
  fsType: optional(2, string()),
})
export interface PhotonPersistentDiskVolumeSource extends TypeOf<typeof photonPersistentDiskVolumeSource> {}
export const PhotonPersistentDiskVolumeSource: Schema<PhotonPersistentDiskVolumeSource> = photonPersistentDiskVolumeSource

const secretProjection = object('io.k8s.api.core.v1.SecretProjection', {
  ...embedded(1, LocalObjectReference),
  items: optional(2, list(KeyToPath, { listType: 'atomic' })),
  optional: pointer(4, boolean()),
})
export interface SecretProjection extends TypeOf<typeof secretProjection> {}
export const SecretProjection: Schema<SecretProjection> = secretProjection

const downwardAPIProjection = object('io.k8s.api.core.v1.DownwardAPIProjection', {
  items: optional(1, list(DownwardAPIVolumeFile, { listType: 'atomic' })),
})
export interface DownwardAPIProjection extends TypeOf<typeof downwardAPIProjection> {}
export const DownwardAPIProjection: Schema<DownwardAPIProjection> = downwardAPIProjection

const configMapProjection = object('io.k8s.api.core.v1.ConfigMapProjection', {
  ...embedded(1, LocalObjectReference),
  items: optional(2, list(KeyToPath, { listType: 'atomic' })),
  optional: pointer(4, boolean()),
})
export interface ConfigMapProjection extends TypeOf<typeof configMapProjection> {}
export const ConfigMapProjection: Schema<ConfigMapProjection> = configMapProjection

const serviceAccountTokenProjection = object('io.k8s.api.core.v1.ServiceAccountTokenProjection', {
  audience: optional(1, string()),
  expirationSeconds: pointer(2, int64()),
  path: always(3, string()),
})
export interface ServiceAccountTokenProjection extends TypeOf<typeof serviceAccountTokenProjection> {}
export const ServiceAccountTokenProjection: Schema<ServiceAccountTokenProjection> = serviceAccountTokenProjection

const clusterTrustBundleProjection = object('io.k8s.api.core.v1.ClusterTrustBundleProjection', {
  name: pointer(1, string()),
  signerName: pointer(2, string()),
  labelSelector: pointer(3, LabelSelector),
  optional: pointer(5, boolean()),
  path: always(4, string()),
})
export interface ClusterTrustBundleProjection extends TypeOf<typeof clusterTrustBundleProjection> {}
export const ClusterTrustBundleProjection: Schema<ClusterTrustBundleProjection> = clusterTrustBundleProjection

const podCertificateProjection = object('io.k8s.api.core.v1.PodCertificateProjection', {
  signerName: optional(1, string()),
  keyType: optional(2, string()),
  maxExpirationSeconds: pointer(3, int32()),
  credentialBundlePath: optional(4, string()),
  keyPath: optional(5, string()),
  certificateChainPath: optional(6, string()),
  userAnnotations: optional(7, map(string())),
})
export interface PodCertificateProjection extends TypeOf<typeof podCertificateProjection> {}
export const PodCertificateProjection: Schema<PodCertificateProjection> = podCertificateProjection

const volumeProjection = object('io.k8s.api.core.v1.VolumeProjection', {
  secret: pointer(1, SecretProjection),
  downwardAPI: pointer(2, DownwardAPIProjection),
  configMap: pointer(3, ConfigMapProjection),
  serviceAccountToken: pointer(4, ServiceAccountTokenProjection),
  clusterTrustBundle: pointer(5, ClusterTrustBundleProjection, {
    /* gate ClusterTrustBundleProjection */
  }),
  podCertificate: pointer(6, PodCertificateProjection, {
    /* gate PodCertificateProjection */
  }),
})
export interface VolumeProjection extends TypeOf<typeof volumeProjection> {}
export const VolumeProjection: Schema<VolumeProjection> = volumeProjection

const projectedVolumeSource = object('io.k8s.api.core.v1.ProjectedVolumeSource', {
  sources: always(1, list(VolumeProjection, { listType: 'atomic' })),
  defaultMode: pointer(2, int32()),
})
export interface ProjectedVolumeSource extends TypeOf<typeof projectedVolumeSource> {}
export const ProjectedVolumeSource: Schema<ProjectedVolumeSource> = projectedVolumeSource

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
  secretRef: pointer(3, LocalObjectReference),
  sslEnabled: optional(4, boolean()),
  protectionDomain: optional(5, string()),
  storagePool: optional(6, string()),
  storageMode: optional(7, string(), { default: 'ThinProvisioned' }),
  volumeName: optional(8, string()),
  fsType: optional(9, string(), { default: 'xfs' }),
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

const cSIVolumeSource = object('io.k8s.api.core.v1.CSIVolumeSource', {
  driver: always(1, string()),
  readOnly: pointer(2, boolean()),
  fsType: pointer(3, string()),
  volumeAttributes: optional(4, map(string())),
  nodePublishSecretRef: pointer(5, LocalObjectReference),
})
export interface CSIVolumeSource extends TypeOf<typeof cSIVolumeSource> {}
export const CSIVolumeSource: Schema<CSIVolumeSource> = cSIVolumeSource

const persistentVolumeClaimSpec = object('io.k8s.api.core.v1.PersistentVolumeClaimSpec', {
  accessModes: optional(
    1,
    list(oneOf('ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'), { listType: 'atomic' }),
  ),
  selector: pointer(4, LabelSelector),
  resources: always(2, VolumeResourceRequirements),
  volumeName: optional(3, string()),
  storageClassName: pointer(5, string()),
  volumeMode: pointer(6, oneOf('Block', 'Filesystem')),
  dataSource: pointer(7, TypedLocalObjectReference),
  dataSourceRef: pointer(8, TypedObjectReference),
  volumeAttributesClassName: pointer(9, string(), {
    /* gate VolumeAttributesClass */
  }),
})
export interface PersistentVolumeClaimSpec extends TypeOf<typeof persistentVolumeClaimSpec> {}
export const PersistentVolumeClaimSpec: Schema<PersistentVolumeClaimSpec> = persistentVolumeClaimSpec

const persistentVolumeClaimTemplate = object('io.k8s.api.core.v1.PersistentVolumeClaimTemplate', {
  metadata: always(1, TemplateMeta),
  spec: always(2, PersistentVolumeClaimSpec),
})
export interface PersistentVolumeClaimTemplate extends TypeOf<typeof persistentVolumeClaimTemplate> {}
export const PersistentVolumeClaimTemplate: Schema<PersistentVolumeClaimTemplate> = persistentVolumeClaimTemplate

const ephemeralVolumeSource = object('io.k8s.api.core.v1.EphemeralVolumeSource', {
  volumeClaimTemplate: pointer(1, PersistentVolumeClaimTemplate),
})
export interface EphemeralVolumeSource extends TypeOf<typeof ephemeralVolumeSource> {}
export const EphemeralVolumeSource: Schema<EphemeralVolumeSource> = ephemeralVolumeSource

const imageVolumeSource = object('io.k8s.api.core.v1.ImageVolumeSource', {
  reference: optional(1, string()),
  pullPolicy: optional(2, oneOf('Always', 'IfNotPresent', 'Never')),
})
export interface ImageVolumeSource extends TypeOf<typeof imageVolumeSource> {}
export const ImageVolumeSource: Schema<ImageVolumeSource> = imageVolumeSource

const volumeSource = object('io.k8s.api.core.v1.VolumeSource', {
  hostPath: pointer(1, HostPathVolumeSource),
  emptyDir: pointer(2, EmptyDirVolumeSource),
  gcePersistentDisk: pointer(3, GCEPersistentDiskVolumeSource),
  awsElasticBlockStore: pointer(4, AWSElasticBlockStoreVolumeSource),
  gitRepo: pointer(5, GitRepoVolumeSource),
  secret: pointer(6, SecretVolumeSource),
  nfs: pointer(7, NFSVolumeSource),
  iscsi: pointer(8, ISCSIVolumeSource),
  glusterfs: pointer(9, GlusterfsVolumeSource),
  persistentVolumeClaim: pointer(10, PersistentVolumeClaimVolumeSource),
  rbd: pointer(11, RBDVolumeSource),
  flexVolume: pointer(12, FlexVolumeSource),
  cinder: pointer(13, CinderVolumeSource),
  cephfs: pointer(14, CephFSVolumeSource),
  flocker: pointer(15, FlockerVolumeSource),
  downwardAPI: pointer(16, DownwardAPIVolumeSource),
  fc: pointer(17, FCVolumeSource),
  azureFile: pointer(18, AzureFileVolumeSource),
  configMap: pointer(19, ConfigMapVolumeSource),
  vsphereVolume: pointer(20, VsphereVirtualDiskVolumeSource),
  quobyte: pointer(21, QuobyteVolumeSource),
  azureDisk: pointer(22, AzureDiskVolumeSource),
  photonPersistentDisk: pointer(23, PhotonPersistentDiskVolumeSource),
  projected: pointer(26, ProjectedVolumeSource),
  portworxVolume: pointer(24, PortworxVolumeSource),
  scaleIO: pointer(25, ScaleIOVolumeSource),
  storageos: pointer(27, StorageOSVolumeSource),
  csi: pointer(28, CSIVolumeSource),
  ephemeral: pointer(29, EphemeralVolumeSource),
  image: pointer(30, ImageVolumeSource),
})
export interface VolumeSource extends TypeOf<typeof volumeSource> {}
export const VolumeSource: Schema<VolumeSource> = volumeSource

const volume = object('io.k8s.api.core.v1.Volume', {
  name: always(1, string()),
  ...embedded(2, VolumeSource),
})
export interface Volume extends TypeOf<typeof volume> {}
export const Volume: Schema<Volume> = volume

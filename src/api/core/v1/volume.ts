/** Volume: a directory that a pod's containers may mount, and where its content comes from. */
import { ObjectFieldSelector, ResourceFieldSelector } from '#api/core/v1/env.ts'
import { LocalObjectReference, TypedLocalObjectReference, TypedObjectReference } from '#api/core/v1/object-reference.ts'
import { VolumeResourceRequirements } from '#api/core/v1/resources.ts'
import {
  AWSElasticBlockStoreVolumeSource,
  AzureDiskVolumeSource,
  AzureFileVolumeSource,
  CephFSVolumeSource,
  CinderVolumeSource,
  FCVolumeSource,
  FlexVolumeSource,
  FlockerVolumeSource,
  GCEPersistentDiskVolumeSource,
  GitRepoVolumeSource,
  GlusterfsVolumeSource,
  ISCSIVolumeSource,
  NFSVolumeSource,
  PhotonPersistentDiskVolumeSource,
  PortworxVolumeSource,
  QuobyteVolumeSource,
  RBDVolumeSource,
  ScaleIOVolumeSource,
  StorageOSVolumeSource,
  VsphereVirtualDiskVolumeSource,
} from '#api/core/v1/volume-drivers.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { TemplateMeta } from '#schema/object-meta.ts'
import {
  always,
  boolean,
  embedded,
  int32,
  int64,
  known,
  list,
  map,
  object,
  optional,
  pointer,
  quantity,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const hostPathVolumeSource = object('io.k8s.api.core.v1.HostPathVolumeSource', {
  path: always(1, string()),
  type: pointer(2, known('', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'), {
    default: '',
  }),
})
export interface HostPathVolumeSource extends TypeOf<typeof hostPathVolumeSource> {}
export const HostPathVolumeSource: Schema<HostPathVolumeSource> = hostPathVolumeSource

const emptyDirVolumeSource = object('io.k8s.api.core.v1.EmptyDirVolumeSource', {
  medium: optional(1, string()),
  sizeLimit: pointer(2, quantity()),
})
export interface EmptyDirVolumeSource extends TypeOf<typeof emptyDirVolumeSource> {}
export const EmptyDirVolumeSource: Schema<EmptyDirVolumeSource> = emptyDirVolumeSource

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
  defaultMode: pointer(3, int32(), { default: 420 }),
  optional: pointer(4, boolean()),
})
export interface SecretVolumeSource extends TypeOf<typeof secretVolumeSource> {}
export const SecretVolumeSource: Schema<SecretVolumeSource> = secretVolumeSource

const persistentVolumeClaimVolumeSource = object('io.k8s.api.core.v1.PersistentVolumeClaimVolumeSource', {
  claimName: always(1, string()),
  readOnly: optional(2, boolean()),
})
export interface PersistentVolumeClaimVolumeSource extends TypeOf<typeof persistentVolumeClaimVolumeSource> {}
export const PersistentVolumeClaimVolumeSource: Schema<PersistentVolumeClaimVolumeSource> = persistentVolumeClaimVolumeSource

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
  defaultMode: pointer(2, int32(), { default: 420 }),
})
export interface DownwardAPIVolumeSource extends TypeOf<typeof downwardAPIVolumeSource> {}
export const DownwardAPIVolumeSource: Schema<DownwardAPIVolumeSource> = downwardAPIVolumeSource

const configMapVolumeSource = object('io.k8s.api.core.v1.ConfigMapVolumeSource', {
  ...embedded(1, LocalObjectReference),
  items: optional(2, list(KeyToPath, { listType: 'atomic' })),
  defaultMode: pointer(3, int32(), { default: 420 }),
  optional: pointer(4, boolean()),
})
export interface ConfigMapVolumeSource extends TypeOf<typeof configMapVolumeSource> {}
export const ConfigMapVolumeSource: Schema<ConfigMapVolumeSource> = configMapVolumeSource

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
  expirationSeconds: pointer(2, int64(), { default: 3600 }),
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
  signerName: optional(1, string(), { isRequired: true }),
  keyType: optional(2, string(), { isRequired: true }),
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
  clusterTrustBundle: pointer(5, ClusterTrustBundleProjection),
  podCertificate: pointer(6, PodCertificateProjection),
})
export interface VolumeProjection extends TypeOf<typeof volumeProjection> {}
export const VolumeProjection: Schema<VolumeProjection> = volumeProjection

const projectedVolumeSource = object('io.k8s.api.core.v1.ProjectedVolumeSource', {
  sources: always(1, list(VolumeProjection, { listType: 'atomic' }), { isRequired: false, nullWhenEmpty: true }),
  defaultMode: pointer(2, int32(), { default: 420 }),
})
export interface ProjectedVolumeSource extends TypeOf<typeof projectedVolumeSource> {}
export const ProjectedVolumeSource: Schema<ProjectedVolumeSource> = projectedVolumeSource

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
    list(known('ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'), { listType: 'atomic' }),
  ),
  selector: pointer(4, LabelSelector),
  resources: always(2, VolumeResourceRequirements),
  volumeName: optional(3, string()),
  storageClassName: pointer(5, string()),
  volumeMode: pointer(6, known('Block', 'Filesystem'), { default: 'Filesystem' }),
  dataSource: pointer(7, TypedLocalObjectReference),
  dataSourceRef: pointer(8, TypedObjectReference),
  volumeAttributesClassName: pointer(9, string()),
})
export interface PersistentVolumeClaimSpec extends TypeOf<typeof persistentVolumeClaimSpec> {}
export const PersistentVolumeClaimSpec: Schema<PersistentVolumeClaimSpec> = persistentVolumeClaimSpec

const persistentVolumeClaimTemplate = object('io.k8s.api.core.v1.PersistentVolumeClaimTemplate', {
  metadata: always(1, TemplateMeta),
  spec: always(2, PersistentVolumeClaimSpec, { isRequired: true }),
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
  pullPolicy: optional(2, known('Always', 'IfNotPresent', 'Never')),
})
export interface ImageVolumeSource extends TypeOf<typeof imageVolumeSource> {}
export const ImageVolumeSource: Schema<ImageVolumeSource> = imageVolumeSource

const volumeSource = object('io.k8s.api.core.v1.VolumeSource', {
  hostPath: pointer(1, HostPathVolumeSource, { doc: 'A file or directory of the node.' }),
  emptyDir: pointer(2, EmptyDirVolumeSource, { doc: 'An empty directory that lives as long as the pod.' }),
  gcePersistentDisk: pointer(3, GCEPersistentDiskVolumeSource),
  awsElasticBlockStore: pointer(4, AWSElasticBlockStoreVolumeSource),
  gitRepo: pointer(5, GitRepoVolumeSource),
  secret: pointer(6, SecretVolumeSource, { doc: 'The content of a secret.' }),
  nfs: pointer(7, NFSVolumeSource, { doc: 'A directory of an NFS server.' }),
  iscsi: pointer(8, ISCSIVolumeSource, { doc: 'A disk over iSCSI.' }),
  glusterfs: pointer(9, GlusterfsVolumeSource),
  persistentVolumeClaim: pointer(10, PersistentVolumeClaimVolumeSource, { doc: 'Storage that a claim stands for.' }),
  rbd: pointer(11, RBDVolumeSource),
  flexVolume: pointer(12, FlexVolumeSource),
  cinder: pointer(13, CinderVolumeSource),
  cephfs: pointer(14, CephFSVolumeSource),
  flocker: pointer(15, FlockerVolumeSource),
  downwardAPI: pointer(16, DownwardAPIVolumeSource, { doc: 'Fields of the pod as files.' }),
  fc: pointer(17, FCVolumeSource),
  azureFile: pointer(18, AzureFileVolumeSource),
  configMap: pointer(19, ConfigMapVolumeSource, { doc: 'The content of a config map.' }),
  vsphereVolume: pointer(20, VsphereVirtualDiskVolumeSource),
  quobyte: pointer(21, QuobyteVolumeSource),
  azureDisk: pointer(22, AzureDiskVolumeSource),
  photonPersistentDisk: pointer(23, PhotonPersistentDiskVolumeSource),
  projected: pointer(26, ProjectedVolumeSource, { doc: 'Several sources in one directory.' }),
  portworxVolume: pointer(24, PortworxVolumeSource),
  scaleIO: pointer(25, ScaleIOVolumeSource),
  storageos: pointer(27, StorageOSVolumeSource),
  csi: pointer(28, CSIVolumeSource, { doc: 'Storage of a CSI driver.' }),
  ephemeral: pointer(29, EphemeralVolumeSource, { doc: 'Storage that a claim made for this pod stands for.' }),
  image: pointer(30, ImageVolumeSource, { doc: 'The files of an image.' }),
})
export interface VolumeSource extends TypeOf<typeof volumeSource> {}
export const VolumeSource: Schema<VolumeSource> = volumeSource

const volume = object('io.k8s.api.core.v1.Volume', {
  name: always(1, string(), { doc: 'Name of the volume, unique in the pod.' }),
  ...embedded(2, VolumeSource),
})
export interface Volume extends TypeOf<typeof volume> {}
export const Volume: Schema<Volume> = volume

/** ContainerStatus: what the node reports of one container. */
import { ResourceRequirements } from '#api/core/v1/resources.ts'
import { StopSignal } from '#api/core/v1/stop-signal.ts'
import {
  always,
  boolean,
  int32,
  int64,
  list,
  map,
  object,
  optional,
  pointer,
  quantity,
  type Schema,
  string,
  type TypeOf,
  time,
} from '#schema/words.ts'

const containerStateWaiting = object('io.k8s.api.core.v1.ContainerStateWaiting', {
  reason: optional(1, string()),
  message: optional(2, string()),
})
export interface ContainerStateWaiting extends TypeOf<typeof containerStateWaiting> {}
export const ContainerStateWaiting: Schema<ContainerStateWaiting> = containerStateWaiting

const containerStateRunning = object('io.k8s.api.core.v1.ContainerStateRunning', {
  startedAt: always(1, time()),
})
export interface ContainerStateRunning extends TypeOf<typeof containerStateRunning> {}
export const ContainerStateRunning: Schema<ContainerStateRunning> = containerStateRunning

const containerStateTerminated = object('io.k8s.api.core.v1.ContainerStateTerminated', {
  exitCode: always(1, int32()),
  signal: optional(2, int32()),
  reason: optional(3, string()),
  message: optional(4, string()),
  startedAt: always(5, time()),
  finishedAt: always(6, time()),
  containerID: optional(7, string()),
})
export interface ContainerStateTerminated extends TypeOf<typeof containerStateTerminated> {}
export const ContainerStateTerminated: Schema<ContainerStateTerminated> = containerStateTerminated

const containerState = object('io.k8s.api.core.v1.ContainerState', {
  waiting: pointer(1, ContainerStateWaiting),
  running: pointer(2, ContainerStateRunning),
  terminated: pointer(3, ContainerStateTerminated),
})
export interface ContainerState extends TypeOf<typeof containerState> {}
export const ContainerState: Schema<ContainerState> = containerState

const imageVolumeStatus = object('io.k8s.api.core.v1.ImageVolumeStatus', {
  imageRef: optional(1, string(), { isRequired: true }),
})
export interface ImageVolumeStatus extends TypeOf<typeof imageVolumeStatus> {}
export const ImageVolumeStatus: Schema<ImageVolumeStatus> = imageVolumeStatus

const volumeStatus = object('io.k8s.api.core.v1.VolumeStatus', {
  image: pointer(1, ImageVolumeStatus),
})
export interface VolumeStatus extends TypeOf<typeof volumeStatus> {}
export const VolumeStatus: Schema<VolumeStatus> = volumeStatus

const volumeMountStatus = object('io.k8s.api.core.v1.VolumeMountStatus', {
  name: always(1, string()),
  mountPath: always(2, string()),
  readOnly: optional(3, boolean()),
  recursiveReadOnly: pointer(4, string()),
  volumeStatus: pointer(5, VolumeStatus),
})
export interface VolumeMountStatus extends TypeOf<typeof volumeMountStatus> {}
export const VolumeMountStatus: Schema<VolumeMountStatus> = volumeMountStatus

const linuxContainerUser = object('io.k8s.api.core.v1.LinuxContainerUser', {
  uid: always(1, int64()),
  gid: always(2, int64()),
  supplementalGroups: optional(3, list(int64(), { listType: 'atomic' })),
})
export interface LinuxContainerUser extends TypeOf<typeof linuxContainerUser> {}
export const LinuxContainerUser: Schema<LinuxContainerUser> = linuxContainerUser

const containerUser = object('io.k8s.api.core.v1.ContainerUser', {
  linux: pointer(1, LinuxContainerUser),
})
export interface ContainerUser extends TypeOf<typeof containerUser> {}
export const ContainerUser: Schema<ContainerUser> = containerUser

const resourceHealth = object('io.k8s.api.core.v1.ResourceHealth', {
  resourceID: always(1, string()),
  health: optional(2, string()),
  message: pointer(6, string()),
})
export interface ResourceHealth extends TypeOf<typeof resourceHealth> {}
export const ResourceHealth: Schema<ResourceHealth> = resourceHealth

const resourceStatus = object('io.k8s.api.core.v1.ResourceStatus', {
  name: always(1, string()),
  resources: optional(2, list(ResourceHealth, { listType: 'map', mapKeys: ['resourceID'] })),
})
export interface ResourceStatus extends TypeOf<typeof resourceStatus> {}
export const ResourceStatus: Schema<ResourceStatus> = resourceStatus

const containerStatus = object('io.k8s.api.core.v1.ContainerStatus', {
  name: always(1, string()),
  state: always(2, ContainerState),
  lastState: always(3, ContainerState),
  ready: always(4, boolean()),
  restartCount: always(5, int32()),
  image: always(6, string()),
  imageID: always(7, string()),
  containerID: optional(8, string()),
  started: pointer(9, boolean()),
  allocatedResources: optional(10, map(quantity())),
  resources: pointer(11, ResourceRequirements),
  volumeMounts: optional(12, list(VolumeMountStatus, { listType: 'map', mapKeys: ['mountPath'], mergeKey: 'mountPath' })),
  user: pointer(13, ContainerUser),
  allocatedResourcesStatus: optional(14, list(ResourceStatus, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' })),
  stopSignal: pointer(15, StopSignal),
})
export interface ContainerStatus extends TypeOf<typeof containerStatus> {}
export const ContainerStatus: Schema<ContainerStatus> = containerStatus

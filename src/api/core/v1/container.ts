/** Container, EphemeralContainer and what they consist of: ports, mounts, devices, restart rules. */
import { EnvFromSource, EnvVar } from '#api/core/v1/env.ts'
import { Lifecycle, Probe } from '#api/core/v1/probe.ts'
import { ResourceRequirements } from '#api/core/v1/resources.ts'
import { SecurityContext } from '#api/core/v1/security-context.ts'
import {
  always,
  boolean,
  embedded,
  int32,
  known,
  list,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const containerPort = object('io.k8s.api.core.v1.ContainerPort', {
  name: optional(1, string(), { doc: 'Name that services and probes may use.' }),
  hostPort: optional(2, int32(), { doc: 'Port of the node that leads here.' }),
  containerPort: always(3, int32(), { doc: 'Port that the container listens on.' }),
  protocol: optional(4, known('SCTP', 'TCP', 'UDP'), { default: 'TCP', publishedDefault: 'TCP', doc: 'TCP, UDP or SCTP.' }),
  hostIP: optional(5, string(), { doc: 'Address of the node that the host port is bound to.' }),
})
export interface ContainerPort extends TypeOf<typeof containerPort> {}
export const ContainerPort: Schema<ContainerPort> = containerPort

const volumeMount = object('io.k8s.api.core.v1.VolumeMount', {
  name: always(1, string(), { doc: 'The volume.' }),
  readOnly: optional(2, boolean(), { doc: 'Whether the container may only read.' }),
  recursiveReadOnly: pointer(7, string(), { doc: 'Whether mounts below are read-only too.' }),
  mountPath: always(3, string(), { doc: 'Where it appears in the container.' }),
  subPath: optional(4, string(), { doc: 'Path within the volume, instead of its root.' }),
  mountPropagation: pointer(5, known('Bidirectional', 'HostToContainer', 'None'), {
    doc: 'Whether mounts that come later show on the other side.',
  }),
  subPathExpr: optional(6, string(), { doc: 'The same as subPath, with variables expanded.' }),
})
export interface VolumeMount extends TypeOf<typeof volumeMount> {}
export const VolumeMount: Schema<VolumeMount> = volumeMount

const volumeDevice = object('io.k8s.api.core.v1.VolumeDevice', {
  name: always(1, string(), { doc: 'The claim.' }),
  devicePath: always(2, string(), { doc: 'Path of the device in the container.' }),
})
export interface VolumeDevice extends TypeOf<typeof volumeDevice> {}
export const VolumeDevice: Schema<VolumeDevice> = volumeDevice

const containerResizePolicy = object('io.k8s.api.core.v1.ContainerResizePolicy', {
  resourceName: always(1, string(), { doc: 'cpu or memory.' }),
  restartPolicy: always(2, string(), { doc: 'NotRequired, or RestartContainer.' }),
})
export interface ContainerResizePolicy extends TypeOf<typeof containerResizePolicy> {}
export const ContainerResizePolicy: Schema<ContainerResizePolicy> = containerResizePolicy

const containerRestartRuleOnExitCodes = object('io.k8s.api.core.v1.ContainerRestartRuleOnExitCodes', {
  operator: optional(1, string(), { isRequired: true }),
  values: optional(2, list(int32(), { listType: 'set' })),
})
export interface ContainerRestartRuleOnExitCodes extends TypeOf<typeof containerRestartRuleOnExitCodes> {}
export const ContainerRestartRuleOnExitCodes: Schema<ContainerRestartRuleOnExitCodes> = containerRestartRuleOnExitCodes

const containerRestartRule = object('io.k8s.api.core.v1.ContainerRestartRule', {
  action: optional(1, string(), { isRequired: true }),
  exitCodes: pointer(2, ContainerRestartRuleOnExitCodes),
})
export interface ContainerRestartRule extends TypeOf<typeof containerRestartRule> {}
export const ContainerRestartRule: Schema<ContainerRestartRule> = containerRestartRule

const container = object('io.k8s.api.core.v1.Container', {
  name: always(1, string(), { doc: 'Name of the container, unique in the pod.' }),
  image: optional(2, string(), { doc: 'Image that it runs.' }),
  command: optional(3, list(string(), { listType: 'atomic' }), { doc: "Program, instead of the image's entry point." }),
  args: optional(4, list(string(), { listType: 'atomic' }), { doc: "Arguments, instead of the image's." }),
  workingDir: optional(5, string(), { doc: 'Directory to start in.' }),
  ports: optional(
    6,
    list(ContainerPort, { listType: 'map', mapKeys: ['containerPort', 'protocol'], mergeKey: 'containerPort' }),
    { doc: 'Ports that it listens on.' },
  ),
  envFrom: optional(19, list(EnvFromSource, { listType: 'atomic' }), { doc: 'Sources of many variables.' }),
  env: optional(7, list(EnvVar, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' }), { doc: 'Environment variables.' }),
  resources: always(8, ResourceRequirements, { doc: 'Resources that it requests and its limits.' }),
  resizePolicy: optional(23, list(ContainerResizePolicy, { listType: 'atomic' }), {
    doc: 'What a change of its resources takes.',
  }),
  restartPolicy: pointer(24, string(), { doc: 'Whether it starts again; Always makes an init container a sidecar.' }),
  restartPolicyRules: optional(25, list(ContainerRestartRule, { listType: 'atomic' }), {
    doc: 'Exceptions to the restart policy, by exit code.',
  }),
  volumeMounts: optional(9, list(VolumeMount, { listType: 'map', mapKeys: ['mountPath'], mergeKey: 'mountPath' }), {
    doc: 'Volumes and where they appear.',
  }),
  volumeDevices: optional(21, list(VolumeDevice, { listType: 'map', mapKeys: ['devicePath'], mergeKey: 'devicePath' }), {
    doc: 'Block devices and where they appear.',
  }),
  livenessProbe: pointer(10, Probe, { doc: 'Restarts the container when it fails.' }),
  readinessProbe: pointer(11, Probe, { doc: 'Takes the pod out of its services when it fails.' }),
  startupProbe: pointer(22, Probe, { doc: 'Holds back the other probes until it passes.' }),
  lifecycle: pointer(12, Lifecycle, { doc: 'What runs after the start and before the end.' }),
  terminationMessagePath: optional(13, string(), {
    default: '/dev/termination-log',
    doc: 'File with the last words of the container.',
  }),
  terminationMessagePolicy: optional(20, known('FallbackToLogsOnError', 'File'), {
    default: 'File',
    doc: 'Whether logs stand in for an empty file.',
  }),
  imagePullPolicy: optional(14, known('Always', 'IfNotPresent', 'Never'), {
    doc: 'When the image is pulled: Always, IfNotPresent or Never.',
  }),
  securityContext: pointer(15, SecurityContext, { doc: 'Identity and privileges.' }),
  stdin: optional(16, boolean(), { doc: 'Whether standard input stays open.' }),
  stdinOnce: optional(17, boolean(), { doc: 'Whether it closes after the first client.' }),
  tty: optional(18, boolean(), { doc: 'Whether it gets a terminal.' }),
})
export interface Container extends TypeOf<typeof container> {}
export const Container: Schema<Container> = container

const ephemeralContainerCommon = object('io.k8s.api.core.v1.EphemeralContainerCommon', {
  name: always(1, string(), { doc: 'Name of the container, unique in the pod.' }),
  image: optional(2, string(), { doc: 'Image that it runs.' }),
  command: optional(3, list(string(), { listType: 'atomic' }), { doc: "Program, instead of the image's entry point." }),
  args: optional(4, list(string(), { listType: 'atomic' }), { doc: "Arguments, instead of the image's." }),
  workingDir: optional(5, string(), { doc: 'Directory to start in.' }),
  ports: optional(
    6,
    list(ContainerPort, { listType: 'map', mapKeys: ['containerPort', 'protocol'], mergeKey: 'containerPort' }),
    { doc: 'Ports that it listens on.' },
  ),
  envFrom: optional(19, list(EnvFromSource, { listType: 'atomic' }), { doc: 'Sources of many variables.' }),
  env: optional(7, list(EnvVar, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' }), { doc: 'Environment variables.' }),
  resources: always(8, ResourceRequirements, { doc: 'Resources that it requests and its limits.' }),
  resizePolicy: optional(23, list(ContainerResizePolicy, { listType: 'atomic' }), {
    doc: 'What a change of its resources takes.',
  }),
  restartPolicy: pointer(24, string(), { doc: 'Whether it starts again; Always makes an init container a sidecar.' }),
  restartPolicyRules: optional(25, list(ContainerRestartRule, { listType: 'atomic' }), {
    doc: 'Exceptions to the restart policy, by exit code.',
  }),
  volumeMounts: optional(9, list(VolumeMount, { listType: 'map', mapKeys: ['mountPath'], mergeKey: 'mountPath' }), {
    doc: 'Volumes and where they appear.',
  }),
  volumeDevices: optional(21, list(VolumeDevice, { listType: 'map', mapKeys: ['devicePath'], mergeKey: 'devicePath' }), {
    doc: 'Block devices and where they appear.',
  }),
  livenessProbe: pointer(10, Probe, { doc: 'Restarts the container when it fails.' }),
  readinessProbe: pointer(11, Probe, { doc: 'Takes the pod out of its services when it fails.' }),
  startupProbe: pointer(22, Probe, { doc: 'Holds back the other probes until it passes.' }),
  lifecycle: pointer(12, Lifecycle, { doc: 'What runs after the start and before the end.' }),
  terminationMessagePath: optional(13, string(), {
    default: '/dev/termination-log',
    doc: 'File with the last words of the container.',
  }),
  terminationMessagePolicy: optional(20, known('FallbackToLogsOnError', 'File'), {
    default: 'File',
    doc: 'Whether logs stand in for an empty file.',
  }),
  imagePullPolicy: optional(14, known('Always', 'IfNotPresent', 'Never'), {
    doc: 'When the image is pulled: Always, IfNotPresent or Never.',
  }),
  securityContext: pointer(15, SecurityContext, { doc: 'Identity and privileges.' }),
  stdin: optional(16, boolean(), { doc: 'Whether standard input stays open.' }),
  stdinOnce: optional(17, boolean(), { doc: 'Whether it closes after the first client.' }),
  tty: optional(18, boolean(), { doc: 'Whether it gets a terminal.' }),
})
export interface EphemeralContainerCommon extends TypeOf<typeof ephemeralContainerCommon> {}
export const EphemeralContainerCommon: Schema<EphemeralContainerCommon> = ephemeralContainerCommon

const ephemeralContainer = object('io.k8s.api.core.v1.EphemeralContainer', {
  ...embedded(1, EphemeralContainerCommon),
  targetContainerName: optional(2, string()),
})
export interface EphemeralContainer extends TypeOf<typeof ephemeralContainer> {}
export const EphemeralContainer: Schema<EphemeralContainer> = ephemeralContainer

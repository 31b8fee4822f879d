/** container: ContainerPort, VolumeMount, VolumeDevice. */
import { EnvFromSource, EnvVar } from '#api/core/v1/env.ts'
import { Lifecycle, Probe } from '#api/core/v1/probe.ts'
import { ResourceRequirements } from '#api/core/v1/resources.ts'
import { SecurityContext } from '#api/core/v1/security-context.ts'
import {
  always,
  boolean,
  embedded,
  int32,
  list,
  object,
  oneOf,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const containerPort = object('io.k8s.api.core.v1.ContainerPort', {
  name: optional(1, string()),
  hostPort: optional(2, int32()),
  containerPort: always(3, int32()),
  protocol: optional(4, oneOf('SCTP', 'TCP', 'UDP'), { default: 'TCP' }),
  hostIP: optional(5, string()),
})
export interface ContainerPort extends TypeOf<typeof containerPort> {}
export const ContainerPort: Schema<ContainerPort> = containerPort

const volumeMount = object('io.k8s.api.core.v1.VolumeMount', {
  name: always(1, string()),
  readOnly: optional(2, boolean()),
  recursiveReadOnly: pointer(7, string()),
  mountPath: always(3, string()),
  subPath: optional(4, string()),
  mountPropagation: pointer(5, oneOf('Bidirectional', 'HostToContainer', 'None')),
  subPathExpr: optional(6, string()),
})
export interface VolumeMount extends TypeOf<typeof volumeMount> {}
export const VolumeMount: Schema<VolumeMount> = volumeMount

const volumeDevice = object('io.k8s.api.core.v1.VolumeDevice', {
  name: always(1, string()),
  devicePath: always(2, string()),
})
export interface VolumeDevice extends TypeOf<typeof volumeDevice> {}
export const VolumeDevice: Schema<VolumeDevice> = volumeDevice

const containerResizePolicy = object('io.k8s.api.core.v1.ContainerResizePolicy', {
  resourceName: always(1, string()),
  restartPolicy: always(2, string()),
})
export interface ContainerResizePolicy extends TypeOf<typeof containerResizePolicy> {}
export const ContainerResizePolicy: Schema<ContainerResizePolicy> = containerResizePolicy

const containerRestartRuleOnExitCodes = object('io.k8s.api.core.v1.ContainerRestartRuleOnExitCodes', {
  operator: optional(1, string()),
  values: optional(2, list(int32(), { listType: 'set' })),
})
export interface ContainerRestartRuleOnExitCodes extends TypeOf<typeof containerRestartRuleOnExitCodes> {}
export const ContainerRestartRuleOnExitCodes: Schema<ContainerRestartRuleOnExitCodes> = containerRestartRuleOnExitCodes

const containerRestartRule = object('io.k8s.api.core.v1.ContainerRestartRule', {
  action: optional(1, string()),
  exitCodes: pointer(2, ContainerRestartRuleOnExitCodes),
})
export interface ContainerRestartRule extends TypeOf<typeof containerRestartRule> {}
export const ContainerRestartRule: Schema<ContainerRestartRule> = containerRestartRule

const container = object('io.k8s.api.core.v1.Container', {
  name: always(1, string()),
  image: optional(2, string()),
  command: optional(3, list(string(), { listType: 'atomic' })),
  args: optional(4, list(string(), { listType: 'atomic' })),
  workingDir: optional(5, string()),
  ports: optional(6, list(ContainerPort, { listType: 'map', mapKeys: ['containerPort', 'protocol'], mergeKey: 'containerPort' })),
  envFrom: optional(19, list(EnvFromSource, { listType: 'atomic' })),
  env: optional(7, list(EnvVar, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' })),
  resources: always(8, ResourceRequirements),
  resizePolicy: optional(23, list(ContainerResizePolicy, { listType: 'atomic' }), {
    /* gate InPlacePodVerticalScaling */
  }),
  restartPolicy: pointer(24, string()),
  restartPolicyRules: optional(25, list(ContainerRestartRule, { listType: 'atomic' }), {
    /* gate ContainerRestartRules */
  }),
  volumeMounts: optional(9, list(VolumeMount, { listType: 'map', mapKeys: ['mountPath'], mergeKey: 'mountPath' })),
  volumeDevices: optional(21, list(VolumeDevice, { listType: 'map', mapKeys: ['devicePath'], mergeKey: 'devicePath' })),
  livenessProbe: pointer(10, Probe),
  readinessProbe: pointer(11, Probe),
  startupProbe: pointer(22, Probe),
  lifecycle: pointer(12, Lifecycle),
  terminationMessagePath: optional(13, string()),
  terminationMessagePolicy: optional(20, oneOf('FallbackToLogsOnError', 'File')),
  imagePullPolicy: optional(14, oneOf('Always', 'IfNotPresent', 'Never')),
  securityContext: pointer(15, SecurityContext),
  stdin: optional(16, boolean()),
  stdinOnce: optional(17, boolean()),
  tty: optional(18, boolean()),
})
export interface Container extends TypeOf<typeof container> {}
export const Container: Schema<Container> = container

const ephemeralContainerCommon = object('io.k8s.api.core.v1.EphemeralContainerCommon', {
  name: always(1, string()),
  image: optional(2, string()),
  command: optional(3, list(string(), { listType: 'atomic' })),
  args: optional(4, list(string(), { listType: 'atomic' })),
  workingDir: optional(5, string()),
  ports: optional(6, list(ContainerPort, { listType: 'map', mapKeys: ['containerPort', 'protocol'], mergeKey: 'containerPort' })),
  envFrom: optional(19, list(EnvFromSource, { listType: 'atomic' })),
  env: optional(7, list(EnvVar, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' })),
  resources: always(8, ResourceRequirements),
  resizePolicy: optional(23, list(ContainerResizePolicy, { listType: 'atomic' }), {
    /* gate InPlacePodVerticalScaling */
  }),
  restartPolicy: pointer(24, string()),
  restartPolicyRules: optional(25, list(ContainerRestartRule, { listType: 'atomic' }), {
    /* gate ContainerRestartRules */
  }),
  volumeMounts: optional(9, list(VolumeMount, { listType: 'map', mapKeys: ['mountPath'], mergeKey: 'mountPath' })),
  volumeDevices: optional(21, list(VolumeDevice, { listType: 'map', mapKeys: ['devicePath'], mergeKey: 'devicePath' })),
  livenessProbe: pointer(10, Probe),
  readinessProbe: pointer(11, Probe),
  startupProbe: pointer(22, Probe),
  lifecycle: pointer(12, Lifecycle),
  terminationMessagePath: optional(13, string()),
  terminationMessagePolicy: optional(20, oneOf('FallbackToLogsOnError', 'File')),
  imagePullPolicy: optional(14, oneOf('Always', 'IfNotPresent', 'Never')),
  securityContext: pointer(15, SecurityContext),
  stdin: optional(16, boolean()),
  stdinOnce: optional(17, boolean()),
  tty: optional(18, boolean()),
})
export interface EphemeralContainerCommon extends TypeOf<typeof ephemeralContainerCommon> {}
export const EphemeralContainerCommon: Schema<EphemeralContainerCommon> = ephemeralContainerCommon

const ephemeralContainer = object('io.k8s.api.core.v1.EphemeralContainer', {
  ...embedded(1, EphemeralContainerCommon),
  targetContainerName: optional(2, string()),
})
export interface EphemeralContainer extends TypeOf<typeof ephemeralContainer> {}
export const EphemeralContainer: Schema<EphemeralContainer> = ephemeralContainer

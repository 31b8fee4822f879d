/** pod-spec: PodDNSConfigOption, PodDNSConfig, HostAlias. */
import { Affinity, TopologySpreadConstraint } from '#api/core/v1/affinity.ts'
import { Container, EphemeralContainer } from '#api/core/v1/container.ts'
import { LocalObjectReference } from '#api/core/v1/object-reference.ts'
import { ResourceRequirements } from '#api/core/v1/resources.ts'
import { PodSecurityContext } from '#api/core/v1/security-context.ts'
import { Toleration } from '#api/core/v1/taint.ts'
import { Volume } from '#api/core/v1/volume.ts'
import { TemplateMeta } from '#schema/object-meta.ts'
import {
  always,
  boolean,
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

const podDNSConfigOption = object('io.k8s.api.core.v1.PodDNSConfigOption', {
  name: optional(1, string()),
  value: pointer(2, string()),
})
export interface PodDNSConfigOption extends TypeOf<typeof podDNSConfigOption> {}
export const PodDNSConfigOption: Schema<PodDNSConfigOption> = podDNSConfigOption

const podDNSConfig = object('io.k8s.api.core.v1.PodDNSConfig', {
  nameservers: optional(1, list(string(), { listType: 'atomic' })),
  searches: optional(2, list(string(), { listType: 'atomic' })),
  options: optional(3, list(PodDNSConfigOption, { listType: 'atomic' })),
})
export interface PodDNSConfig extends TypeOf<typeof podDNSConfig> {}
export const PodDNSConfig: Schema<PodDNSConfig> = podDNSConfig

const hostAlias = object('io.k8s.api.core.v1.HostAlias', {
  ip: always(1, string()),
  hostnames: optional(2, list(string(), { listType: 'atomic' })),
})
export interface HostAlias extends TypeOf<typeof hostAlias> {}
export const HostAlias: Schema<HostAlias> = hostAlias

const podOS = object('io.k8s.api.core.v1.PodOS', {
  name: always(1, string()),
})
export interface PodOS extends TypeOf<typeof podOS> {}
export const PodOS: Schema<PodOS> = podOS

const podReadinessGate = object('io.k8s.api.core.v1.PodReadinessGate', {
  conditionType: always(1, string()),
})
export interface PodReadinessGate extends TypeOf<typeof podReadinessGate> {}
export const PodReadinessGate: Schema<PodReadinessGate> = podReadinessGate

const podSchedulingGate = object('io.k8s.api.core.v1.PodSchedulingGate', {
  name: always(1, string()),
})
export interface PodSchedulingGate extends TypeOf<typeof podSchedulingGate> {}
export const PodSchedulingGate: Schema<PodSchedulingGate> = podSchedulingGate

const podResourceClaim = object('io.k8s.api.core.v1.PodResourceClaim', {
  name: always(1, string()),
  resourceClaimName: pointer(3, string()),
  resourceClaimTemplateName: pointer(4, string()),
})
export interface PodResourceClaim extends TypeOf<typeof podResourceClaim> {}
export const PodResourceClaim: Schema<PodResourceClaim> = podResourceClaim

const podSchedulingGroup = object('io.k8s.api.core.v1.PodSchedulingGroup', {
  podGroupName: pointer(1, string()),
})
export interface PodSchedulingGroup extends TypeOf<typeof podSchedulingGroup> {}
export const PodSchedulingGroup: Schema<PodSchedulingGroup> = podSchedulingGroup

const podSpec = object('io.k8s.api.core.v1.PodSpec', {
  volumes: optional(1, list(Volume, { listType: 'map', mapKeys: ['name'], mergeKey: 'name', retainKeys: true })),
  initContainers: optional(20, list(Container, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' })),
  containers: always(2, list(Container, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' })),
  ephemeralContainers: optional(34, list(EphemeralContainer, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' })),
  restartPolicy: optional(3, oneOf('Always', 'Never', 'OnFailure')),
  terminationGracePeriodSeconds: pointer(4, int64()),
  activeDeadlineSeconds: pointer(5, int64()),
  dnsPolicy: optional(6, oneOf('ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None')),
  nodeSelector: optional(7, map(string()) /* atomic */),
  serviceAccountName: optional(8, string()),
  serviceAccount: optional(9, string()),
  automountServiceAccountToken: pointer(21, boolean()),
  nodeName: optional(10, string()),
  hostNetwork: optional(11, boolean()),
  hostPID: optional(12, boolean()),
  hostIPC: optional(13, boolean()),
  shareProcessNamespace: pointer(27, boolean()),
  securityContext: pointer(14, PodSecurityContext),
  imagePullSecrets: optional(15, list(LocalObjectReference, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' })),
  hostname: optional(16, string()),
  subdomain: optional(17, string()),
  affinity: pointer(18, Affinity),
  schedulerName: optional(19, string()),
  tolerations: optional(22, list(Toleration, { listType: 'atomic' })),
  hostAliases: optional(23, list(HostAlias, { listType: 'map', mapKeys: ['ip'], mergeKey: 'ip' })),
  priorityClassName: optional(24, string()),
  priority: pointer(25, int32()),
  dnsConfig: pointer(26, PodDNSConfig),
  readinessGates: optional(28, list(PodReadinessGate, { listType: 'atomic' })),
  runtimeClassName: pointer(29, string()),
  enableServiceLinks: pointer(30, boolean()),
  preemptionPolicy: pointer(31, oneOf('Never', 'PreemptLowerPriority')),
  overhead: optional(32, map(quantity())),
  topologySpreadConstraints: optional(
    33,
    list(TopologySpreadConstraint, { listType: 'map', mapKeys: ['topologyKey', 'whenUnsatisfiable'], mergeKey: 'topologyKey' }),
  ),
  setHostnameAsFQDN: pointer(35, boolean()),
  os: pointer(36, PodOS),
  hostUsers: pointer(37, boolean()),
  schedulingGates: optional(38, list(PodSchedulingGate, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' })),
  resourceClaims: optional(
    39,
    list(PodResourceClaim, { listType: 'map', mapKeys: ['name'], mergeKey: 'name', retainKeys: true }),
    {
      /* gate DynamicResourceAllocation */
    },
  ),
  resources: pointer(40, ResourceRequirements, {
    /* gate PodLevelResources */
  }),
  hostnameOverride: pointer(41, string(), {
    /* gate HostnameOverride */
  }),
  schedulingGroup: pointer(43, PodSchedulingGroup, {
    /* gate GenericWorkload */
  }),
})
export interface PodSpec extends TypeOf<typeof podSpec> {}
export const PodSpec: Schema<PodSpec> = podSpec

const podTemplateSpec = object('io.k8s.api.core.v1.PodTemplateSpec', {
  metadata: always(1, TemplateMeta),
  spec: always(2, PodSpec),
})
export interface PodTemplateSpec extends TypeOf<typeof podTemplateSpec> {}
export const PodTemplateSpec: Schema<PodTemplateSpec> = podTemplateSpec

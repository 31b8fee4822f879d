/** PodSpec: what a pod shall be, wherever a pod is described; PodTemplateSpec holds one for pods to come. */
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

const podDNSConfigOption = object('io.k8s.api.core.v1.PodDNSConfigOption', {
  name: optional(1, string()),
  value: pointer(2, string()),
})
export interface PodDNSConfigOption extends TypeOf<typeof podDNSConfigOption> {}
export const PodDNSConfigOption: Schema<PodDNSConfigOption> = podDNSConfigOption

const podDNSConfig = object('io.k8s.api.core.v1.PodDNSConfig', {
  nameservers: optional(1, list(string(), { listType: 'atomic' }), {
    doc: 'Addresses of name servers, asked before those of the policy.',
  }),
  searches: optional(2, list(string(), { listType: 'atomic' }), { doc: 'Domains to search in.' }),
  options: optional(3, list(PodDNSConfigOption, { listType: 'atomic' }), { doc: 'Options of the resolver.' }),
})
export interface PodDNSConfig extends TypeOf<typeof podDNSConfig> {}
export const PodDNSConfig: Schema<PodDNSConfig> = podDNSConfig

const hostAlias = object('io.k8s.api.core.v1.HostAlias', {
  ip: always(1, string(), { doc: 'The address.' }),
  hostnames: optional(2, list(string(), { listType: 'atomic' }), { doc: 'Its names.' }),
})
export interface HostAlias extends TypeOf<typeof hostAlias> {}
export const HostAlias: Schema<HostAlias> = hostAlias

const podOS = object('io.k8s.api.core.v1.PodOS', {
  name: always(1, string(), { doc: 'linux or windows.' }),
})
export interface PodOS extends TypeOf<typeof podOS> {}
export const PodOS: Schema<PodOS> = podOS

const podReadinessGate = object('io.k8s.api.core.v1.PodReadinessGate', {
  conditionType: always(1, string(), { doc: 'The condition.' }),
})
export interface PodReadinessGate extends TypeOf<typeof podReadinessGate> {}
export const PodReadinessGate: Schema<PodReadinessGate> = podReadinessGate

const podSchedulingGate = object('io.k8s.api.core.v1.PodSchedulingGate', {
  name: always(1, string(), { doc: 'Name of the gate, with the domain of whoever removes it.' }),
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

const podSchedulingGroup = object(
  'io.k8s.api.core.v1.PodSchedulingGroup',
  {
    podGroupName: pointer(1, string()),
  },
  { union: { fields: { podGroupName: 'PodGroupName' } } },
)
export interface PodSchedulingGroup extends TypeOf<typeof podSchedulingGroup> {}
export const PodSchedulingGroup: Schema<PodSchedulingGroup> = podSchedulingGroup

const podSpec = object('io.k8s.api.core.v1.PodSpec', {
  volumes: optional(1, list(Volume, { listType: 'map', mapKeys: ['name'], mergeKey: 'name', retainKeys: true }), {
    doc: 'Volumes that containers may mount.',
  }),
  initContainers: optional(20, list(Container, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' }), {
    doc: 'Containers that run to their end, one after the other, before the others start; sidecars stay.',
  }),
  containers: always(2, list(Container, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' }), {
    doc: 'Containers of the pod.',
  }),
  ephemeralContainers: optional(34, list(EphemeralContainer, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' }), {
    doc: 'Containers added to the running pod for debugging.',
  }),
  restartPolicy: optional(3, known('Always', 'Never', 'OnFailure'), {
    default: 'Always',
    doc: 'Whether containers that ended start again: Always, OnFailure or Never.',
  }),
  terminationGracePeriodSeconds: pointer(4, int64(), { default: 30, doc: 'Seconds between the request to end and the kill.' }),
  activeDeadlineSeconds: pointer(5, int64(), { doc: 'Seconds after which the pod is ended and failed.' }),
  dnsPolicy: optional(6, known('ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'), {
    default: 'ClusterFirst',
    doc: 'Which name servers the containers ask.',
  }),
  nodeSelector: optional(7, map(string(), { atomic: true }), { doc: 'Labels that the node must have.' }),
  serviceAccountName: optional(8, string(), { doc: 'Service account that the pod acts as.' }),
  serviceAccount: optional(9, string(), { doc: 'Older spelling of serviceAccountName.' }),
  automountServiceAccountToken: pointer(21, boolean(), { doc: 'Whether a token of the service account is mounted.' }),
  nodeName: optional(10, string(), { doc: 'Node that the pod was assigned to.' }),
  hostNetwork: optional(11, boolean(), { doc: 'Whether the pod uses the network of the node.' }),
  hostPID: optional(12, boolean(), { doc: 'Whether it sees the processes of the node.' }),
  hostIPC: optional(13, boolean(), { doc: 'Whether it shares the IPC namespace of the node.' }),
  shareProcessNamespace: pointer(27, boolean(), { doc: "Whether the containers see each other's processes." }),
  securityContext: pointer(14, PodSecurityContext, { default: () => ({}), doc: 'Identity and privileges for all containers.' }),
  imagePullSecrets: optional(15, list(LocalObjectReference, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' }), {
    doc: 'Secrets for pulling the images.',
  }),
  hostname: optional(16, string(), { doc: 'Host name of the pod.' }),
  subdomain: optional(17, string(), { doc: 'Subdomain, which with a headless service gives the pod a full name.' }),
  affinity: pointer(18, Affinity, { doc: 'Which nodes and which neighbours the pod wants.' }),
  schedulerName: optional(19, string(), { default: 'default-scheduler', doc: 'The scheduler that assigns the pod.' }),
  tolerations: optional(22, list(Toleration, { listType: 'atomic' }), { doc: 'Taints that the pod bears.' }),
  hostAliases: optional(23, list(HostAlias, { listType: 'map', mapKeys: ['ip'], mergeKey: 'ip' }), {
    doc: 'Lines for the hosts file.',
  }),
  priorityClassName: optional(24, string(), { doc: 'Class that gives the pod its priority.' }),
  priority: pointer(25, int32(), { doc: 'How important the pod is; filled in from the class.' }),
  dnsConfig: pointer(26, PodDNSConfig, { doc: 'DNS settings beyond the policy.' }),
  readinessGates: optional(28, list(PodReadinessGate, { listType: 'atomic' }), {
    doc: 'Conditions that must hold for the pod to be ready.',
  }),
  runtimeClassName: pointer(29, string(), { doc: 'Class of container runtime that runs the pod.' }),
  enableServiceLinks: pointer(30, boolean(), { doc: 'Whether variables name the services of the namespace.' }),
  preemptionPolicy: pointer(31, known('Never', 'PreemptLowerPriority'), { doc: 'Whether the pod may push others away.' }),
  overhead: optional(32, map(quantity()), { doc: 'Resources that running the pod takes besides its containers.' }),
  topologySpreadConstraints: optional(
    33,
    list(TopologySpreadConstraint, { listType: 'map', mapKeys: ['topologyKey', 'whenUnsatisfiable'], mergeKey: 'topologyKey' }),
    { doc: 'How pods of a group are spread over zones and nodes.' },
  ),
  setHostnameAsFQDN: pointer(35, boolean(), { doc: 'Whether the host name is the full name.' }),
  os: pointer(36, PodOS, { doc: 'Operating system that the containers are for.' }),
  hostUsers: pointer(37, boolean(), { doc: 'Whether the pod uses the user namespace of the node.' }),
  schedulingGates: optional(38, list(PodSchedulingGate, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' }), {
    doc: 'Gates that must be removed before the pod is scheduled.',
  }),
  resourceClaims: optional(
    39,
    list(PodResourceClaim, { listType: 'map', mapKeys: ['name'], mergeKey: 'name', retainKeys: true }),
    { doc: 'Devices that the pod claims.' },
  ),
  resources: pointer(40, ResourceRequirements, { doc: 'Resources for the pod as a whole.' }),
  hostnameOverride: pointer(41, string(), { doc: 'Host name inside the pod, whatever its other names are.' }),
  schedulingGroup: pointer(43, PodSchedulingGroup),
})
export interface PodSpec extends TypeOf<typeof podSpec> {}
export const PodSpec: Schema<PodSpec> = podSpec

const podTemplateSpec = object('io.k8s.api.core.v1.PodTemplateSpec', {
  metadata: always(1, TemplateMeta, { doc: 'Labels and annotations of the pods to come.' }),
  spec: always(2, PodSpec, { doc: 'What they shall be.' }),
})
export interface PodTemplateSpec extends TypeOf<typeof podTemplateSpec> {}
export const PodTemplateSpec: Schema<PodTemplateSpec> = podTemplateSpec

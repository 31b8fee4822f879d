/** Affinity, NodeSelector, TopologySpreadConstraint: which nodes a pod wants, and which neighbours. */
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { always, int32, known, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const nodeSelectorRequirement = object('io.k8s.api.core.v1.NodeSelectorRequirement', {
  key: always(1, string()),
  operator: always(2, known('DoesNotExist', 'Exists', 'Gt', 'In', 'Lt', 'NotIn')),
  values: optional(3, list(string(), { listType: 'atomic' })),
})
export interface NodeSelectorRequirement extends TypeOf<typeof nodeSelectorRequirement> {}
export const NodeSelectorRequirement: Schema<NodeSelectorRequirement> = nodeSelectorRequirement

const nodeSelectorTerm = object(
  'io.k8s.api.core.v1.NodeSelectorTerm',
  {
    matchExpressions: optional(1, list(NodeSelectorRequirement, { listType: 'atomic' })),
    matchFields: optional(2, list(NodeSelectorRequirement, { listType: 'atomic' })),
  },
  { atomic: true },
)
export interface NodeSelectorTerm extends TypeOf<typeof nodeSelectorTerm> {}
export const NodeSelectorTerm: Schema<NodeSelectorTerm> = nodeSelectorTerm

const nodeSelector = object(
  'io.k8s.api.core.v1.NodeSelector',
  {
    nodeSelectorTerms: always(1, list(NodeSelectorTerm, { listType: 'atomic' })),
  },
  { atomic: true },
)
export interface NodeSelector extends TypeOf<typeof nodeSelector> {}
export const NodeSelector: Schema<NodeSelector> = nodeSelector

const preferredSchedulingTerm = object('io.k8s.api.core.v1.PreferredSchedulingTerm', {
  weight: always(1, int32()),
  preference: always(2, NodeSelectorTerm, { isRequired: true }),
})
export interface PreferredSchedulingTerm extends TypeOf<typeof preferredSchedulingTerm> {}
export const PreferredSchedulingTerm: Schema<PreferredSchedulingTerm> = preferredSchedulingTerm

const nodeAffinity = object('io.k8s.api.core.v1.NodeAffinity', {
  requiredDuringSchedulingIgnoredDuringExecution: pointer(1, NodeSelector),
  preferredDuringSchedulingIgnoredDuringExecution: optional(2, list(PreferredSchedulingTerm, { listType: 'atomic' })),
})
export interface NodeAffinity extends TypeOf<typeof nodeAffinity> {}
export const NodeAffinity: Schema<NodeAffinity> = nodeAffinity

const podAffinityTerm = object('io.k8s.api.core.v1.PodAffinityTerm', {
  labelSelector: pointer(1, LabelSelector),
  namespaces: optional(2, list(string(), { listType: 'atomic' })),
  topologyKey: always(3, string()),
  namespaceSelector: pointer(4, LabelSelector),
  matchLabelKeys: optional(5, list(string(), { listType: 'atomic' })),
  mismatchLabelKeys: optional(6, list(string(), { listType: 'atomic' })),
})
export interface PodAffinityTerm extends TypeOf<typeof podAffinityTerm> {}
export const PodAffinityTerm: Schema<PodAffinityTerm> = podAffinityTerm

const weightedPodAffinityTerm = object('io.k8s.api.core.v1.WeightedPodAffinityTerm', {
  weight: always(1, int32()),
  podAffinityTerm: always(2, PodAffinityTerm, { isRequired: true }),
})
export interface WeightedPodAffinityTerm extends TypeOf<typeof weightedPodAffinityTerm> {}
export const WeightedPodAffinityTerm: Schema<WeightedPodAffinityTerm> = weightedPodAffinityTerm

const podAffinity = object('io.k8s.api.core.v1.PodAffinity', {
  requiredDuringSchedulingIgnoredDuringExecution: optional(1, list(PodAffinityTerm, { listType: 'atomic' })),
  preferredDuringSchedulingIgnoredDuringExecution: optional(2, list(WeightedPodAffinityTerm, { listType: 'atomic' })),
})
export interface PodAffinity extends TypeOf<typeof podAffinity> {}
export const PodAffinity: Schema<PodAffinity> = podAffinity

const podAntiAffinity = object('io.k8s.api.core.v1.PodAntiAffinity', {
  requiredDuringSchedulingIgnoredDuringExecution: optional(1, list(PodAffinityTerm, { listType: 'atomic' })),
  preferredDuringSchedulingIgnoredDuringExecution: optional(2, list(WeightedPodAffinityTerm, { listType: 'atomic' })),
})
export interface PodAntiAffinity extends TypeOf<typeof podAntiAffinity> {}
export const PodAntiAffinity: Schema<PodAntiAffinity> = podAntiAffinity

const affinity = object('io.k8s.api.core.v1.Affinity', {
  nodeAffinity: pointer(1, NodeAffinity),
  podAffinity: pointer(2, PodAffinity),
  podAntiAffinity: pointer(3, PodAntiAffinity),
})
export interface Affinity extends TypeOf<typeof affinity> {}
export const Affinity: Schema<Affinity> = affinity

const topologySpreadConstraint = object('io.k8s.api.core.v1.TopologySpreadConstraint', {
  maxSkew: always(1, int32()),
  topologyKey: always(2, string()),
  whenUnsatisfiable: always(3, known('DoNotSchedule', 'ScheduleAnyway')),
  labelSelector: pointer(4, LabelSelector),
  minDomains: pointer(5, int32()),
  nodeAffinityPolicy: pointer(6, known('Honor', 'Ignore')),
  nodeTaintsPolicy: pointer(7, known('Honor', 'Ignore')),
  matchLabelKeys: optional(8, list(string(), { listType: 'atomic' })),
})
export interface TopologySpreadConstraint extends TypeOf<typeof topologySpreadConstraint> {}
export const TopologySpreadConstraint: Schema<TopologySpreadConstraint> = topologySpreadConstraint

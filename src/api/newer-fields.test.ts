import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node, ObjectNode } from '#schema/words.ts'
import { kinds } from './kinds.ts'
import { previewKinds } from './preview-kinds.ts'

/** What `generated.proto` of 1.36 has and that of 1.34 had not, whose descriptors `test/golden/` reads out of kubectl: number, name, type. */
const golden = `
api.admissionregistration.v1.ApplyConfiguration: 1 expression string
api.admissionregistration.v1.JSONPatch: 1 expression string
api.admissionregistration.v1.MutatingAdmissionPolicy: 1 metadata ObjectMeta, 2 spec MutatingAdmissionPolicySpec
api.admissionregistration.v1.MutatingAdmissionPolicyBinding: 1 metadata ObjectMeta, 2 spec MutatingAdmissionPolicyBindingSpec
api.admissionregistration.v1.MutatingAdmissionPolicyBindingSpec: 1 policyName string, 2 paramRef ParamRef, 3 matchResources MatchResources
api.admissionregistration.v1.MutatingAdmissionPolicySpec: 1 paramKind ParamKind, 2 matchConstraints MatchResources, 3 variables [Variable], 4 mutations [Mutation], 5 failurePolicy string, 6 matchConditions [MatchCondition], 7 reinvocationPolicy string
api.admissionregistration.v1.Mutation: 2 patchType string, 3 applyConfiguration ApplyConfiguration, 4 jsonPatch JSONPatch
api.certificates.v1beta1.PodCertificateRequest: 1 metadata ObjectMeta, 2 spec PodCertificateRequestSpec, 3 status PodCertificateRequestStatus
api.certificates.v1beta1.PodCertificateRequestSpec: 1 signerName string, 2 podName string, 3 podUID string, 4 serviceAccountName string, 5 serviceAccountUID string, 6 nodeName string, 7 nodeUID string, 8 maxExpirationSeconds int32, 9 pkixPublicKey bytes, 10 proofOfPossession bytes, 11 unverifiedUserAnnotations map<string, string>, 12 stubPKCS10Request bytes
api.certificates.v1beta1.PodCertificateRequestStatus: 1 conditions [Condition], 2 certificateChain string, 4 notBefore Time, 5 beginRefreshAt Time, 6 notAfter Time
api.core.v1.ImageVolumeStatus: 1 imageRef string
api.core.v1.NodeAllocatableResourceClaimStatus: 1 resourceClaimName string, 2 containers [string], 3 resources map<string, Quantity>
api.core.v1.NodeStatus: 14 declaredFeatures [string]
api.core.v1.PodCertificateProjection: 7 userAnnotations map<string, string>
api.core.v1.PodSchedulingGroup: 1 podGroupName string
api.core.v1.PodSpec: 43 schedulingGroup PodSchedulingGroup
api.core.v1.PodStatus: 19 allocatedResources map<string, Quantity>, 20 resources ResourceRequirements, 21 nodeAllocatableResourceClaimStatuses [NodeAllocatableResourceClaimStatus]
api.core.v1.ResourceHealth: 6 message string
api.core.v1.VolumeMountStatus: 5 volumeStatus VolumeStatus
api.core.v1.VolumeStatus: 1 image ImageVolumeStatus
api.resource.v1.Device: 13 nodeAllocatableResourceMappings map<string, NodeAllocatableResourceMapping>
api.resource.v1.DeviceAttribute: 6 ints [int64], 7 bools [bool], 8 strings [string], 9 versions [string]
api.resource.v1.NodeAllocatableResourceMapping: 1 capacityKey string, 2 allocationMultiplier Quantity
api.resource.v1alpha3.DeviceTaintRule: 3 status DeviceTaintRuleStatus
api.resource.v1alpha3.DeviceTaintRuleStatus: 1 conditions [Condition]
api.resource.v1alpha3.PoolStatus: 1 driver string, 2 poolName string, 3 nodeName string, 4 totalDevices int32, 5 allocatedDevices int32, 6 availableDevices int32, 7 unavailableDevices int32, 8 resourceSliceCount int32, 9 generation int64, 10 validationError string
api.resource.v1alpha3.ResourcePoolStatusRequest: 1 metadata ObjectMeta, 2 spec ResourcePoolStatusRequestSpec, 3 status ResourcePoolStatusRequestStatus
api.resource.v1alpha3.ResourcePoolStatusRequestSpec: 1 driver string, 2 poolName string, 3 limit int32
api.resource.v1alpha3.ResourcePoolStatusRequestStatus: 2 pools [PoolStatus], 3 conditions [Condition], 6 poolCount int32
api.resource.v1beta1.BasicDevice: 12 nodeAllocatableResourceMappings map<string, NodeAllocatableResourceMapping>
api.resource.v1beta1.DeviceAttribute: 6 ints [int64], 7 bools [bool], 8 strings [string], 9 versions [string]
api.resource.v1beta1.NodeAllocatableResourceMapping: 1 capacityKey string, 2 allocationMultiplier Quantity
api.resource.v1beta2.Device: 13 nodeAllocatableResourceMappings map<string, NodeAllocatableResourceMapping>
api.resource.v1beta2.DeviceAttribute: 6 ints [int64], 7 bools [bool], 8 strings [string], 9 versions [string]
api.resource.v1beta2.DeviceTaintRule: 1 metadata ObjectMeta, 2 spec DeviceTaintRuleSpec, 3 status DeviceTaintRuleStatus
api.resource.v1beta2.DeviceTaintRuleSpec: 1 deviceSelector DeviceTaintSelector, 2 taint DeviceTaint
api.resource.v1beta2.DeviceTaintRuleStatus: 1 conditions [Condition]
api.resource.v1beta2.DeviceTaintSelector: 2 driver string, 3 pool string, 4 device string
api.resource.v1beta2.NodeAllocatableResourceMapping: 1 capacityKey string, 2 allocationMultiplier Quantity
api.scheduling.v1alpha2.GangSchedulingPolicy: 1 minCount int32
api.scheduling.v1alpha2.PodGroup: 1 metadata ObjectMeta, 2 spec PodGroupSpec, 3 status PodGroupStatus
api.scheduling.v1alpha2.PodGroupResourceClaim: 1 name string, 2 resourceClaimName string, 3 resourceClaimTemplateName string
api.scheduling.v1alpha2.PodGroupResourceClaimStatus: 1 name string, 2 resourceClaimName string
api.scheduling.v1alpha2.PodGroupSchedulingConstraints: 1 topology [TopologyConstraint]
api.scheduling.v1alpha2.PodGroupSchedulingPolicy: 1 basic BasicSchedulingPolicy, 2 gang GangSchedulingPolicy
api.scheduling.v1alpha2.PodGroupSpec: 1 podGroupTemplateRef PodGroupTemplateReference, 2 schedulingPolicy PodGroupSchedulingPolicy, 3 schedulingConstraints PodGroupSchedulingConstraints, 4 resourceClaims [PodGroupResourceClaim], 5 disruptionMode string, 6 priorityClassName string, 7 priority int32
api.scheduling.v1alpha2.PodGroupStatus: 1 conditions [Condition], 2 resourceClaimStatuses [PodGroupResourceClaimStatus]
api.scheduling.v1alpha2.PodGroupTemplate: 1 name string, 2 schedulingPolicy PodGroupSchedulingPolicy, 3 schedulingConstraints PodGroupSchedulingConstraints, 4 resourceClaims [PodGroupResourceClaim], 5 disruptionMode string, 6 priorityClassName string, 7 priority int32
api.scheduling.v1alpha2.PodGroupTemplateReference: 1 workload WorkloadPodGroupTemplateReference
api.scheduling.v1alpha2.TopologyConstraint: 1 key string
api.scheduling.v1alpha2.TypedLocalObjectReference: 1 apiGroup string, 2 kind string, 3 name string
api.scheduling.v1alpha2.Workload: 1 metadata ObjectMeta, 2 spec WorkloadSpec
api.scheduling.v1alpha2.WorkloadPodGroupTemplateReference: 1 workloadName string, 2 podGroupTemplateName string
api.scheduling.v1alpha2.WorkloadSpec: 1 controllerRef TypedLocalObjectReference, 2 podGroupTemplates [PodGroupTemplate]
api.storage.v1.CSIDriverSpec: 10 serviceAccountTokenInSecrets bool, 11 preventPodSchedulingIfMissing bool
api.storagemigration.v1beta1.StorageVersionMigration: 1 metadata ObjectMeta, 2 spec StorageVersionMigrationSpec, 3 status StorageVersionMigrationStatus
api.storagemigration.v1beta1.StorageVersionMigrationSpec: 1 resource GroupResource
api.storagemigration.v1beta1.StorageVersionMigrationStatus: 1 conditions [Condition], 2 resourceVersion string
apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionCondition: 6 observedGeneration int64
apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionStatus: 4 observedGeneration int64
`

const words: Readonly<Record<string, string>> = { boolean: 'bool', quantity: 'Quantity', time: 'Time' }

function typeOf(node: Node): string {
  if (node.type === 'list') return `[${typeOf(node.items)}]`
  if (node.type === 'map') return `map<string, ${typeOf(node.values)}>`
  if (node.type === 'object') return node.name.slice(node.name.lastIndexOf('.') + 1)
  return words[node.type] ?? node.type
}

const structs = new Map<string, ObjectNode>()

function visit(node: Node): void {
  if (node.type === 'list') return visit(node.items)
  if (node.type === 'map') return visit(node.values)
  if (node.type !== 'object') return
  const name = node.name.replace(/^io\.k8s\./, '')
  if (structs.has(name)) return
  structs.set(name, node)
  for (const { schema } of Object.values(node.fields)) visit(schema)
}

for (const { schema } of [...kinds, ...previewKinds]) visit(schema)

for (const line of golden.trim().split('\n')) {
  const [name = '', ...rest] = line.split(': ')
  test(`${name} has the numbers and types that 1.36 added`, () => {
    const fields = structs.get(name)?.fields
    assert(fields, 'is declared')
    const wanted = rest.join(': ').split(/, (?=\d+ )/)
    const found = wanted.map((one) => {
      const key = one.split(' ')[1] as string
      const field = fields[key]
      return field ? `${field.number} ${key} ${typeOf(field.schema)}` : `${key} is missing`
    })
    assert.deepEqual(found, wanted)
  })
}

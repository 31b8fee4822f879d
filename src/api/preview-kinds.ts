/** Kinds of beta and alpha versions, which `--runtime-config` turns on. The versions of a group stand in their order of preference. */

import { MutatingAdmissionPolicy } from '#api/admissionregistration/v1/mutating-admission-policy.ts'
import { MutatingAdmissionPolicyBinding } from '#api/admissionregistration/v1/mutating-admission-policy-binding.ts'
import { StorageVersion } from '#api/apiserverinternal/v1alpha1/storage-version.ts'
import { ClusterTrustBundle } from '#api/certificates/v1beta1/cluster-trust-bundle.ts'
import { PodCertificateRequest } from '#api/certificates/v1beta1/pod-certificate-request.ts'
import { LeaseCandidate } from '#api/coordination/v1beta1/lease-candidate.ts'
import { IPAddress } from '#api/networking/v1/ip-address.ts'
import { ServiceCIDR } from '#api/networking/v1/service-cidr.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceClaimTemplate } from '#api/resource/v1/resource-claim-template.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { ResourcePoolStatusRequest } from '#api/resource/v1alpha3/resource-pool-status-request.ts'
import { resourceV1beta1 } from '#api/resource/v1beta1/kinds.ts'
import { DeviceTaintRule } from '#api/resource/v1beta2/device-taint-rule.ts'
import { PodGroup } from '#api/scheduling/v1alpha2/pod-group.ts'
import { Workload } from '#api/scheduling/v1alpha2/workload.ts'
import { VolumeAttributesClass } from '#api/storage/v1/volume-attributes-class.ts'
import { StorageVersionMigration } from '#api/storagemigration/v1beta1/storage-version-migration.ts'
import type { Kind } from '#schema/kind.ts'
import { atVersion } from './at-version.ts'

export const previewKinds: readonly Kind[] = [
  ClusterTrustBundle,
  PodCertificateRequest,
  atVersion(ClusterTrustBundle, 'v1alpha1'),
  atVersion(IPAddress, 'v1beta1', { lifecycle: { deprecated: 34, removed: 37 } }),
  atVersion(ServiceCIDR, 'v1beta1', { lifecycle: { deprecated: 34, removed: 37 } }),
  atVersion(VolumeAttributesClass, 'v1beta1', {
    lifecycle: { deprecated: 34, removed: 37, replacement: 'storage.k8s.io/v1 VolumeAttributesClass' },
  }),
  atVersion(MutatingAdmissionPolicy, 'v1beta1'),
  atVersion(MutatingAdmissionPolicyBinding, 'v1beta1'),
  atVersion(MutatingAdmissionPolicy, 'v1alpha1'),
  atVersion(MutatingAdmissionPolicyBinding, 'v1alpha1'),
  LeaseCandidate,
  atVersion(LeaseCandidate, 'v1alpha2', { lifecycle: { deprecated: 35, removed: 38 } }),
  atVersion(DeviceClass, 'v1beta2', { lifecycle: { deprecated: 36, removed: 39 } }),
  atVersion(ResourceClaim, 'v1beta2', { lifecycle: { deprecated: 36, removed: 39 } }),
  atVersion(ResourceClaimTemplate, 'v1beta2', { lifecycle: { deprecated: 36, removed: 39 } }),
  atVersion(ResourceSlice, 'v1beta2', { lifecycle: { deprecated: 36, removed: 39 } }),
  ...resourceV1beta1,
  DeviceTaintRule,
  atVersion(DeviceTaintRule, 'v1alpha3'),
  ResourcePoolStatusRequest,
  Workload,
  PodGroup,
  StorageVersion,
  StorageVersionMigration,
]

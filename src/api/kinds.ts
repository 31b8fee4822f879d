/** Every kind that the API serves; the only registry of them. Discovery lists groups and resources in this order. */

import { MutatingAdmissionPolicy } from '#api/admissionregistration/v1/mutating-admission-policy.ts'
import { MutatingAdmissionPolicyBinding } from '#api/admissionregistration/v1/mutating-admission-policy-binding.ts'
import { MutatingWebhookConfiguration } from '#api/admissionregistration/v1/mutating-webhook-configuration.ts'
import { ValidatingAdmissionPolicy } from '#api/admissionregistration/v1/validating-admission-policy.ts'
import { ValidatingAdmissionPolicyBinding } from '#api/admissionregistration/v1/validating-admission-policy-binding.ts'
import { ValidatingWebhookConfiguration } from '#api/admissionregistration/v1/validating-webhook-configuration.ts'
import { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { APIService } from '#api/apiregistration/v1/api-service.ts'
import { ControllerRevision } from '#api/apps/v1/controller-revision.ts'
import { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import { SelfSubjectReview } from '#api/authentication/v1/self-subject-review.ts'
import { TokenReview } from '#api/authentication/v1/token-review.ts'
import { LocalSubjectAccessReview } from '#api/authorization/v1/local-subject-access-review.ts'
import { SelfSubjectAccessReview } from '#api/authorization/v1/self-subject-access-review.ts'
import { SelfSubjectRulesReview } from '#api/authorization/v1/self-subject-rules-review.ts'
import { SubjectAccessReview } from '#api/authorization/v1/subject-access-review.ts'
import { HorizontalPodAutoscaler as OldHorizontalPodAutoscaler } from '#api/autoscaling/v1/horizontal-pod-autoscaler.ts'
import { HorizontalPodAutoscaler } from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import { CronJob } from '#api/batch/v1/cron-job.ts'
import { Job } from '#api/batch/v1/job.ts'
import { CertificateSigningRequest } from '#api/certificates/v1/certificate-signing-request.ts'
import { Lease } from '#api/coordination/v1/lease.ts'
import { Binding } from '#api/core/v1/binding.ts'
import { ComponentStatus } from '#api/core/v1/component-status.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Endpoints } from '#api/core/v1/endpoints.ts'
import { Event } from '#api/core/v1/event.ts'
import { LimitRange } from '#api/core/v1/limit-range.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { PodTemplate } from '#api/core/v1/pod-template.ts'
import { ReplicationController } from '#api/core/v1/replication-controller.ts'
import { ResourceQuota } from '#api/core/v1/resource-quota.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { Service } from '#api/core/v1/service.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { Event as EventsEvent } from '#api/events/v1/event.ts'
import { FlowSchema } from '#api/flowcontrol/v1/flow-schema.ts'
import { PriorityLevelConfiguration } from '#api/flowcontrol/v1/priority-level-configuration.ts'
import { NodeMetrics } from '#api/metrics/v1beta1/node-metrics.ts'
import { PodMetrics } from '#api/metrics/v1beta1/pod-metrics.ts'
import { Ingress } from '#api/networking/v1/ingress.ts'
import { IngressClass } from '#api/networking/v1/ingress-class.ts'
import { IPAddress } from '#api/networking/v1/ip-address.ts'
import { NetworkPolicy } from '#api/networking/v1/network-policy.ts'
import { ServiceCIDR } from '#api/networking/v1/service-cidr.ts'
import { RuntimeClass } from '#api/node/v1/runtime-class.ts'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import { Role } from '#api/rbac/v1/role.ts'
import { RoleBinding } from '#api/rbac/v1/role-binding.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceClaimTemplate } from '#api/resource/v1/resource-claim-template.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { PriorityClass } from '#api/scheduling/v1/priority-class.ts'
import { CSIDriver } from '#api/storage/v1/csi-driver.ts'
import { CSINode } from '#api/storage/v1/csi-node.ts'
import { CSIStorageCapacity } from '#api/storage/v1/csi-storage-capacity.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { VolumeAttachment } from '#api/storage/v1/volume-attachment.ts'
import { VolumeAttributesClass } from '#api/storage/v1/volume-attributes-class.ts'
import type { Kind } from '#schema/kind.ts'

export const kinds: readonly Kind[] = [
  Namespace,
  Node,
  Pod,
  Service,
  Endpoints,
  ConfigMap,
  Secret,
  ServiceAccount,
  Event,
  ReplicationController,
  PersistentVolume,
  PersistentVolumeClaim,
  PodTemplate,
  LimitRange,
  ResourceQuota,
  ComponentStatus,
  Binding,
  Deployment,
  ReplicaSet,
  StatefulSet,
  DaemonSet,
  ControllerRevision,
  HorizontalPodAutoscaler,
  OldHorizontalPodAutoscaler,
  Job,
  CronJob,
  EndpointSlice,
  EventsEvent,
  Lease,
  PodDisruptionBudget,
  Role,
  ClusterRole,
  RoleBinding,
  ClusterRoleBinding,
  PriorityClass,
  IPAddress,
  ServiceCIDR,
  CustomResourceDefinition,
  APIService,
  TokenReview,
  SelfSubjectReview,
  SubjectAccessReview,
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  CertificateSigningRequest,
  NetworkPolicy,
  Ingress,
  IngressClass,
  StorageClass,
  VolumeAttachment,
  CSINode,
  CSIDriver,
  CSIStorageCapacity,
  VolumeAttributesClass,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
  MutatingWebhookConfiguration,
  RuntimeClass,
  FlowSchema,
  PriorityLevelConfiguration,
  DeviceClass,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
  NodeMetrics,
  PodMetrics,
]

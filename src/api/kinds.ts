/** Every kind that the API serves; the only registry of them. Discovery lists groups and resources in this order. */

import { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { SelfSubjectReview } from '#api/authentication/v1/self-subject-review.ts'
import { TokenReview } from '#api/authentication/v1/token-review.ts'
import { LocalSubjectAccessReview } from '#api/authorization/v1/local-subject-access-review.ts'
import { SelfSubjectAccessReview } from '#api/authorization/v1/self-subject-access-review.ts'
import { SelfSubjectRulesReview } from '#api/authorization/v1/self-subject-rules-review.ts'
import { SubjectAccessReview } from '#api/authorization/v1/subject-access-review.ts'
import { Lease } from '#api/coordination/v1/lease.ts'
import { Binding } from '#api/core/v1/binding.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Endpoints } from '#api/core/v1/endpoints.ts'
import { Event } from '#api/core/v1/event.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ReplicationController } from '#api/core/v1/replication-controller.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { Service } from '#api/core/v1/service.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { Event as EventsEvent } from '#api/events/v1/event.ts'
import { IPAddress } from '#api/networking/v1/ip-address.ts'
import { ServiceCIDR } from '#api/networking/v1/service-cidr.ts'
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import { Role } from '#api/rbac/v1/role.ts'
import { RoleBinding } from '#api/rbac/v1/role-binding.ts'
import { PriorityClass } from '#api/scheduling/v1/priority-class.ts'
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
  Binding,
  Deployment,
  ReplicaSet,
  EndpointSlice,
  EventsEvent,
  Lease,
  Role,
  ClusterRole,
  RoleBinding,
  ClusterRoleBinding,
  PriorityClass,
  IPAddress,
  ServiceCIDR,
  TokenReview,
  SelfSubjectReview,
  SubjectAccessReview,
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
]

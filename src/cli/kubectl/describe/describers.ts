/** The describer of each kind; others are described by their fields. */
import {
  describeConfigMap,
  describeNamespace,
  describePriorityClass,
  describeSecret,
  describeServiceAccount,
} from './configuration.ts'
import type { Describer } from './describer.ts'
import { describeGeneric } from './generic.ts'
import { describeIpAddress, describeServiceCidr } from './network.ts'
import { describeNode } from './node.ts'
import { describePod } from './pod.ts'
import { describeRole, describeRoleBinding } from './rbac.ts'
import { describeEndpointSlice, describeEndpoints, describeService } from './service.ts'
import { describeDeployment, describeReplicaSet, describeReplicationController } from './workloads.ts'

const describers: Readonly<Record<string, Describer>> = {
  ConfigMap: describeConfigMap,
  Endpoints: describeEndpoints,
  Namespace: describeNamespace,
  Node: describeNode,
  Pod: describePod,
  ReplicationController: describeReplicationController,
  Secret: describeSecret,
  Service: describeService,
  ServiceAccount: describeServiceAccount,
  'Deployment.apps': describeDeployment,
  'ReplicaSet.apps': describeReplicaSet,
  'EndpointSlice.discovery.k8s.io': describeEndpointSlice,
  'ClusterRole.rbac.authorization.k8s.io': describeRole,
  'ClusterRoleBinding.rbac.authorization.k8s.io': describeRoleBinding,
  'Role.rbac.authorization.k8s.io': describeRole,
  'RoleBinding.rbac.authorization.k8s.io': describeRoleBinding,
  'IPAddress.networking.k8s.io': describeIpAddress,
  'ServiceCIDR.networking.k8s.io': describeServiceCidr,
  'PriorityClass.scheduling.k8s.io': describePriorityClass,
}

export function describerFor({ kind, group }: { kind: string; group: string }): Describer {
  return describers[group ? `${kind}.${group}` : kind] ?? describeGeneric
}

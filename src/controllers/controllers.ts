/** Every controller of the control plane; the only list of them. */
import { kinds as builtIn } from '#api/kinds.ts'
import type { Kind } from '#schema/kind.ts'
import { clusterRoleAggregationController } from './cluster-role-aggregation.ts'
import { deploymentController } from './deployment/deployment.ts'
import { endpointsController } from './endpoints/endpoints.ts'
import { endpointSliceController } from './endpointslice/endpointslice.ts'
import { garbageCollector } from './garbage-collector/garbage-collector.ts'
import { namespaceController } from './namespace/namespace.ts'
import { type NodeIpamOptions, nodeIpamController } from './node/node-ipam.ts'
import { nodeLifecycleController } from './node/node-lifecycle.ts'
import { taintEvictionController } from './node/taint-eviction.ts'
import { podGarbageCollector } from './pod-garbage-collector.ts'
import { replicaSetController } from './replicaset/replicaset.ts'
import { replicationControllerController } from './replicaset/replicationcontroller.ts'
import { rootCaCertificatePublisher } from './root-ca-certificate-publisher.ts'
import type { Controller } from './runtime/controller.ts'
import { serviceAccountController } from './serviceaccount.ts'

export interface ControllersOptions extends NodeIpamOptions {
  /** PEM of the CA that signed the API server's certificate; without it, it is not published. */
  readonly rootCa?: string | undefined
  /** Kinds that namespaces are emptied of and that owners are followed through; default the built-in ones. */
  readonly kinds?: readonly Kind[] | undefined
}

export function controllersOf({ rootCa, kinds = builtIn, ...ranges }: ControllersOptions = {}): readonly Controller[] {
  return [
    namespaceController(() => kinds),
    serviceAccountController,
    clusterRoleAggregationController,
    ...(rootCa ? [rootCaCertificatePublisher(rootCa)] : []),
    garbageCollector(kinds),
    deploymentController,
    replicaSetController,
    replicationControllerController,
    endpointSliceController,
    endpointsController,
    nodeLifecycleController,
    taintEvictionController,
    nodeIpamController(ranges),
    podGarbageCollector,
  ]
}

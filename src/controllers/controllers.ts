/** Every controller of the control plane; the only list of them. */

import { ClusterTrustBundle } from '#api/certificates/v1beta1/cluster-trust-bundle.ts'
import { PodCertificateRequest } from '#api/certificates/v1beta1/pod-certificate-request.ts'
import { kinds as builtIn } from '#api/kinds.ts'
import { StorageVersionMigration } from '#api/storagemigration/v1beta1/storage-version-migration.ts'
import type { Kind } from '#schema/kind.ts'
import { attachDetachController } from './attach-detach/attach-detach.ts'
import { bootstrapSignerController } from './bootstrap/bootstrap-signer.ts'
import { tokenCleanerController } from './bootstrap/token-cleaner.ts'
import { certificateApprovingController } from './certificates/approving.ts'
import { certificateCleanerController } from './certificates/cleaner.ts'
import { podCertificateRequestCleaner } from './certificates/pod-certificate-cleaner.ts'
import { certificateSigningController, type Signer } from './certificates/signing.ts'
import { clusterRoleAggregationController } from './cluster-role-aggregation.ts'
import { clusterTrustBundlePublisher } from './cluster-trust-bundle-publisher.ts'
import { cronJobController } from './cronjob/cronjob.ts'
import { daemonSetController } from './daemonset/daemonset.ts'
import { deploymentController } from './deployment/deployment.ts'
import { deviceTaintEvictionControllers } from './device-taint-eviction/device-taint-eviction.ts'
import { disruptionController, staleDisruptionController } from './disruption/disruption.ts'
import { endpointsController } from './endpoints/endpoints.ts'
import { endpointSliceController } from './endpointslice/endpointslice.ts'
import { endpointSliceMirroringController } from './endpointslice/mirroring.ts'
import { garbageCollector } from './garbage-collector/garbage-collector.ts'
import { horizontalPodAutoscalerController } from './horizontal-pod-autoscaler/horizontal-pod-autoscaler.ts'
import { jobController } from './job/job.ts'
import { jobOrphanPodsController } from './job/orphan-pods.ts'
import { namespaceController } from './namespace/namespace.ts'
import { type NodeIpamOptions, nodeIpamController } from './node/node-ipam.ts'
import { nodeLifecycleController } from './node/node-lifecycle.ts'
import { taintEvictionController } from './node/taint-eviction.ts'
import { ttlController } from './node/ttl.ts'
import { claimBinder, volumeBinder } from './persistent-volume/binder.ts'
import { ephemeralVolumeController } from './persistent-volume/ephemeral-volume.ts'
import { expandController } from './persistent-volume/expander.ts'
import { type LocalDirectories, localPathControllers } from './persistent-volume/local-path.ts'
import {
  attributesProtectionController,
  claimProtectionController,
  volumeProtectionController,
} from './persistent-volume/protection.ts'
import { podGarbageCollector } from './pod-garbage-collector.ts'
import { replicaSetController } from './replicaset/replicaset.ts'
import { replicationControllerController } from './replicaset/replicationcontroller.ts'
import { resourceClaimControllers } from './resource-claim/resource-claim.ts'
import { resourceQuotaController } from './resource-quota/resource-quota.ts'
import { rootCaCertificatePublisher } from './root-ca-certificate-publisher.ts'
import type { Controller } from './runtime/controller.ts'
import { serviceCidrController } from './service-cidrs.ts'
import { legacyTokenCleanerController } from './serviceaccount/legacy-token-cleaner.ts'
import { serviceAccountController } from './serviceaccount/serviceaccount.ts'
import { serviceAccountTokenController, type TokenSigner } from './serviceaccount/token.ts'
import { statefulSetController } from './statefulset/statefulset.ts'
import { storageVersionMigrator } from './storage-version-migrator.ts'
import { ttlAfterFinishedController } from './ttl-after-finished.ts'
import { validatingAdmissionPolicyStatusController } from './validating-admission-policy-status.ts'

export interface ControllersOptions extends NodeIpamOptions {
  /** PEM of the CA that signed the API server's certificate; without it, it is not published. */
  readonly rootCa?: string | undefined
  /** Kinds that namespaces are emptied of and that owners are followed through; default the built-in ones. */
  readonly kinds?: readonly Kind[] | undefined
  /** Where the built-in provisioner keeps its volumes; without it, it does not run. */
  readonly localDirectories?: LocalDirectories | undefined
  /** Signs certificates with the cluster's CA; without it, nobody here does. */
  readonly signer?: Signer | undefined
  /** Signs tokens that lie in Secrets; without it, nobody fills them in. */
  readonly tokens?: TokenSigner | undefined
}

export function controllersOf(options: ControllersOptions = {}): readonly Controller[] {
  const { rootCa, kinds = builtIn, localDirectories, signer, tokens, ...ranges } = options
  return [
    namespaceController(() => kinds),
    serviceAccountController,
    ...(tokens ? [serviceAccountTokenController({ signer: tokens, rootCa })] : []),
    legacyTokenCleanerController,
    clusterRoleAggregationController,
    ...(rootCa ? [rootCaCertificatePublisher(rootCa)] : []),
    ...(rootCa && kinds.includes(ClusterTrustBundle) ? [clusterTrustBundlePublisher(rootCa)] : []),
    garbageCollector(kinds),
    deploymentController,
    replicaSetController,
    replicationControllerController,
    statefulSetController,
    daemonSetController(),
    jobController(),
    jobOrphanPodsController,
    cronJobController,
    ttlAfterFinishedController,
    endpointSliceController,
    endpointSliceMirroringController,
    endpointsController,
    serviceCidrController,
    nodeLifecycleController,
    taintEvictionController,
    nodeIpamController(ranges),
    ttlController,
    podGarbageCollector,
    resourceQuotaController,
    disruptionController,
    staleDisruptionController,
    horizontalPodAutoscalerController(),
    claimBinder,
    volumeBinder,
    claimProtectionController,
    volumeProtectionController,
    attributesProtectionController,
    attachDetachController(),
    ...resourceClaimControllers,
    ...deviceTaintEvictionControllers(kinds),
    ephemeralVolumeController,
    expandController,
    ...(kinds.includes(PodCertificateRequest) ? [podCertificateRequestCleaner] : []),
    ...(kinds.includes(StorageVersionMigration) ? [storageVersionMigrator] : []),
    certificateApprovingController,
    certificateCleanerController,
    ...(signer ? [certificateSigningController(signer)] : []),
    ...(localDirectories ? localPathControllers(localDirectories) : []),
    validatingAdmissionPolicyStatusController,
    bootstrapSignerController,
    tokenCleanerController,
  ]
}

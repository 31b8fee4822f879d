/** The admission plugins, in the order in which they see a request (upstream `kubeapiserver/options/plugins.go`). */
import { certificateApproval, certificateSigning, clusterTrustBundleAttest } from './certificate-signers.ts'
import { certificateSubjectRestriction } from './certificate-subject-restriction.ts'
import { defaultIngressClass } from './default-ingress-class.ts'
import { defaultStorageClass } from './default-storage-class.ts'
import { defaultTolerationSeconds } from './default-toleration-seconds.ts'
import { limitRanger } from './limit-ranger.ts'
import { namespaceLifecycle } from './namespace-lifecycle.ts'
import { nodeDeclaredFeatureValidator } from './node-declared-feature-validator.ts'
import { nodeRestriction } from './node-restriction.ts'
import { alwaysAdmit, alwaysDeny } from './optional/always.ts'
import { alwaysPullImages } from './optional/always-pull-images.ts'
import { denyServiceExternalIps } from './optional/deny-service-external-ips.ts'
import { eventRateLimitWith } from './optional/event-rate-limit.ts'
import { extendedResourceToleration } from './optional/extended-resource-toleration.ts'
import { imagePolicyWebhookWith } from './optional/image-policy-webhook.ts'
import { limitPodHardAntiAffinityTopology } from './optional/limit-pod-hard-anti-affinity-topology.ts'
import { namespaceAutoProvision, namespaceExists } from './optional/namespaces.ts'
import { ownerReferencesPermissionEnforcement } from './optional/owner-references-permission-enforcement.ts'
import { podNodeSelectorWith } from './optional/pod-node-selector.ts'
import { podTolerationRestrictionWith } from './optional/pod-toleration-restriction.ts'
import { persistentVolumeClaimResize } from './persistent-volume-claim-resize.ts'
import type { AdmissionPlugin } from './plugin.ts'
import { podResizeValidator } from './pod-resize-validator.ts'
import { podSecurity, podSecurityWith } from './pod-security.ts'
import { podTopologyLabels } from './pod-topology-labels.ts'
import { mutatingAdmissionPolicy } from './policy/mutating.ts'
import { validatingAdmissionPolicy } from './policy/validating.ts'
import { priority } from './priority.ts'
import { rbacEscalation } from './rbac-escalation.ts'
import { resourceQuota, resourceQuotaWith } from './resource-quota.ts'
import { runtimeClass } from './runtime-class.ts'
import { serviceAccount } from './service-account.ts'
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts'
import { taintNodesByCondition } from './taint-nodes-by-condition.ts'
import { mutatingAdmissionWebhookWith } from './webhook/mutating.ts'
import { validatingAdmissionWebhookWith } from './webhook/validating.ts'

export interface PluginEntry {
  readonly name: string
  readonly isDefault: boolean
  /** Throws where the configuration makes no sense. `readFile` is for files that it names. */
  make(configuration: any, readFile?: (path: string) => string): AdmissionPlugin
}

function on(plugin: AdmissionPlugin, make: PluginEntry['make'] = () => plugin): PluginEntry {
  return { name: plugin.name, isDefault: true, make }
}

function off(plugin: AdmissionPlugin): PluginEntry {
  return { name: plugin.name, isDefault: false, make: () => plugin }
}

/** On upstream, but with nothing to say: their feature gates are off by default, and stand for kinds that are not served here. */
function silent(name: string): PluginEntry {
  return on({ name, handles: () => false })
}

/** All that a server can be told to run. */
export const orderedPlugins: readonly PluginEntry[] = [
  off(alwaysAdmit),
  off(namespaceAutoProvision),
  on(namespaceLifecycle),
  off(namespaceExists),
  off(limitPodHardAntiAffinityTopology),
  on(limitRanger),
  on(serviceAccount),
  on(nodeRestriction), // off upstream, where every installer turns it on
  on(taintNodesByCondition),
  off(alwaysPullImages),
  { name: 'ImagePolicyWebhook', isDefault: false, make: imagePolicyWebhookWith },
  on(podSecurity, podSecurityWith),
  { name: 'PodNodeSelector', isDefault: false, make: podNodeSelectorWith },
  on(priority),
  on(defaultTolerationSeconds),
  { name: 'PodTolerationRestriction', isDefault: false, make: podTolerationRestrictionWith },
  { name: 'EventRateLimit', isDefault: false, make: eventRateLimitWith },
  off(extendedResourceToleration),
  on(defaultStorageClass),
  on(storageObjectInUseProtection),
  silent('PodGroupProtection'),
  off(ownerReferencesPermissionEnforcement),
  on(persistentVolumeClaimResize),
  on(runtimeClass),
  on(certificateApproval),
  on(certificateSigning),
  on(clusterTrustBundleAttest),
  on(certificateSubjectRestriction),
  on(defaultIngressClass),
  off(denyServiceExternalIps),
  on(podTopologyLabels),
  silent('PodGroupWorkloadExists'),
  on(nodeDeclaredFeatureValidator),
  silent('JobValidation'),
  on(podResizeValidator),
  on(mutatingAdmissionPolicy),
  on(mutatingAdmissionWebhookWith(), mutatingAdmissionWebhookWith),
  on(validatingAdmissionPolicy),
  on(validatingAdmissionWebhookWith(), validatingAdmissionWebhookWith),
  on(resourceQuota, resourceQuotaWith),
  off(alwaysDeny),
]

/** Part of upstream's storage, which cannot be turned off there either. */
export const fixedPlugins: readonly AdmissionPlugin[] = [rbacEscalation]

/** Those that are on unless somebody turns them off. */
export const defaultPlugins: readonly AdmissionPlugin[] = [
  ...orderedPlugins.filter(({ isDefault }) => isDefault).map(({ make }) => make(undefined)),
  ...fixedPlugins,
]

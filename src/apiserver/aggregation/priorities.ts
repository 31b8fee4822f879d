/** Ranks of the versions that this server serves itself, in discovery and in their APIServices (upstream's `apiVersionPriorities`). */

export interface Priority {
  readonly group: number
  readonly version: number
}

/** By API version: rank of the group, rank of the version in it. */
const priorities: Readonly<Record<string, readonly [number, number]>> = {
  v1: [18000, 1],
  'admissionregistration.k8s.io/v1': [16700, 15],
  'admissionregistration.k8s.io/v1beta1': [16700, 12],
  'admissionregistration.k8s.io/v1alpha1': [16700, 9],
  'apiextensions.k8s.io/v1': [16700, 15],
  'apiregistration.k8s.io/v1': [20000, 15],
  'apps/v1': [17800, 15],
  'authentication.k8s.io/v1': [17700, 15],
  'authorization.k8s.io/v1': [17600, 15],
  'autoscaling/v1': [17500, 15],
  'autoscaling/v2': [17500, 30],
  'batch/v1': [17400, 15],
  'certificates.k8s.io/v1': [17300, 15],
  'certificates.k8s.io/v1beta1': [17300, 9],
  'certificates.k8s.io/v1alpha1': [17300, 1],
  'coordination.k8s.io/v1': [16500, 15],
  'coordination.k8s.io/v1beta1': [16500, 13],
  'coordination.k8s.io/v1alpha2': [16500, 12],
  'discovery.k8s.io/v1': [16200, 15],
  'events.k8s.io/v1': [17750, 15],
  'flowcontrol.apiserver.k8s.io/v1': [16100, 21],
  'internal.apiserver.k8s.io/v1alpha1': [16000, 9],
  'metrics.k8s.io/v1beta1': [100, 100],
  'networking.k8s.io/v1': [17200, 15],
  'networking.k8s.io/v1beta1': [17200, 9],
  'node.k8s.io/v1': [16300, 15],
  'policy/v1': [17100, 15],
  'rbac.authorization.k8s.io/v1': [17000, 15],
  'resource.k8s.io/v1': [16200, 20],
  'resource.k8s.io/v1beta2': [16200, 15],
  'resource.k8s.io/v1beta1': [16200, 9],
  'resource.k8s.io/v1alpha3': [16200, 1],
  'scheduling.k8s.io/v1': [16600, 15],
  'scheduling.k8s.io/v1alpha2': [16600, 9],
  'storage.k8s.io/v1': [16800, 15],
  'storage.k8s.io/v1beta1': [16800, 9],
  'storage.k8s.io/v1alpha1': [16800, 1],
  'storagemigration.k8s.io/v1beta1': [15800, 9],
}

/** Those of custom resources: behind everything built in, and among each other by name. */
const customPriority: Priority = { group: 1000, version: 100 }

export function priorityOf(apiVersion: string): Priority {
  const [group, version] = priorities[apiVersion] ?? []
  return group === undefined || version === undefined ? customPriority : { group, version }
}

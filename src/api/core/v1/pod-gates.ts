/** Fields of a pod whose feature gate is off in 1.36: dropped, unless the object has them already (`DropDisabledPodFields`). */
import type { PodSpec } from '#api/core/v1/pod-spec.ts'

/** ContainerStopSignals, ClusterTrustBundleProjection, PodCertificateRequest, GenericWorkload. */
export function dropGatedFields(spec: PodSpec, old: PodSpec | undefined): void {
  if (!old?.schedulingGroup) delete spec.schedulingGroup
  if (!containersOf(old).some(({ lifecycle }) => lifecycle?.stopSignal !== undefined)) {
    for (const container of containersOf(spec)) {
      if (container.lifecycle?.stopSignal === undefined) continue
      delete container.lifecycle.stopSignal
      if (!container.lifecycle.postStart && !container.lifecycle.preStop) delete container.lifecycle
    }
  }
  for (const field of ['clusterTrustBundle', 'podCertificate'] as const) {
    if (projections(old).some((source) => source[field])) continue
    for (const source of projections(spec)) delete source[field]
  }
}

function containersOf(spec: PodSpec | undefined) {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), ...(spec?.ephemeralContainers ?? [])]
}

function projections(spec: PodSpec | undefined) {
  return (spec?.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? [])
}

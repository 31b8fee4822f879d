/** Everything that a pod refers to by name in its own namespace (upstream `pkg/api/v1/pod` visitors). */
import type { Pod } from '#api/core/v1/pod.ts'

export interface PodReferences {
  readonly secrets: ReadonlySet<string>
  readonly configmaps: ReadonlySet<string>
  readonly persistentvolumeclaims: ReadonlySet<string>
  readonly serviceaccounts: ReadonlySet<string>
  readonly resourceclaims: ReadonlySet<string>
}

export const mirrorPodAnnotation = 'kubernetes.io/config.mirror'

const known = new WeakMap<Pod, PodReferences>()

/** References of a stored pod, worked out once; none for a mirror pod. */
export function podReferences(pod: Pod): PodReferences {
  let references = known.get(pod)
  if (!references) {
    const isMirror = pod.metadata.annotations?.[mirrorPodAnnotation] !== undefined
    references = isMirror ? collected([]) : collected([...visitPod(pod)])
    known.set(pod, references)
  }
  return references
}

type Reference = readonly [keyof PodReferences, string | undefined]

function collected(references: readonly Reference[]): PodReferences {
  const of = (type: keyof PodReferences) => new Set(references.flatMap(([found, name]) => (found === type && name ? [name] : [])))
  return {
    secrets: of('secrets'),
    configmaps: of('configmaps'),
    persistentvolumeclaims: of('persistentvolumeclaims'),
    serviceaccounts: of('serviceaccounts'),
    resourceclaims: of('resourceclaims'),
  }
}

/** Walks the pod as it stands; a pod that is being admitted is changed and must not be remembered. */
export function* visitPod({ metadata, spec, status }: Pod): Generator<Reference> {
  yield ['serviceaccounts', spec.serviceAccountName]
  for (const { name } of spec.imagePullSecrets ?? []) yield ['secrets', name]
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])]) {
    yield* visitEnvironment(container)
  }
  for (const volume of spec.volumes ?? []) yield* visitVolume(volume, metadata.name)
  for (const { name, resourceClaimName } of spec.resourceClaims ?? []) {
    const generated = status?.resourceClaimStatuses?.find((claim) => claim.name === name)?.resourceClaimName
    yield ['resourceclaims', resourceClaimName ?? generated]
  }
  yield ['resourceclaims', status?.extendedResourceClaimStatus?.resourceClaimName]
}

type Container = Pod['spec']['containers'][number]
type Volume = NonNullable<Pod['spec']['volumes']>[number]

function* visitEnvironment({ env = [], envFrom = [] }: Pick<Container, 'env' | 'envFrom'>): Generator<Reference> {
  for (const { configMapRef, secretRef } of envFrom) {
    yield ['configmaps', configMapRef?.name]
    yield ['secrets', secretRef?.name]
  }
  for (const { valueFrom } of env) {
    yield ['configmaps', valueFrom?.configMapKeyRef?.name]
    yield ['secrets', valueFrom?.secretKeyRef?.name]
  }
}

function* visitVolume(volume: Volume, podName: string): Generator<Reference> {
  yield ['secrets', volume.secret?.secretName]
  yield ['configmaps', volume.configMap?.name]
  yield ['persistentvolumeclaims', volume.persistentVolumeClaim?.claimName]
  if (volume.ephemeral) yield ['persistentvolumeclaims', `${podName}-${volume.name}`]
  for (const source of volume.projected?.sources ?? []) {
    yield ['secrets', source.secret?.name]
    yield ['configmaps', source.configMap?.name]
  }
  yield ['secrets', volume.csi?.nodePublishSecretRef?.name]
  yield ['secrets', volume.azureFile?.secretName]
  const drivers = [volume.cephfs, volume.rbd, volume.flexVolume, volume.scaleIO, volume.iscsi, volume.storageos]
  for (const driver of drivers as ({ secretRef?: { name?: string } } | undefined)[]) {
    yield ['secrets', driver?.secretRef?.name]
  }
}

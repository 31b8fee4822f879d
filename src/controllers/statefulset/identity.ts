/** What makes a pod the one of its ordinal: name, labels, host name and storage (`stateful_set_utils.go`). */
import type { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import type { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import type { KubeObject } from '#schema/kind.ts'
import type { Draft } from '#schema/words.ts'
import { podFromTemplate } from '../pod-control.ts'

export const revisionLabel = 'controller-revision-hash'
const nameLabel = 'statefulset.kubernetes.io/pod-name'
const indexLabel = 'apps.kubernetes.io/pod-index'

export function startOf({ spec }: StatefulSet): number {
  return spec.ordinals?.start ?? 0
}

export function replicasOf({ spec }: StatefulSet): number {
  return spec.replicas ?? 1
}

/** -1 for a name that no pod of a set has. */
export function ordinalOf({ metadata }: KubeObject): number {
  const number = /-(\d+)$/.exec(metadata.name)?.[1]
  return number === undefined || Number(number) > 2 ** 31 - 1 ? -1 : Number(number)
}

/** Whether the pod's name is one that the set gives. */
export function isMember(set: StatefulSet, pod: Pod): boolean {
  return /^(.*)-\d+$/.exec(pod.metadata.name)?.[1] === set.metadata.name
}

export function isInRange(set: StatefulSet, ordinal: number): boolean {
  return ordinal >= startOf(set) && ordinal < startOf(set) + replicasOf(set)
}

export const podName = ({ metadata }: StatefulSet, ordinal: number) => `${metadata.name}-${ordinal}`

/** The pod of an ordinal, from the template of the revision that it is to have. */
export function podOf(
  set: StatefulSet,
  ordinal: number,
  { name, template }: { name: string; template: PodTemplateSpec },
): Draft<Pod> {
  const draft = podFromTemplate(template)
  const labels = { ...draft.metadata?.labels, ...identityLabels(set, ordinal), [revisionLabel]: name }
  const subdomain = set.spec.serviceName
  return {
    metadata: { ...draft.metadata, name: podName(set, ordinal), namespace: set.metadata.namespace, labels },
    spec: {
      ...draft.spec,
      hostname: podName(set, ordinal),
      ...(subdomain && { subdomain }),
      volumes: volumesOf(set, ordinal, template.spec.volumes),
    } as Draft<Pod>['spec'],
  }
}

export function identityLabels(set: StatefulSet, ordinal: number): Record<string, string> {
  return { [nameLabel]: podName(set, ordinal), [indexLabel]: String(ordinal) }
}

export function hasIdentity({ metadata }: Pod): boolean {
  return metadata.labels?.[nameLabel] === metadata.name
}

type Volumes = PodTemplateSpec['spec']['volumes']

/** A claim hides a volume of its name in the template. */
export function volumesOf(set: StatefulSet, ordinal: number, volumes: Volumes): NonNullable<Volumes> {
  const claims = (set.spec.volumeClaimTemplates ?? []).map((claim) => ({
    name: claim.metadata.name,
    persistentVolumeClaim: { claimName: claimName(set, claim, ordinal) },
  }))
  const taken = new Set(claims.map(({ name }) => name))
  return [...claims, ...(volumes ?? []).filter(({ name }) => !taken.has(name))] as NonNullable<Volumes>
}

export function hasStorage(set: StatefulSet, pod: Pod): boolean {
  return (set.spec.volumeClaimTemplates ?? []).every((claim) => {
    const volume = pod.spec.volumes?.find(({ name }) => name === claim.metadata.name)
    return volume?.persistentVolumeClaim?.claimName === claimName(set, claim, ordinalOf(pod))
  })
}

function claimName(set: StatefulSet, claim: PersistentVolumeClaim, ordinal: number): string {
  return `${claim.metadata.name}-${set.metadata.name}-${ordinal}`
}

/** The claims of an ordinal, as they are made. */
export function claimsOf(set: StatefulSet, ordinal: number): readonly Draft<PersistentVolumeClaim>[] {
  return (set.spec.volumeClaimTemplates ?? []).map((template) => {
    const { annotations, labels, finalizers } = template.metadata
    return {
      metadata: {
        name: claimName(set, template, ordinal),
        namespace: set.metadata.namespace,
        labels: { ...labels, ...set.spec.selector?.matchLabels },
        ...(annotations && { annotations }),
        ...(finalizers && { finalizers }),
      },
      spec: template.spec as Draft<PersistentVolumeClaim>['spec'],
    }
  })
}

/** Who owns the claims of a StatefulSet's pods, and so with whom they go (KEP-1847). */
import type { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import type { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { KubeObject } from '#schema/kind.ts'
import { referenceTo } from '../claim.ts'
import { isInRange, ordinalOf } from './identity.ts'

type Reference = NonNullable<KubeObject['metadata']['ownerReferences']>[number]

/** The pod that a claim is for; the one that is yet to be made has no UID. */
export interface PodIdentity {
  readonly name: string
  readonly uid: string
}

export function identityOf({ metadata }: Pod): PodIdentity {
  return { name: metadata.name, uid: metadata.uid }
}

/**
 * The owner references that the claim should have; undefined where they are right, or are somebody else's business:
 * those of a former set or pod of the same name are for the garbage collector.
 */
export function planOwners(set: StatefulSet, pod: PodIdentity, claim: PersistentVolumeClaim): Reference[] | undefined {
  const present = (claim.metadata.ownerReferences ?? []) as Reference[]
  const isSet = (reference: Reference) => names(reference, set, set.metadata.name)
  const isPod = (reference: Reference) => names(reference, Pod, pod.name)
  if (present.some((one) => isSet(one) && one.uid !== set.metadata.uid)) return undefined
  if (present.some((one) => isPod(one) && one.uid !== pod.uid)) return undefined
  const others = present.filter((one) => !isSet(one) && !isPod(one))
  const wanted = wantedOwner(set, pod)
  const foreign = retains(set) ? false : others.some(({ controller }) => controller)
  const next = wanted && !foreign ? [...others, wanted] : others
  const mine = present.filter((one) => isSet(one) || isPod(one))
  const same = wanted && !foreign ? mine.length === 1 && mine[0]?.uid === wanted.uid && mine[0]?.controller : mine.length === 0
  return same ? undefined : next
}

/** Whether the claim belongs to a pod of the same name that is gone, and will go with it. */
export function isStale(set: StatefulSet, podName: string, claim: PersistentVolumeClaim): boolean {
  if ((set.spec.persistentVolumeClaimRetentionPolicy?.whenScaled ?? 'Retain') === 'Retain') return false
  return (claim.metadata.ownerReferences ?? []).some((one) => names(one as Reference, Pod, podName))
}

function retains({ spec }: StatefulSet): boolean {
  const { whenDeleted, whenScaled } = spec.persistentVolumeClaimRetentionPolicy ?? {}
  return (whenDeleted ?? 'Retain') === 'Retain' && (whenScaled ?? 'Retain') === 'Retain'
}

function wantedOwner(set: StatefulSet, pod: PodIdentity): Reference | undefined {
  const { whenDeleted, whenScaled } = set.spec.persistentVolumeClaimRetentionPolicy ?? {}
  const ordinal = ordinalOf({ metadata: { name: pod.name } } as KubeObject)
  if (whenScaled === 'Delete' && !isInRange(set, ordinal)) {
    return { ...referenceTo({ apiVersion: 'v1', kind: 'Pod', metadata: pod } as KubeObject) }
  }
  return whenDeleted === 'Delete' ? { ...referenceTo(set) } : undefined
}

function names(reference: Reference, { apiVersion, kind }: { apiVersion: string; kind: string }, name: string): boolean {
  return reference.apiVersion === apiVersion && reference.kind === kind && reference.name === name
}

/** What is to become of a resource claim, and what is said between pods and their claims (upstream `dynamic-resource-allocation/resourceclaim`). */
import type { Pod } from '#api/core/v1/pod.ts'
import type { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import type { ResourceClaimTemplate } from '#api/resource/v1/resource-claim-template.ts'

/** Name of the entry of `spec.resourceClaims` that a claim was made for. */
export const podClaimAnnotation = 'resource.kubernetes.io/pod-claim-name'
/** Holds a claim while devices are allocated to it. */
export const protection = 'resource.kubernetes.io/delete-protection'
/** As many pods as can share a claim. */
const mostConsumers = 256
/** Leaves room for a hyphen and five random characters. */
const longestBase = 57

type PodClaim = NonNullable<Pod['spec']['resourceClaims']>[number]

/** Undefined while there is none yet; empty where the status says that none is needed. */
export function claimName({ status }: Pod, { name, resourceClaimName }: PodClaim): string | undefined {
  if (resourceClaimName !== undefined) return resourceClaimName
  const noted = status.resourceClaimStatuses?.find((one) => one.name === name)
  return noted && (noted.resourceClaimName ?? '')
}

export function isOwnedBy({ metadata }: ResourceClaim, pod: Pod): boolean {
  return metadata.ownerReferences?.some(({ controller, uid }) => controller && uid === pod.metadata.uid) ?? false
}

export function ownerOf({ metadata }: ResourceClaim): { readonly name: string; readonly uid: string } | undefined {
  return metadata.ownerReferences?.find(({ controller, kind, apiVersion }) => controller && kind === 'Pod' && apiVersion === 'v1')
}

/** It runs no more, or never will: deleted before it got a node. */
export function isDone({ metadata, spec, status }: Pod): boolean {
  const isOver = status.phase === 'Succeeded' || status.phase === 'Failed'
  return isOver || (metadata.deletionTimestamp !== undefined && !spec.nodeName)
}

export function mayReserve(claim: ResourceClaim, pod: Pod, { resourceClaimTemplateName }: PodClaim): boolean {
  const { allocation, reservedFor = [] } = claim.status
  if (!allocation || claim.metadata.deletionTimestamp || reservedFor.length >= mostConsumers) return false
  if (resourceClaimTemplateName !== undefined && !isOwnedBy(claim, pod)) return false
  return !reservedFor.some(({ uid }) => uid === pod.metadata.uid)
}

export function claimDraft(pod: Pod, name: string, { spec }: ResourceClaimTemplate) {
  const { labels, annotations } = spec.metadata ?? {}
  return {
    metadata: {
      generateName: baseName(pod.metadata.name, name),
      annotations: { ...annotations, [podClaimAnnotation]: name },
      ...(labels && { labels }),
    },
    spec: spec.spec,
  }
}

/** Both are shortened by the same share, so that something of each is left. */
function baseName(pod: string, claim: string): string {
  const whole = `${pod}-${claim}-`
  if (whole.length <= longestBase) return whole
  const cut = (text: string) => text.slice(0, Math.trunc((text.length * longestBase) / whole.length))
  return `${cut(pod)}-${cut(claim)}`
}

export interface ClaimPlan {
  readonly status?: ResourceClaim['status']
  readonly finalizers?: readonly string[]
  readonly isUnused: boolean
}

/** `gone`: UIDs of consumers that no longer use it. With the last of them the devices are given free. */
export function planClaim({ metadata, status }: ResourceClaim, gone: ReadonlySet<string>): ClaimPlan {
  const { reservedFor = [], allocation, ...rest } = status
  const left = reservedFor.filter(({ uid }) => !gone.has(uid))
  const isUnused = left.length === 0
  const isOurs = metadata.finalizers?.includes(protection) ?? false
  const isReleased = left.length < reservedFor.length
  const frees = isUnused && isOurs && (isReleased || metadata.deletionTimestamp !== undefined)
  const next = { ...rest, ...(!frees && allocation && { allocation }), ...(!isUnused && { reservedFor: left }) }
  const changes = isReleased || (frees && allocation !== undefined)
  const dropsFinalizer = frees || (isReleased && isOurs && !allocation)
  return {
    ...(changes && { status: next as ResourceClaim['status'] }),
    ...(dropsFinalizer && { finalizers: metadata.finalizers?.filter((one) => one !== protection) ?? [] }),
    isUnused,
  }
}

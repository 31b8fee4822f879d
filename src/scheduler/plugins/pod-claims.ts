/** The claims for devices that a pod names: which they are, what keeps the pod from using them, and which change of one helps it. */
import type { Pod } from '#api/core/v1/pod.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import type { Snapshot } from '../framework/snapshot.ts'
import { isReservedFor } from './claim-writes.ts'

/** The claims of the pod, or what it waits for. */
export function claimsOf({ metadata, spec, status }: Pod, { objects }: Snapshot): readonly ResourceClaim[] | string {
  const { namespace = '' } = metadata
  const claims: ResourceClaim[] = []
  for (const { name, resourceClaimName, resourceClaimTemplateName } of spec.resourceClaims ?? []) {
    const made = status?.resourceClaimStatuses?.find((one) => one.name === name)
    if (resourceClaimTemplateName && !made) return `pod "${namespace}/${metadata.name}": ResourceClaim not created yet`
    const claimName = resourceClaimName ?? made?.resourceClaimName
    if (!claimName) continue
    const claim = objects.get(ResourceClaim, { name: claimName, namespace })
    if (!claim) return `could not find ResourceClaim "${namespace}/${claimName}"`
    if (claim.metadata.deletionTimestamp) return `resourceclaim "${claimName}" is being deleted`
    const isOwn = claim.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === metadata.uid)
    if (resourceClaimTemplateName && !isOwn) {
      return `ResourceClaim ${namespace}/${claimName} was not created for pod ${namespace}/${metadata.name} (pod is not owner)`
    }
    claims.push(claim)
  }
  return claims
}

/** Upstream `ResourceClaimReservedForMaxSize`. */
const mostConsumers = 256

/** Why the pod cannot use the claim now, wherever it goes. */
export function problemOf(claim: ResourceClaim, pod: Pod, { objects }: Snapshot): string | undefined {
  const { reservedFor = [], allocation } = claim.status ?? {}
  const { name: claimName, namespace, resourceVersion } = claim.metadata
  if (allocation) {
    const seen = objects.observed(ResourceClaim, { name: claimName, namespace })
    const isPending = seen && !seen.status?.allocation && seen.metadata.resourceVersion === resourceVersion
    if (isPending) return `resource claim ${namespace}/${claimName} is in the process of being allocated`
    return isReservedFor(pod, reservedFor) || reservedFor.length < mostConsumers ? undefined : 'resourceclaim in use'
  }
  for (const { name, exactly, firstAvailable = [] } of claim.spec.devices.requests ?? []) {
    const asked = exactly
      ? [{ label: name, ...exactly }]
      : firstAvailable.map((one) => ({ label: `${name}/${one.name}`, ...one }))
    for (const { label, deviceClassName } of asked) {
      if (objects.get(DeviceClass, { name: deviceClassName })) continue
      return `request ${label}: device class ${deviceClassName} does not exist`
    }
  }
  return undefined
}

/** A claim of the pod's own that changed, or one that gave devices back. */
export function claimHelps(pod: Pod, before: ResourceClaim | undefined, after: ResourceClaim | undefined): boolean {
  const gaveBack = before?.status?.allocation && !after?.status?.allocation
  if (gaveBack) return true
  const { namespace = '', name } = (after ?? before)?.metadata ?? { name: '' }
  if (namespace !== pod.metadata.namespace) return false
  const isOwn = (after ?? before)?.metadata.ownerReferences?.some(({ uid }) => uid === pod.metadata.uid)
  return namesOf(pod).includes(name) || isOwn === true
}

/** Whoever was about to allocate a claim that the pod waits for does not do so after all. */
export function sharesClaim(pod: Pod, other: Pod): boolean {
  const names = namesOf(pod)
  return other.metadata.namespace === pod.metadata.namespace && namesOf(other).some((name) => names.includes(name))
}

function namesOf({ spec, status }: Pod): readonly string[] {
  return (spec.resourceClaims ?? []).flatMap(({ name, resourceClaimName }) => {
    const used = resourceClaimName ?? status?.resourceClaimStatuses?.find((made) => made.name === name)?.resourceClaimName
    return used ?? []
  })
}

/** Rules for a pod's status (upstream `ValidatePodStatusUpdate`). */
import type { Container } from '#api/core/v1/container.ts'
import type { ContainerStatus } from '#api/core/v1/container-status.ts'
import type { PodParts } from '#api/core/v1/pod.ts'
import type { PodSpec } from '#api/core/v1/pod-spec.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isQualifiedName, isValidGroupId, isValidUserId } from '#schema/formats.ts'
import { immutableErrors } from '#schema/validate.ts'
import { among, dnsLabel, dnsSubdomain, formatted } from './checks.ts'
import { validateAnnotationUpdate } from './pod-annotations.ts'
import { strictIp } from './pod-network.ts'

export function validatePodStatusUpdate(pod: PodParts, old: PodParts, at: Path): FieldError[] {
  const { spec, status } = pod
  const here = at.child('status')
  return [
    ...validateAnnotationUpdate(pod, old, at.child('metadata', 'annotations')),
    ...conditionErrors(pod, here.child('conditions')),
    ...(spec.nodeName === old.spec.nodeName ? [] : [here.child('nodeName').forbidden('may not be changed directly')]),
    ...nominationErrors(pod, old, here.child('nominatedNodeName')),
    ...generationErrors(status.observedGeneration, here.child('observedGeneration')),
    ...immutableErrors(status.qosClass ?? '', old.status.qosClass ?? '', here.child('qosClass')),
    ...transitionErrors(pod, old, here),
    ...claimStatusErrors(pod, here.child('resourceClaimStatuses')),
    ...extendedClaimErrors(pod, here.child('extendedResourceClaimStatus')),
    ...addressErrors(pod, old, here),
    ...(['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const).flatMap((list) =>
      userErrors(status[list], here.child(list), spec),
    ),
    ...healthErrors(status.containerStatuses, spec.containers, here.child('containerStatuses')),
    ...healthErrors(status.initContainerStatuses, spec.initContainers ?? [], here.child('initContainerStatuses')),
    ...(status.ephemeralContainerStatuses ?? []).flatMap(({ allocatedResourcesStatus }, index) => {
      const path = here.child('ephemeralContainerStatuses').index(index).child('allocatedResourcesStatus')
      return allocatedResourcesStatus?.length ? [path.forbidden('must not be specified in container status')] : []
    }),
  ]
}

function generationErrors(generation: number | undefined, at: Path): FieldError[] {
  return (generation ?? 0) < 0 ? [at.invalid(generation, 'must be a non-negative integer')] : []
}

function conditionErrors({ status }: PodParts, at: Path): FieldError[] {
  return (status.conditions ?? []).flatMap(({ type, observedGeneration }, index) => {
    const here = at.index(index)
    const isOurs = ['PodScheduled', 'Ready', 'Initialized'].includes(type)
    return [
      ...generationErrors(observedGeneration, here.child('observedGeneration')),
      ...(isOurs ? [] : formatted(isQualifiedName, type, here.child('Type'))),
    ]
  })
}

function nominationErrors({ status }: PodParts, old: PodParts, at: Path): FieldError[] {
  const name = status.nominatedNodeName
  if (!name || name === old.status.nominatedNodeName) return []
  const isBound = old.spec.nodeName ? [at.forbidden('may not be set on pods that are already bound to a node')] : []
  return [...dnsSubdomain(name, at), ...isBound]
}

/** A container that ended stays so, unless its policy says that it starts again. */
function transitionErrors({ status }: PodParts, old: PodParts, at: Path): FieldError[] {
  const { spec } = old
  const all = [...(spec.initContainers ?? []), ...spec.containers]
  const restartsAll = all.some(({ restartPolicyRules = [] }) =>
    restartPolicyRules.some(({ action }) => action === 'RestartAllContainers'),
  )
  const lists = [
    { name: 'containerStatuses', containers: spec.containers, isFree: restartsAll },
    { name: 'initContainerStatuses', containers: spec.initContainers ?? [], isFree: restartsAll },
    { name: 'ephemeralContainerStatuses', containers: [], isFree: false },
  ] as const
  return lists.flatMap(({ name: list, containers, isFree }) => {
    if (isFree) return []
    const now = status[list] ?? []
    return (old.status[list] ?? []).flatMap(({ name, state }, index) => {
      if (!state.terminated || !now.some((next) => next.name === name && !next.state.terminated)) return []
      const container = containers.find((candidate) => candidate.name === name)
      if (container && shouldRestart(container, spec, state.terminated.exitCode)) return []
      return [at.child(list).index(index).child('state').forbidden('may not be transitioned to non-terminated state')]
    })
  })
}

/** Upstream's `ContainerShouldRestart`: rules of the container, then its policy, then the pod's. */
export function shouldRestart(container: Container, spec: PodSpec, exitCode: number): boolean {
  const { restartPolicy, restartPolicyRules = [] } = container
  if (restartPolicy !== undefined) {
    const rule = restartPolicyRules.find(({ exitCodes }) => {
      const isListed = exitCodes?.values?.includes(exitCode) ?? false
      return exitCodes?.operator === 'In' ? isListed : exitCodes?.operator === 'NotIn' && !isListed
    })
    if (rule?.action === 'Restart' || rule?.action === 'RestartAllContainers') return true
  }
  const policy = restartPolicy ?? spec.restartPolicy
  if (policy === 'OnFailure') return exitCode !== 0
  return policy !== 'Never'
}

function claimStatusErrors({ spec, status }: PodParts, at: Path): FieldError[] {
  const names = new Set<string>()
  return (status.resourceClaimStatuses ?? []).flatMap(({ name, resourceClaimName }, index) => {
    const here = at.index(index)
    const errors: FieldError[] = []
    if (!spec.resourceClaims?.some((claim) => claim.name === name)) {
      errors.push(here.child('name').invalid(name, 'must match the name of an entry in `spec.resourceClaims`'))
    }
    if (names.has(name)) errors.push(here.child('name').duplicate(name))
    names.add(name)
    if (resourceClaimName !== undefined) errors.push(...dnsSubdomain(resourceClaimName, here.child('resourceClaimName')))
    return errors
  })
}

function extendedClaimErrors({ spec, status }: PodParts, at: Path): FieldError[] {
  const claim = status.extendedResourceClaimStatus
  if (!claim) return []
  const mappings = at.child('requestMappings')
  const errors = claim.requestMappings.length === 0 ? [mappings.required('at least one request mapping is required')] : []
  const seen = new Set<string>()
  const where = (field: string) => `spec.initContainers.${field} or spec.containers.${field}`
  for (const [index, { containerName, resourceName, requestName }] of claim.requestMappings.entries()) {
    const here = mappings.index(index)
    const container = [...(spec.initContainers ?? []), ...spec.containers].findLast(({ name }) => name === containerName)
    if (!container)
      errors.push(here.child('containerName').invalid(containerName, `must match the name of an entry in ${where('name')}`))
    else if (container.resources.requests?.[resourceName] === undefined) {
      const message = `must match the extended resource name of an entry in ${where('resources.requests')}`
      errors.push(here.child('resourceName').invalid(resourceName, message))
    }
    errors.push(...dnsLabel(requestName, at.child('requestName')))
    const key = JSON.stringify([containerName, resourceName, requestName])
    if (seen.has(key)) {
      for (const [field, value] of Object.entries({ containerName, resourceName, requestName })) {
        errors.push(here.child(field).duplicate(value))
      }
    }
    seen.add(key)
  }
  const name = at.child('resourceClaimName')
  return [...errors, ...(claim.resourceClaimName ? dnsSubdomain(claim.resourceClaimName, name) : [name.required()])]
}

function addressErrors({ status }: PodParts, old: PodParts, at: Path): FieldError[] {
  const { hostIP, hostIPs = [], podIPs = [] } = status
  const errors = listErrors(podIPs, old.status.podIPs, at.child('podIPs'))
  const first = hostIPs[0]
  if (!first) return errors
  const hosts = at.child('hostIPs')
  if (hostIP !== first.ip) errors.push(hosts.index(0).child('ip').invalid(first.ip, 'must be equal to `hostIP`'))
  return [...errors, ...listErrors(hostIPs, old.status.hostIPs, hosts)]
}

type Addresses = readonly { readonly ip: string }[]

/** One address of each family; those that were stored already may be spelled in the old, lax ways. */
function listErrors(list: Addresses, old: Addresses = [], at: Path): FieldError[] {
  const errors = list.flatMap(({ ip }, index) =>
    old.some((known) => known.ip === ip) ? [] : formatted(strictIp, ip, at.index(index)),
  )
  const families = new Set(list.map(({ ip }) => ip.includes(':')))
  if (list.length > 1 && (families.size < 2 || list.length > 2)) {
    errors.push(
      at.invalid(
        list.map(({ ip }) => ({ IP: ip })),
        'may specify no more than one IP for each IP family',
      ),
    )
  }
  return errors
}

function userErrors(statuses: readonly ContainerStatus[] = [], at: Path, { os }: PodSpec): FieldError[] {
  return statuses.flatMap(({ user }, index) => {
    const here = at.index(index).child('user', 'linux')
    if (!user?.linux) return []
    if (os?.name === 'windows') return [here.forbidden('cannot be set for a windows pod')]
    const { uid, gid, supplementalGroups = [] } = user.linux
    return [
      ...isValidUserId(uid).map((message) => here.child('uid').invalid(uid, message)),
      ...isValidGroupId(gid).map((message) => here.child('gid').invalid(gid, message)),
      ...supplementalGroups.flatMap((id, position) =>
        isValidGroupId(id).map((message) => here.child('supplementalGroups').index(position).invalid(id, message)),
      ),
    ]
  })
}

/** KEP-4680: health of devices is told about resources that the container asked for. */
function healthErrors(statuses: readonly ContainerStatus[] = [], containers: readonly Container[], at: Path): FieldError[] {
  return statuses.flatMap(({ name, allocatedResourcesStatus = [] }, index) => {
    const container = containers.find((candidate) => candidate.name === name)
    return allocatedResourcesStatus.flatMap((resource, position) => {
      const here = at.index(index).child('allocatedResourcesStatus').index(position)
      const errors: FieldError[] = []
      if (container && !hasResource(container, resource.name)) {
        const claim = "resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
        const what = resource.name.startsWith('claim:') ? claim : 'resource requests'
        errors.push(here.child('name').invalid(resource.name, `must match one of the container's ${what}`))
      }
      const ids = new Set<string>()
      for (const [i, { resourceID, health = '', message }] of (resource.resources ?? []).entries()) {
        const path = here.child('resources').index(i)
        errors.push(...among(health, ['Healthy', 'Unhealthy', 'Unknown'], path.child('health')))
        if (message === '') errors.push(path.child('message').required('must be non-empty if specified'))
        else if (Buffer.byteLength(message ?? '') > 1024) errors.push(path.child('message').tooLong(1024))
        if (ids.has(resourceID)) errors.push(path.child('resourceID').duplicate(resourceID))
        ids.add(resourceID)
      }
      return errors
    })
  })
}

function hasResource({ resources }: Container, name: string): boolean {
  if (!name.startsWith('claim:')) return resources.requests?.[name] !== undefined
  return (resources.claims ?? []).some((claim) => name === `claim:${claim.name}${claim.request ? `/${claim.request}` : ''}`)
}

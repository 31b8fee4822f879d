/** Rules for a PodSpec, wherever it stands (upstream `ValidatePodSpec`). */
import type { PodResourceClaim } from '#api/core/v1/pod-spec.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isQualifiedName } from '#schema/formats.ts'
import { validateLabels } from '#schema/validate.ts'
import { validateAffinity } from './affinity.ts'
import { dnsLabel, dnsSubdomain, formatted, requiredAmong, within } from './checks.ts'
import { validateContainers, validateEphemeralContainers, validateInitContainers } from './container.ts'
import { eachContainer } from './each-container.ts'
import { goValue } from './go-value.ts'
import type { PodContext } from './pod-context.ts'
import {
  validateDnsConfig,
  validateHostAliases,
  validateHostNetwork,
  validateHostnameOverride,
  validateHostUsers,
} from './pod-network.ts'
import { validateOs } from './pod-os.ts'
import { validatePodResources, validateResourceRequirements } from './resources.ts'
import { validateSchedulingGates, validateSpreadConstraints, validateTolerations } from './scheduling.ts'
import { validatePodSecurityContext } from './security-context.ts'
import { validateVolumes } from './volume.ts'
import { validateHostProcess } from './windows.ts'

export function validatePodSpec(context: PodContext, at: Path): FieldError[] {
  const { spec } = context
  const { errors, byName } = validateVolumes(spec.volumes ?? [], at.child('volumes'), context)
  const dnsPolicies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']
  return [
    ...errors,
    ...resourceClaimErrors(context, at.child('resourceClaims')),
    ...validateContainers(at.child('containers'), context, byName),
    ...validateInitContainers(at.child('initContainers'), context, byName),
    ...validateEphemeralContainers(at.child('ephemeralContainers'), context, byName),
    ...validatePodResources(context, at.child('resources')),
    ...validateHostNetwork(context, at),
    ...requiredAmong(spec.restartPolicy, ['Always', 'OnFailure', 'Never'], at.child('restartPolicy')),
    ...requiredAmong(spec.dnsPolicy, dnsPolicies, at.child('dnsPolicy')),
    ...validateLabels(spec.nodeSelector, at.child('nodeSelector')),
    ...validatePodSecurityContext(spec.securityContext, at.child('securityContext'), context),
    ...(spec.affinity ? validateAffinity(spec.affinity, at.child('affinity')) : []),
    ...validateDnsConfig(spec.dnsConfig, spec.dnsPolicy, at.child('dnsConfig')),
    ...(spec.readinessGates ?? []).flatMap(({ conditionType }, index) =>
      formatted(isQualifiedName, conditionType, at.child('readinessGates').index(index).child('conditionType')),
    ),
    ...validateSchedulingGates(spec.schedulingGates ?? [], at.child('schedulingGates')),
    ...validateSpreadConstraints(spec.topologySpreadConstraints ?? [], at.child('topologySpreadConstraints')),
    ...validateHostProcess(context, at),
    ...validateHostUsers(context, at),
    ...validateHostnameOverride(context, at.child('hostnameOverride')),
    ...namedThingErrors(context, at),
    ...validateOs(spec, at),
    ...fileKeyErrors(context, at),
  ]
}

/** Fields that name something, and the rest of what upstream checks between them. */
function namedThingErrors({ spec, claims }: PodContext, at: Path): FieldError[] {
  const { serviceAccountName, nodeName, activeDeadlineSeconds, hostname, subdomain, priorityClassName } = spec
  const { runtimeClassName, preemptionPolicy, overhead } = spec
  const preemption = ['PreemptLowerPriority', 'Never']
  return [
    ...(serviceAccountName ? dnsSubdomain(serviceAccountName, at.child('serviceAccountName')) : []),
    ...(nodeName ? dnsSubdomain(nodeName, at.child('nodeName')) : []),
    ...(activeDeadlineSeconds === undefined
      ? []
      : within(activeDeadlineSeconds, [1, 2 ** 31 - 1], at.child('activeDeadlineSeconds'))),
    ...(hostname ? dnsLabel(hostname, at.child('hostname')) : []),
    ...(subdomain ? dnsLabel(subdomain, at.child('subdomain')) : []),
    ...validateTolerations(spec.tolerations ?? [], at.child('tolerations')),
    ...validateHostAliases(spec.hostAliases ?? [], at.child('hostAliases')),
    ...(priorityClassName ? dnsSubdomain(priorityClassName, at.child('priorityClassName')) : []),
    ...(runtimeClassName === undefined ? [] : dnsSubdomain(runtimeClassName, at.child('runtimeClassName'))),
    ...(preemptionPolicy === undefined ? [] : requiredAmong(preemptionPolicy, preemption, at.child('preemptionPolicy'))),
    // The overhead is checked as limits are.
    ...(overhead ? validateResourceRequirements({ limits: overhead }, at.child('overhead'), { claims }) : []),
  ]
}

function resourceClaimErrors({ spec, annotations }: PodContext, at: Path): FieldError[] {
  const names = new Set<string>()
  return (spec.resourceClaims ?? []).flatMap((claim, index) => {
    if (annotations['kubernetes.io/config.mirror'] !== undefined) {
      return [{ ...at.forbidden('static pods do not support resource claims'), field: '' }]
    }
    const here = at.index(index)
    const nameAt = here.child('name')
    const errors: FieldError[] = []
    if (!claim.name) errors.push(nameAt.required())
    else if (names.has(claim.name)) errors.push(nameAt.duplicate(claim.name))
    else errors.push(...dnsLabel(claim.name, nameAt))
    names.add(claim.name)
    return [...errors, ...claimSourceErrors(claim, here)]
  })
}

function claimSourceErrors(claim: PodResourceClaim, at: Path): FieldError[] {
  const { resourceClaimName, resourceClaimTemplateName } = claim
  const shown = goValue(claim, ['Name', 'ResourceClaimName', 'ResourceClaimTemplateName'])
  const errors: FieldError[] = []
  if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
    errors.push(at.invalid(shown, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'))
  }
  if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
    errors.push(at.invalid(shown, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'))
  }
  if (resourceClaimName !== undefined) errors.push(...dnsSubdomain(resourceClaimName, at.child('resourceClaimName')))
  if (resourceClaimTemplateName !== undefined) {
    errors.push(...dnsSubdomain(resourceClaimTemplateName, at.child('resourceClaimTemplateName')))
  }
  return errors
}

/** Variables read files of an emptyDir only (KEP-3721). */
function fileKeyErrors({ spec }: PodContext, at: Path): FieldError[] {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]))
  return eachContainer(spec, at).flatMap(({ container, here }) =>
    (container.env ?? []).flatMap(({ valueFrom }, index) => {
      if (!valueFrom?.fileKeyRef) return []
      const { volumeName } = valueFrom.fileKeyRef
      const path = here.child('env').index(index).child('valueFrom', 'fileKeyRef', 'volumeName')
      const volume = volumes.get(volumeName)
      if (!volume) return [path.notFound(volumeName)]
      return volume.emptyDir ? [] : [path.invalid(volumeName, 'referenced volume must be of type emptyDir')]
    }),
  )
}

/** Rules for pods: new ones, and what an update may change (upstream `ValidatePodCreate`, `ValidatePodUpdate`). */
import type { NodeAffinity, NodeSelectorTerm } from '#api/core/v1/affinity.ts'
import { type Container, EphemeralContainer } from '#api/core/v1/container.ts'
import type { PodParts } from '#api/core/v1/pod.ts'
import { type PodSchedulingGate, PodSpec } from '#api/core/v1/pod-spec.ts'
import type { Toleration } from '#api/core/v1/taint.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { required } from './checks.ts'
import { imageSpaceErrors } from './container.ts'
import { validateFinalizers } from './metadata.ts'
import { isMirrorPod, validateAnnotationUpdate, validatePodAnnotations, validateProfilesMatch } from './pod-annotations.ts'
import { podContext } from './pod-context.ts'
import { validatePodSpec } from './pod-spec.ts'
import { validateTolerations } from './scheduling.ts'
import { structDiff } from './struct-diff.ts'

/** Runs on every write; metadata was checked before. */
export function validatePod(pod: PodParts, at: Path): FieldError[] {
  const { metadata, spec } = pod
  const here = at.child('spec')
  return [
    ...validateFinalizers(metadata, at),
    ...validatePodAnnotations(metadata.annotations ?? {}, spec, at.child('metadata', 'annotations')),
    ...validatePodSpec(podContext(spec, metadata, true), here),
    ...tokenErrors(spec, here),
    ...spec.containers.flatMap((container, index) => imageSpaceErrors(container, here.child('containers').index(index))),
    ...(spec.initContainers ?? []).flatMap((container, index) =>
      imageSpaceErrors(container, here.child('initContainers').index(index)),
    ),
  ]
}

/** Admission has set the account by now; only a mirror pod has none. */
function tokenErrors({ serviceAccountName, volumes = [] }: PodSpec, at: Path): FieldError[] {
  if (serviceAccountName) return []
  return volumes.flatMap(({ projected }, index) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken }, position) => {
      const here = at.child('volumes').index(index).child('projected', 'sources').index(position).child('serviceAccountToken')
      return serviceAccountToken ? [here.forbidden('must not be specified when serviceAccountName is not set')] : []
    }),
  )
}

export function validatePodCreate(pod: PodParts, at: Path): FieldError[] {
  const { spec } = pod
  const here = at.child('spec')
  return [
    ...(spec.ephemeralContainers?.length ? [here.child('ephemeralContainers').forbidden('cannot be set on create')] : []),
    ...(spec.nodeName && spec.schedulingGates?.length
      ? [here.child('nodeName').forbidden('cannot be set until all schedulingGates have been cleared')]
      : []),
    ...validateProfilesMatch(pod, here),
  ]
}

const updatable = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
]

export function validatePodUpdate(pod: PodParts, old: PodParts, at: Path): FieldError[] {
  const { spec } = pod
  const here = at.child('spec')
  const errors = validateAnnotationUpdate(pod, old, at.child('metadata', 'annotations'))
  for (const list of ['containers', 'initContainers'] as const) {
    const containers = spec[list] ?? []
    if (containers.length !== (old.spec[list] ?? []).length) {
      return [...errors, here.child(list).forbidden('pod updates may not add or remove containers')]
    }
    errors.push(...imageErrors(containers, here.child(list)))
  }
  const deadline = deadlineErrors(spec, old.spec, here.child('activeDeadlineSeconds'))
  errors.push(...deadline)
  if (deadline.length > 0 && spec.activeDeadlineSeconds !== undefined) return errors
  errors.push(
    ...onlyAddedTolerations(spec.tolerations, old.spec.tolerations, here.child('tolerations')),
    ...onlyRemovedGates(spec.schedulingGates, old.spec.schedulingGates, here.child('schedulingGates')),
  )
  if (semanticEqual(spec, old.spec)) return errors

  const munged = withoutAllowedChanges(spec, old.spec)
  if (old.spec.schedulingGates?.length) errors.push(...narrowing(munged, old.spec, here))
  if (!semanticEqual(munged, old.spec)) {
    const difference = structDiff(PodSpec, old.spec, munged)
    errors.push(here.forbidden(`pod updates may not change fields other than ${updatable.join(',')}\n${difference}`))
  }
  return errors
}

function imageErrors(containers: readonly Container[], at: Path): FieldError[] {
  return containers.flatMap((container, index) => [
    ...required(container.image, at.index(index).child('image')),
    ...imageSpaceErrors(container, at.index(index)),
  ])
}

function deadlineErrors(spec: PodSpec, old: PodSpec, at: Path): FieldError[] {
  const now = spec.activeDeadlineSeconds
  const before = old.activeDeadlineSeconds
  if (now === undefined) {
    return before === undefined ? [] : [at.invalid(undefined, 'must not update from a positive integer to nil value')]
  }
  if (now < 0 || now > 2 ** 31 - 1) return [at.invalid(now, `must be between 0 and ${2 ** 31 - 1}, inclusive`)]
  const isLonger = before !== undefined && before < now
  return isLonger ? [at.invalid(now, 'must be less than or equal to previous value')] : []
}

function onlyAddedTolerations(now: readonly Toleration[] = [], before: readonly Toleration[] = [], at: Path): FieldError[] {
  // Everything but the seconds.
  const textOf = ({ key, operator, value, effect }: Toleration) =>
    JSON.stringify([key ?? '', operator ?? '', value ?? '', effect ?? ''])
  const present = new Set(now.map(textOf))
  if (!before.every((old) => present.has(textOf(old))))
    return [at.forbidden('existing toleration can not be modified except its tolerationSeconds')]
  return validateTolerations(now, at)
}

function onlyRemovedGates(
  now: readonly PodSchedulingGate[] = [],
  before: readonly PodSchedulingGate[] = [],
  at: Path,
): FieldError[] {
  const names = new Set(before.map((gate) => gate.name))
  return now.flatMap(({ name }, index) =>
    names.has(name)
      ? []
      : [at.index(index).child('name').forbidden(`only deletion is allowed, but found new scheduling gate '${name}'`)],
  )
}

/** The new spec with all that may change set back to what it was; what still differs is refused. */
function withoutAllowedChanges(spec: PodSpec, old: PodSpec): PodSpec {
  const munged = structuredClone(spec)
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [index, container] of (munged[list] ?? []).entries()) setBack(container, old[list]![index]!, 'image')
  }
  for (const field of ['activeDeadlineSeconds', 'schedulingGates', 'tolerations'] as const) setBack(munged, old, field)
  if (old.terminationGracePeriodSeconds < 0 && munged.terminationGracePeriodSeconds === 1) {
    munged.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds
  }
  return munged
}

function setBack<T extends object>(object: T, old: T, field: keyof T): void {
  if (old[field] === undefined) delete object[field]
  else object[field] = old[field]
}

/** KEP-3838: while a pod is gated, where it may run can be narrowed down, and never widened. */
function narrowing(munged: PodSpec, old: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = []
  const selector = munged.nodeSelector ?? {}
  const isNarrower = Object.entries(old.nodeSelector ?? {}).every(([key, value]) => selector[key] === value)
  if (!isNarrower) {
    const message = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)'
    errors.push(at.child('nodeSelector').invalid(munged.nodeSelector, message))
  }
  setBack(munged, old, 'nodeSelector')

  const now = munged.affinity?.nodeAffinity
  const before = old.affinity?.nodeAffinity
  if (semanticEqual(now, before)) return errors
  errors.push(...affinityNarrowing(now, before, at.child('affinity', 'nodeAffinity')))
  const { podAffinity, podAntiAffinity } = munged.affinity ?? {}
  if (before) munged.affinity = { ...munged.affinity, nodeAffinity: before }
  else if (!old.affinity && !podAffinity && !podAntiAffinity) delete munged.affinity
  else delete munged.affinity?.nodeAffinity
  return errors
}

function affinityNarrowing(now: NodeAffinity | undefined, before: NodeAffinity | undefined, at: Path): FieldError[] {
  const termsOf = (affinity: NodeAffinity | undefined) =>
    affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  const old = termsOf(before)
  const terms = termsOf(now)
  const here = at.child('requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms')
  if (old.length > 0 && old.length !== terms.length) {
    return [here.invalid(terms, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed')]
  }
  return old.flatMap((term, index) => {
    const next = terms[index]!
    const message = 'only additions are allowed (no mutations or deletions)'
    return onlyAdds(next, term) ? [] : [here.index(index).invalid(next, message)]
  })
}

function onlyAdds(now: NodeSelectorTerm, before: NodeSelectorTerm): boolean {
  const isEmpty = (term: NodeSelectorTerm) => !term.matchExpressions?.length && !term.matchFields?.length
  // An empty term matches nothing: any rule would widen it.
  if (isEmpty(before)) return isEmpty(now)
  return (['matchExpressions', 'matchFields'] as const).every((field) => {
    const old = before[field] ?? []
    return semanticEqual((now[field] ?? []).slice(0, old.length), old)
  })
}

/** `pods/ephemeralcontainers`: containers for debugging are added, and never changed or removed. */
export function validateEphemeralContainersUpdate(pod: PodParts, old: PodParts, at: Path): FieldError[] {
  if (isMirrorPod(old.metadata.annotations)) {
    return [{ ...at.forbidden('static pods do not support ephemeral containers'), field: '' }]
  }
  const here = at.child('spec', 'ephemeralContainers')
  const now = new Map((pod.spec.ephemeralContainers ?? []).map((container) => [container.name, container]))
  const kept = (old.spec.ephemeralContainers ?? []).flatMap((container) => {
    const next = now.get(container.name)
    const name = JSON.stringify(container.name)
    if (!next) return [here.forbidden(`existing ephemeral containers ${name} may not be removed\n`)]
    if (semanticEqual(container, next)) return []
    const difference = structDiff(EphemeralContainer, container, next)
    return [here.forbidden(`existing ephemeral containers ${name} may not be changed\n${difference}`)]
  })
  return [...validatePod(pod, at), ...validateAnnotationUpdate(pod, old, at.child('metadata', 'annotations')), ...kept]
}

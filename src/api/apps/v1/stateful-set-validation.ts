/** Rules for StatefulSets (upstream `ValidateStatefulSetSpec`, `...Update`, `...Status`). */
import { amountErrors, amountOf, over100Errors } from '#api/apps/v1/amount.ts'
import type {
  StatefulSetParts,
  StatefulSetSpec,
  StatefulSetStatus,
  StatefulSetUpdateStrategy,
} from '#api/apps/v1/stateful-set.ts'
import { collisionErrors, isBroken } from '#api/apps/v1/workload.ts'
import type { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { among, dnsLabel, nonNegative } from '#api/core/v1/validation/checks.ts'
import { claimSpecErrors } from '#api/core/v1/validation/claim-template.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { validatePodAnnotations } from '#api/core/v1/validation/pod-annotations.ts'
import { validatePodTemplate } from '#api/core/v1/validation/pod-template.ts'
import { selects } from '#api/meta/v1/label-selector.ts'
import { semanticEqual } from '#schema/equal.ts'
import { type FieldError, type Path, root } from '#schema/field-error.ts'
import { validateAnnotations, validateLabelSelector, validateLabels } from '#schema/validate.ts'

interface Options {
  /** Of a set that exists: what was stored once and cannot be changed is borne. */
  isUpdate?: boolean
  skipsTemplate?: boolean
}

export function validateStatefulSet({ metadata, spec }: StatefulSetParts, at: Path): FieldError[] {
  return [...validateFinalizers(metadata, at), ...specErrors(spec, at.child('spec'))]
}

const mutable = [
  'replicas',
  'template',
  'updateStrategy',
  'minReadySeconds',
  'ordinals',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
] as const
const listed =
  "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds'"

export function validateStatefulSetUpdate({ metadata, spec }: StatefulSetParts, old: StatefulSetParts, at: Path): FieldError[] {
  const here = at.child('spec')
  const skipsTemplate = specErrors(old.spec, root, { isUpdate: true }).length > 0
  const rest: Partial<StatefulSetSpec> = { ...spec }
  const before: Partial<StatefulSetSpec> = { ...old.spec }
  for (const field of mutable) {
    delete rest[field]
    delete before[field]
  }
  return [
    ...validateFinalizers(metadata, at),
    ...specErrors(spec, here, { isUpdate: true, skipsTemplate }),
    ...(semanticEqual(rest, before)
      ? []
      : [here.forbidden(`updates to statefulset spec for fields other than ${listed} are forbidden`)]),
  ]
}

function specErrors(spec: StatefulSetSpec, at: Path, options: Options = {}): FieldError[] {
  const { podManagementPolicy, persistentVolumeClaimRetentionPolicy: retention, serviceName } = spec
  const retentionAt = at.child('persistentVolumeClaimRetentionPolicy')
  const policies = ['Retain', 'Delete']
  const isKnown = podManagementPolicy === 'OrderedReady' || podManagementPolicy === 'Parallel'
  return [
    ...(isKnown ? [] : [at.child('podManagementPolicy').invalid(podManagementPolicy, "must be 'OrderedReady' or 'Parallel'")]),
    ...strategyErrors(spec.updateStrategy, at.child('updateStrategy')),
    ...among(retention.whenDeleted, policies, retentionAt.child('whenDeleted')),
    ...among(retention.whenScaled, policies, retentionAt.child('whenScaled')),
    ...(options.isUpdate
      ? []
      : (spec.volumeClaimTemplates ?? []).flatMap((claim, index) =>
          claimSpecErrors(claim.spec, at.child('volumeClaimTemplates').index(index).child('spec')),
        )),
    ...nonNegative(spec.replicas, at.child('replicas')),
    ...nonNegative(spec.minReadySeconds, at.child('minReadySeconds')),
    ...nonNegative(spec.ordinals?.start, at.child('ordinals.start')),
    ...(serviceName && !options.isUpdate ? dnsLabel(serviceName, at.child('serviceName')) : []),
    ...podErrors(spec, at, options),
  ]
}

function strategyErrors({ type, rollingUpdate }: StatefulSetUpdateStrategy, at: Path): FieldError[] {
  const here = at.child('rollingUpdate')
  const shown = rollingUpdate && { Partition: rollingUpdate.partition ?? 0, MaxUnavailable: rollingUpdate.maxUnavailable ?? null }
  if (type === 'OnDelete') return rollingUpdate ? [here.invalid(shown, "only allowed for updateStrategy 'RollingUpdate'")] : []
  if (type !== 'RollingUpdate') {
    return [at.invalid({ Type: type, RollingUpdate: shown ?? null }, "must be 'RollingUpdate' or 'OnDelete'")]
  }
  const { partition, maxUnavailable } = rollingUpdate ?? {}
  const errors = nonNegative(partition, here.child('partition'))
  if (maxUnavailable === undefined) return errors
  const amountAt = here.child('maxUnavailable')
  return [
    ...errors,
    ...amountErrors(maxUnavailable, amountAt),
    ...(amountOf(maxUnavailable) === 0 ? [amountAt.invalid(maxUnavailable, 'cannot be 0')] : []),
    ...over100Errors(maxUnavailable, amountAt),
  ]
}

function podErrors({ selector, template, volumeClaimTemplates = [] }: StatefulSetSpec, at: Path, options: Options): FieldError[] {
  const here = at.child('selector')
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {}
  const isEmpty = Object.keys(matchLabels).length + matchExpressions.length === 0
  const errors = selector ? validateLabelSelector(selector, here) : [here.required()]
  if (selector && isEmpty) errors.push(here.invalid(selector, 'empty selector is invalid for statefulset'))
  if (matchExpressions.some(isBroken)) {
    errors.push(here.invalid(selector, ''))
  } else {
    // An absent selector selects nothing, not even this template.
    const fits = selector !== undefined && (isEmpty || selects(selector, template.metadata.labels))
    const pods = asCreated(
      template,
      volumeClaimTemplates.map(({ metadata }) => metadata.name),
    )
    errors.push(...templateErrors(pods, at.child('template'), { fits, skips: options.skipsTemplate ?? false }))
  }
  const { restartPolicy, activeDeadlineSeconds } = template.spec
  const specAt = at.child('template', 'spec')
  if (restartPolicy !== 'Always') errors.push(specAt.child('restartPolicy').notSupported(restartPolicy, ['Always']))
  if (activeDeadlineSeconds !== undefined) {
    errors.push(specAt.child('activeDeadlineSeconds').forbidden('activeDeadlineSeconds in StatefulSet is not Supported'))
  }
  return errors
}

/** The template as the controller will fill it in: names are the set's own, and claims take the place of volumes. */
function asCreated(template: PodTemplateSpec, claims: readonly string[]): PodTemplateSpec {
  const { subdomain: _, hostname: __, ...spec } = template.spec
  if (claims.length === 0) return { ...template, spec }
  const made = claims.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }))
  return {
    ...template,
    spec: { ...spec, volumes: [...made, ...(spec.volumes ?? []).filter(({ name }) => !claims.includes(name))] },
  }
}

/** Labels and annotations are checked twice, as upstream's error lists show. */
function templateErrors(template: PodTemplateSpec, at: Path, { fits, skips }: { fits: boolean; skips: boolean }): FieldError[] {
  const { labels, annotations = {} } = template.metadata
  return [
    ...(fits ? [] : [at.child('metadata', 'labels').invalid(labels, '`selector` does not match template `labels`')]),
    ...(skips ? [] : validatePodTemplate(template, at)),
    ...validateLabels(labels, at.child('labels')),
    ...validateAnnotations(annotations, at.child('annotations')),
    ...validatePodAnnotations(annotations, template.spec, at.child('annotations')),
  ]
}

const counts = [
  'replicas',
  'readyReplicas',
  'currentReplicas',
  'updatedReplicas',
  'availableReplicas',
  'observedGeneration',
  'collisionCount',
] as const

export function validateStatefulSetStatus(status: StatefulSetStatus, old: StatefulSetStatus, at: Path): FieldError[] {
  const errors = counts.flatMap((name) => nonNegative(status[name] as number | undefined, at.child(name)))
  for (const name of ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'] as const) {
    const count = status[name] ?? 0
    if (count > status.replicas) errors.push(at.child(name).invalid(count, 'cannot be greater than status.replicas'))
  }
  const { availableReplicas, readyReplicas = 0 } = status
  if (availableReplicas > readyReplicas) {
    errors.push(at.child('availableReplicas').invalid(availableReplicas, 'cannot be greater than status.readyReplicas'))
  }
  return [...errors, ...collisionErrors(status, old, at)]
}

/** Rules for pod templates and for what owns them (upstream `ValidatePodTemplateSpec`, `...ForRC`, `...ForReplicaSet`). */
import type { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { validateAnnotations, validateLabels } from '#schema/validate.ts'
import { nonNegative } from './checks.ts'
import { validatePodAnnotations, validateProfilesMatch } from './pod-annotations.ts'
import { podContext } from './pod-context.ts'
import { validatePodSpec } from './pod-spec.ts'

export function validatePodTemplate({ metadata, spec }: PodTemplateSpec, at: Path): FieldError[] {
  const { labels, annotations = {} } = metadata
  const ephemeral = at.child('spec', 'ephemeralContainers')
  return [
    ...validateLabels(labels, at.child('labels')),
    ...validateAnnotations(annotations, at.child('annotations')),
    ...validatePodAnnotations(annotations, spec, at.child('annotations')),
    ...validatePodSpec(podContext(spec), at.child('spec')),
    ...validateProfilesMatch({ metadata: { annotations }, spec }, at.child('spec')),
    ...(spec.ephemeralContainers?.length ? [ephemeral.forbidden('ephemeral containers not allowed in pod template')] : []),
  ]
}

interface Owner {
  /** As in the message: `ReplicaSet` for a Deployment too. */
  kind: 'ReplicaSet' | 'ReplicationController' | 'DaemonSet' | 'StatefulSet'
  /** Whether the owner's selector takes the template's pods; true for an empty selector. */
  selects: boolean
}

/** A template whose pods run for ever and are selected by their owner. */
export function validateOwnedTemplate(template: PodTemplateSpec, at: Path, { kind, selects }: Owner): FieldError[] {
  const { restartPolicy, activeDeadlineSeconds } = template.spec
  const labels = at.child('metadata', 'labels')
  const deadline = at.child('spec', 'activeDeadlineSeconds')
  return [
    ...(selects ? [] : [labels.invalid(template.metadata.labels, '`selector` does not match template `labels`')]),
    ...validatePodTemplate(template, at),
    ...(restartPolicy === 'Always' ? [] : [at.child('spec', 'restartPolicy').notSupported(restartPolicy, ['Always'])]),
    ...(activeDeadlineSeconds === undefined ? [] : [deadline.forbidden(`activeDeadlineSeconds in ${kind} is not Supported`)]),
  ]
}

interface Counts {
  replicas?: number | undefined
  readyReplicas?: number | undefined
  availableReplicas?: number | undefined
}

/** Counts of a status: none negative, and no part greater than the whole. `parts` is in upstream's order. */
export function validateCounts(status: Counts, at: Path, parts: readonly string[]): FieldError[] {
  const count = (name: string) => (status as Record<string, number | undefined>)[name] ?? 0
  const bounded = parts.filter((name) => /^(?:fullyLabeled|updated|ready|available)Replicas$/.test(name))
  const errors = parts.flatMap((name) => nonNegative(count(name), at.child(name)))
  for (const name of bounded) {
    if (count(name) > count('replicas'))
      errors.push(at.child(name).invalid(count(name), 'cannot be greater than status.replicas'))
  }
  if (count('availableReplicas') > count('readyReplicas')) {
    const message = 'cannot be greater than readyReplicas'
    errors.push(at.child('availableReplicas').invalid(count('availableReplicas'), message))
  }
  return errors
}

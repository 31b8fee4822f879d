/** Rules for what may change in a job (upstream `ValidateJobSpecUpdate`). */
import type { JobParts } from '#api/batch/v1/job.ts'
import { hasCondition } from '#api/batch/v1/job-columns.ts'
import type { JobSpec } from '#api/batch/v1/job-spec.ts'
import { validateJobSpec } from '#api/batch/v1/job-validation.ts'
import type { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { immutableErrors } from '#schema/validate.ts'

const immutable = ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const

export function validateJobUpdate({ metadata, spec }: JobParts, old: JobParts, at: Path): FieldError[] {
  const here = at.child('spec')
  return [
    ...validateFinalizers(metadata, at),
    ...validateJobSpec(spec, here),
    ...completionsErrors(spec, old.spec, here.child('completions')),
    ...immutableErrors(spec.selector, old.spec.selector, here.child('selector')),
    ...immutableErrors(spec.template, borne(spec.template, old), here.child('template')),
    ...immutable.flatMap((field) => immutableErrors(spec[field], old.spec[field], here.child(field))),
  ]
}

/** KEP-3715: an Indexed Job may grow and shrink, with as many pods at once as it has indexes. */
function completionsErrors({ completionMode, completions, parallelism }: JobSpec, old: JobSpec, at: Path): FieldError[] {
  if (completionMode !== 'Indexed') return immutableErrors(completions, old.completions, at)
  if (completions === undefined || completions === old.completions || completions === parallelism) return []
  return [at.invalid(completions, 'can only be modified in tandem with spec.parallelism')]
}

/** The old template with everything set to the new that may change: while no pod is there to know (KEP-2926, KEP-5440). */
function borne(now: PodTemplateSpec, { spec: { suspend, template }, status }: JobParts): PodTemplateSpec {
  const isIdle = status.startTime === undefined || (hasCondition(status, 'Suspended') && !status.active)
  if (!suspend || !isIdle) return template
  const old = structuredClone(template)
  const { nodeAffinity: _, ...others } = old.spec.affinity ?? {}
  const nodeAffinity = now.spec.affinity?.nodeAffinity
  const affinity = { ...others, ...(nodeAffinity && { nodeAffinity }) }
  old.spec = {
    ...old.spec,
    nodeSelector: now.spec.nodeSelector,
    tolerations: now.spec.tolerations,
    schedulingGates: now.spec.schedulingGates,
    affinity: semanticEqual(affinity, {}) ? undefined : affinity,
  }
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [index, container] of (old.spec[list] ?? []).entries()) {
      const other = now.spec[list]?.[index]
      if (other?.name === container.name) container.resources = other.resources
    }
  }
  return { ...old, metadata: { ...old.metadata, labels: now.metadata.labels, annotations: now.metadata.annotations } }
}

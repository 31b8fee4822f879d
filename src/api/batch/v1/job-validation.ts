/** Rules for jobs (upstream `ValidateJob`, `ValidateJobSpec`). */
import type { JobParts } from '#api/batch/v1/job.ts'
import { failurePolicyErrors } from '#api/batch/v1/job-failure-policy.ts'
import { parseIndexes } from '#api/batch/v1/job-indexes.ts'
import type { JobSpec, SuccessPolicyRule } from '#api/batch/v1/job-spec.ts'
import { nameLabel, oldNameLabel, oldUidLabel, uidLabel } from '#api/batch/v1/job-strategy.ts'
import { nonNegative } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { validatePodTemplate } from '#api/core/v1/validation/pod-template.ts'
import { selects } from '#api/meta/v1/label-selector.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Label, isDns1123Subdomain, regexError } from '#schema/formats.ts'
import { validateLabelSelector } from '#schema/validate.ts'

export function validateJob(job: JobParts, at: Path): FieldError[] {
  const { metadata, spec } = job
  const errors = [...validateFinalizers(metadata, at), ...generatedErrors(job, at), ...validateJobSpec(spec, at.child('spec'))]
  const { completionMode, completions = 0 } = spec
  if (completionMode !== 'Indexed' || completions <= 0) return errors
  // The controller makes a host name of the job's name and the index.
  const longest = `${metadata.name}-${completions - 1}`
  if (isDns1123Label(longest).length === 0) return errors
  const message = `will not able to create pod with invalid DNS label: ${longest}`
  return [...errors, at.child('metadata', 'name').invalid(metadata.name, message)]
}

/** Selectors that are not the user's own must keep the pods of jobs apart. */
function generatedErrors({ metadata, spec }: JobParts, at: Path): FieldError[] {
  if (spec.manualSelector || !spec.selector) return []
  const { uid, name } = metadata
  const expected = { [oldUidLabel]: uid, [oldNameLabel]: name, [uidLabel]: uid, [nameLabel]: name }
  const labels = spec.template.metadata.labels ?? {}
  const labelsAt = at.child('spec', 'template', 'metadata', 'labels')
  const errors = Object.entries(expected).flatMap(([key, value]) => {
    if (!Object.hasOwn(labels, key)) return [labelsAt.key(key).required(`must be '${value}'`)]
    return labels[key] === value ? [] : [labelsAt.key(key).invalid(labels, `must be '${value}'`)]
  })
  if (selects(spec.selector, expected)) return errors
  return [...errors, at.child('spec', 'selector').invalid(spec.selector, '`selector` not auto-generated')]
}

export function validateJobSpec(spec: JobSpec, at: Path): FieldError[] {
  const { selector, template } = spec
  const labels = template.metadata.labels
  const message = '`selector` does not match template `labels`'
  return [
    ...validateJobTemplate(spec, at),
    ...(selector ? validateLabelSelector(selector, at.child('selector')) : [at.child('selector').required()]),
    ...(selects(selector, labels) ? [] : [at.child('template', 'metadata', 'labels').invalid(labels, message)]),
  ]
}

/** What holds for the jobs of a CronJob as well, which have no selector yet. */
export function validateJobTemplate(spec: JobSpec, at: Path): FieldError[] {
  const { maxFailedIndexes, managedBy } = spec
  const managedAt = at.child('managedBy')
  const counts = [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const
  const lacksLimit = maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined
  return [
    ...counts.flatMap((name) => nonNegative(spec[name] as number | undefined, at.child(name))),
    ...(lacksLimit ? [at.child('backoffLimitPerIndex').required('when maxFailedIndexes is specified')] : []),
    ...(managedBy === undefined
      ? []
      : [...domainPathErrors(managedBy, managedAt), ...(managedBy.length > 63 ? [managedAt.tooLong(63)] : [])]),
    ...modeErrors(spec, at),
    ...(spec.podFailurePolicy ? failurePolicyErrors(spec, spec.podFailurePolicy, at.child('podFailurePolicy')) : []),
    ...successErrors(spec, at.child('successPolicy')),
    ...replacementErrors(spec, at.child('podReplacementPolicy')),
    ...validatePodTemplate(spec.template, at.child('template')),
    ...restartErrors(spec, at.child('template', 'spec', 'restartPolicy')),
  ]
}

const many = 100_000
const fewer = 10_000

function modeErrors(spec: JobSpec, at: Path): FieldError[] {
  const { completionMode: mode, backoffLimitPerIndex, maxFailedIndexes } = spec
  const errors: FieldError[] = []
  if (mode !== undefined && mode !== 'NonIndexed' && mode !== 'Indexed') {
    errors.push(at.child('completionMode').notSupported(mode, ['NonIndexed', 'Indexed']))
  }
  if (mode === 'Indexed') errors.push(...indexedErrors(spec, at))
  if (mode !== undefined && mode !== 'NonIndexed') return errors
  const message = 'requires indexed completion mode'
  if (backoffLimitPerIndex !== undefined) errors.push(at.child('backoffLimitPerIndex').invalid(backoffLimitPerIndex, message))
  if (maxFailedIndexes !== undefined) errors.push(at.child('maxFailedIndexes').invalid(maxFailedIndexes, message))
  return errors
}

function indexedErrors(
  { completions, parallelism = 0, maxFailedIndexes, backoffLimitPerIndex }: JobSpec,
  at: Path,
): FieldError[] {
  const [parallelAt, failedAt] = [at.child('parallelism'), at.child('maxFailedIndexes')]
  const failed = maxFailedIndexes ?? 0
  const errors = completions === undefined ? [at.child('completions').required('when completion mode is Indexed')] : []
  if (parallelism > many) {
    errors.push(parallelAt.invalid(parallelism, `must be less than or equal to ${many} when completion mode is Indexed`))
  }
  if (completions !== undefined && failed > completions) {
    errors.push(failedAt.invalid(failed, 'must be less than or equal to completions'))
  }
  if (failed > many) errors.push(failedAt.invalid(failed, `must be less than or equal to ${many}`))
  if (completions === undefined || completions <= many || backoffLimitPerIndex === undefined) return errors
  if (maxFailedIndexes === undefined) errors.push(failedAt.required(`must be specified when completions is above ${many}`))
  const message = `must be less than or equal to ${fewer} when completions are above ${many} and used with backoff limit per index`
  if (parallelism > fewer) errors.push(parallelAt.invalid(parallelism, message))
  if (failed > fewer) errors.push(failedAt.invalid(failed, message))
  return errors
}

function successErrors({ successPolicy, completionMode, completions }: JobSpec, at: Path): FieldError[] {
  if (!successPolicy) return []
  const { rules } = successPolicy
  if (completionMode !== 'Indexed') {
    const shown = rules.map((rule) => ({
      SucceededIndexes: rule.succeededIndexes ?? null,
      SucceededCount: rule.succeededCount ?? null,
    }))
    return [at.invalid({ Rules: shown }, 'requires indexed completion mode')]
  }
  const here = at.child('rules')
  const message = 'at least one rules must be specified when the successPolicy is specified'
  return [
    ...(rules.length === 0 ? [here.required(message)] : []),
    ...(rules.length > 20 ? [here.tooMany(rules.length, 20)] : []),
    ...rules.flatMap((rule, index) => successRuleErrors(rule, completions ?? 0, here.index(index))),
  ]
}

function successRuleErrors({ succeededCount, succeededIndexes }: SuccessPolicyRule, completions: number, at: Path): FieldError[] {
  const errors: FieldError[] = []
  if (succeededCount === undefined && succeededIndexes === undefined) {
    errors.push(at.required('at least one of succeededCount or succeededIndexes must be specified'))
  }
  const indexesAt = at.child('succeededIndexes')
  const indexes = parseIndexes(succeededIndexes ?? '', completions)
  if (succeededIndexes !== undefined && succeededIndexes.length > 64 * 1024) errors.push(indexesAt.tooLong(64 * 1024))
  if ('error' in indexes) errors.push(indexesAt.invalid(succeededIndexes, `error parsing succeededIndexes: ${indexes.error}`))
  if (succeededCount === undefined) return errors
  const here = at.child('succeededCount')
  const total = 'error' in indexes ? 0 : indexes.total
  const bound = (count: number, of: string) => here.invalid(succeededCount, `must be less than or equal to ${count} (${of})`)
  errors.push(...nonNegative(succeededCount, here))
  if (succeededCount > completions) errors.push(bound(completions, 'the number of specified completions'))
  if (succeededIndexes !== undefined && succeededCount > total) {
    errors.push(bound(total, 'the number of indexes in the specified succeededIndexes field'))
  }
  return errors
}

function replacementErrors({ podReplacementPolicy: policy, podFailurePolicy }: JobSpec, at: Path): FieldError[] {
  const supported = podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed']
  return policy === undefined || supported.includes(policy) ? [] : [at.notSupported(policy, supported)]
}

function restartErrors({ template, podFailurePolicy }: JobSpec, at: Path): FieldError[] {
  const { restartPolicy } = template.spec
  if (restartPolicy === 'Always') return [at.required('valid values: "OnFailure", "Never"')]
  if (restartPolicy !== 'OnFailure' && restartPolicy !== 'Never') return [at.notSupported(restartPolicy, ['OnFailure', 'Never'])]
  if (!podFailurePolicy || restartPolicy === 'Never') return []
  return [at.invalid(restartPolicy, 'only "Never" is supported when podFailurePolicy is specified')]
}

const pathPattern = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"

/** Upstream's `IsDomainPrefixedPath`. */
function domainPathErrors(value: string, at: Path): FieldError[] {
  if (value === '') return [at.required()]
  const slash = value.indexOf('/')
  const [host, path] = [value.slice(0, slash), value.slice(slash + 1)]
  if (slash <= 0 || path === '') return [at.invalid(value, 'must be a domain-prefixed path (such as "acme.io/foo")')]
  const errors = isDns1123Subdomain(host).map((message) => at.invalid(host, message))
  if (new RegExp(`^${pathPattern}$`).test(path)) return errors
  return [...errors, at.invalid(path, regexError('Invalid path', pathPattern))]
}

/** What failed pods and succeeded indexes mean for a Job by its own rules (`pod_failure_policy.go`, `success_policy.go`). */
import type { JobSpec, PodFailurePolicyRule, SuccessPolicyRule } from '#api/batch/v1/job-spec.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { Indexes } from './indexes.ts'

export interface Verdict {
  readonly action?: PodFailurePolicyRule['action'] | undefined
  /** Whether the failure counts towards the back-off limit. */
  readonly counts: boolean
  /** Why the whole Job fails. */
  readonly message?: string | undefined
}

/** What the first rule that fits says. */
export function judge({ podFailurePolicy }: JobSpec, pod: Pod): Verdict {
  for (const [index, rule] of (podFailurePolicy?.rules ?? []).entries()) {
    const found = rule.onExitCodes ? onExitCode(rule, pod) : onCondition(rule, pod)
    if (!found) continue
    const { action } = rule
    if (action === 'FailJob') return { action, counts: true, message: `${found} matching ${action} rule at index ${index}` }
    return { action, counts: action !== 'Ignore' }
  }
  return { counts: true }
}

function onExitCode({ onExitCodes }: PodFailurePolicyRule, { metadata, status }: Pod): string | undefined {
  const { containerName, operator, values = [] } = onExitCodes ?? {}
  for (const { name, state } of [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])]) {
    const code = state?.terminated?.exitCode
    if (!code || (containerName !== undefined && containerName !== name)) continue
    if (values.includes(code) !== (operator === 'In')) continue
    return `Container ${name} for pod ${metadata.namespace}/${metadata.name} failed with exit code ${code}`
  }
  return undefined
}

function onCondition({ onPodConditions = [] }: PodFailurePolicyRule, { metadata, status }: Pod): string | undefined {
  const found = status.conditions?.find((condition) =>
    onPodConditions.some(({ type, status }) => condition.type === type && condition.status === status),
  )
  return found && `Pod ${metadata.namespace}/${metadata.name} has condition ${found.type}`
}

/** The message of the first rule that is fulfilled. */
export function successMessage({ successPolicy, completions = 0 }: JobSpec, succeeded: Indexes): string | undefined {
  if (succeeded.size === 0) return undefined
  const index = (successPolicy?.rules ?? []).findIndex((rule) => isMet(rule, succeeded, completions))
  return index < 0 ? undefined : `Matched rules at index ${index}`
}

function isMet({ succeededIndexes, succeededCount }: SuccessPolicyRule, succeeded: Indexes, completions: number): boolean {
  if (succeededIndexes === undefined) return succeededCount !== undefined && succeeded.size >= succeededCount
  const required = Indexes.parse(succeededIndexes, completions)
  return required.size > 0 && succeeded.overlap(required) >= (succeededCount ?? required.size)
}

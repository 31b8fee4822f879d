/** Rules for restarts and resizes of single containers (KEP-753, KEP-5307, KEP-1287). */
import type { Container } from '#api/core/v1/container.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { among, requiredAmong } from './checks.ts'
import type { PodContext } from './pod-context.ts'

type Rules = Pick<Container, 'restartPolicy' | 'restartPolicyRules'>

export function validateRestartPolicy({ restartPolicy, restartPolicyRules = [] }: Rules, at: Path): FieldError[] {
  const policy = at.child('restartPolicy')
  const errors: FieldError[] = []
  if (restartPolicy !== undefined) errors.push(...among(restartPolicy, ['Always', 'Never', 'OnFailure'], policy))
  else if (restartPolicyRules.length > 0) errors.push(policy.required('must specify restartPolicy when restart rules are used'))

  const rules = at.child('restartPolicyRules')
  if (restartPolicyRules.length > 20) errors.push(rules.tooMany(restartPolicyRules.length, 20))
  for (const [index, { action, exitCodes }] of restartPolicyRules.entries()) {
    const here = rules.index(index)
    errors.push(...among(action ?? '', ['Restart', 'RestartAllContainers'], here.child('action')))
    const codes = here.child('exitCodes')
    if (!exitCodes) {
      errors.push(codes.required('must be specified'))
      continue
    }
    const { operator = '', values = [] } = exitCodes
    errors.push(...among(operator, ['In', 'NotIn'], codes.child('operator')))
    if (values.length > 255) errors.push(codes.child('values').tooMany(values.length, 255))
  }
  return errors
}

/** An init container without a policy of its own is none of the new kind, and has nothing to check but stray rules. */
export function validateInitRestartPolicy(container: Rules, at: Path): FieldError[] {
  if (container.restartPolicy !== undefined) return validateRestartPolicy(container, at)
  const hasRules = (container.restartPolicyRules ?? []).length > 0
  return hasRules ? [at.child('restartPolicy').required('must specify restartPolicy when restart rules are used')] : []
}

export function validateResizePolicy({ resizePolicy = [] }: Container, at: Path, { spec }: PodContext): FieldError[] {
  const seen = new Set<string>()
  return resizePolicy.flatMap(({ resourceName, restartPolicy }, index) => {
    const errors = seen.has(resourceName) ? [at.index(index).duplicate(resourceName)] : []
    seen.add(resourceName)
    errors.push(
      ...requiredAmong(resourceName, ['cpu', 'memory'], at),
      ...requiredAmong(restartPolicy, ['NotRequired', 'RestartContainer'], at),
    )
    if (spec.restartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      errors.push(at.invalid(restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"))
    }
    return errors
  })
}

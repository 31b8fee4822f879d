/** Rules for when images are pulled. */
import type { FieldError, Path } from '#schema/field-error.ts'
import { requiredAmong } from './checks.ts'

export function pullPolicyErrors(policy: string | undefined, at: Path): FieldError[] {
  return requiredAmong(policy, ['Always', 'IfNotPresent', 'Never'], at)
}

/** Rules for what an autoscaler refers to (upstream `ValidateCrossVersionObjectReference`). */
import type { CrossVersionObjectReference } from '#api/autoscaling/v2/metric-spec.ts'
import { requiredAs } from '#api/core/v1/validation/checks.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isPathSegmentName } from '#schema/formats.ts'

interface Options {
  /** Whether the reference must be to something outside the core group. */
  isGrouped: boolean
  allowsAny?: boolean
}

export function referenceErrors(
  reference: CrossVersionObjectReference,
  at: Path,
  { isGrouped, allowsAny }: Options,
): FieldError[] {
  const { kind, name, apiVersion = '' } = reference
  const problem = allowsAny ? undefined : versionProblem(reference, isGrouped)
  return [
    ...requiredAs(isPathSegmentName, kind, at.child('kind')),
    ...requiredAs(isPathSegmentName, name, at.child('name')),
    ...(problem === undefined ? [] : [at.child('apiVersion').invalid(apiVersion, problem)]),
  ]
}

export function versionProblem({ apiVersion = '' }: CrossVersionObjectReference, isGrouped: boolean): string | undefined {
  const parts = apiVersion.split('/')
  if (parts.length > 2) return `unexpected GroupVersion string: ${apiVersion}`
  const hasGroup = parts.length === 2 && parts[0] !== ''
  return isGrouped && !hasGroup ? 'apiVersion must specify API group' : undefined
}

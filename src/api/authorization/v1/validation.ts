/** Rules for access reviews (upstream `authorization/validation`). */
import type { ResourceAttributes, SubjectAccessReviewSpec } from '#api/authorization/v1/subject-access-review.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { validateLabelSelector } from '#schema/validate.ts'

type Attributes = Pick<SubjectAccessReviewSpec, 'resourceAttributes' | 'nonResourceAttributes'>

export function validateAttributes({ resourceAttributes, nonResourceAttributes }: Attributes, at: Path): FieldError[] {
  const errors: FieldError[] = []
  if (resourceAttributes && nonResourceAttributes) {
    const shown = { Path: nonResourceAttributes.path ?? '', Verb: nonResourceAttributes.verb ?? '' }
    errors.push(at.child('nonResourceAttributes').invalid(shown, 'cannot be specified in combination with resourceAttributes'))
  }
  if (!resourceAttributes && !nonResourceAttributes) {
    const message = 'exactly one of nonResourceAttributes or resourceAttributes must be specified'
    errors.push(at.child('resourceAttributes').invalid(undefined, message))
  }
  return errors
}

export function validateSubject({ user = '', groups = [] }: SubjectAccessReviewSpec, at: Path): FieldError[] {
  if (user || groups.length > 0) return []
  return [at.child('user').invalid(user, 'at least one of user or group must be specified')]
}

export function validateSelectors(attributes: ResourceAttributes | undefined, at: Path): FieldError[] {
  const { fieldSelector, labelSelector } = attributes ?? {}
  return [
    ...(fieldSelector ? selectorErrors(fieldSelector, at.child('fieldSelector'), fieldRuleErrors) : []),
    ...(labelSelector ? selectorErrors(labelSelector, at.child('labelSelector'), labelRuleErrors) : []),
  ]
}

interface Rule {
  key: string
  operator: string
  values?: string[] | undefined
}

interface Selector {
  rawSelector?: string | undefined
  requirements?: Rule[] | undefined
}

function selectorErrors({ rawSelector, requirements = [] }: Selector, at: Path, check: (rule: Rule, at: Path) => FieldError[]) {
  const errors: FieldError[] = []
  if (rawSelector && requirements.length > 0) {
    errors.push(at.child('rawSelector').invalid(rawSelector, 'may not specified at the same time as requirements'))
  }
  if (!rawSelector && requirements.length === 0) {
    errors.push(at.child('requirements').required(`when ${at} is specified, requirements or rawSelector is required`))
  }
  return [...errors, ...requirements.flatMap((rule, index) => check(rule, at.child('requirements').index(index)))]
}

/** An operator that we do not know is the authorizer's to judge. */
function fieldRuleErrors({ key, operator, values = [] }: Rule, at: Path): FieldError[] {
  const errors = key ? [] : [at.child('key').required('must be specified')]
  const here = at.child('values')
  if ((operator === 'In' || operator === 'NotIn') && values.length === 0) {
    errors.push(here.required("must be specified when `operator` is 'In' or 'NotIn'"))
  }
  if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) {
    errors.push(here.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
  }
  return errors
}

function labelRuleErrors(rule: Rule, at: Path): FieldError[] {
  const prefix = 'matchExpressions[0]'
  const errors = validateLabelSelector({ matchExpressions: [rule] }, at, { allowUnknownOperators: true })
  return errors.map((error) => ({ ...error, field: error.field.replace(`.${prefix}`, '') }))
}

/** A review has no identity: only a local one has a namespace. */
export function validateNoMetadata(
  metadata: object,
  at: Path,
  { allowed = [] }: { allowed?: readonly string[] } = {},
): FieldError[] {
  const entries = Object.entries(metadata).filter(
    ([name, value]) => name !== 'managedFields' && value !== undefined && value !== '',
  )
  const extra = entries.filter(([name]) => !allowed.includes(name))
  if (extra.length === 0) return []
  const message = allowed.length > 0 ? 'must be empty except for namespace' : 'must be empty'
  return [at.child('metadata').invalid(Object.fromEntries(entries), message)]
}

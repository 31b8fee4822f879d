/** Access reviews: may this user do that? (`authorization/v1`) */
import type { ResourceAttributes, SubjectAccessReviewSpec } from '#api/authorization/v1/subject-access-review.ts'
import { validateSelectors } from '#api/authorization/v1/validation.ts'
import { type FieldError, root } from '#schema/field-error.ts'
import type { KubeObject } from '#schema/kind.ts'
import { labelSelectorText, parseFieldSelector, parseLabelSelector } from '#schema/selector.ts'
import { badRequest, invalid } from '#schema/status-error.ts'
import type { Attributes } from '../../authz/authorizer.ts'
import type { Request, User } from '../../request.ts'
import type { Registry } from '../registry.ts'

type Spec = Pick<SubjectAccessReviewSpec, 'resourceAttributes' | 'nonResourceAttributes'>
type Review<S = SubjectAccessReviewSpec> = KubeObject & { readonly spec: S }

const at = root.child('spec')

export async function reviewAccess(registry: Registry, _request: Request, { spec, metadata }: Review): Promise<object> {
  refuse([...specErrors(spec), ...subjectErrors(spec), ...selectorErrors(spec), ...metadataErrors(metadata, 'must be empty')])
  return decide(registry, spec, subjectOf(spec))
}

export async function reviewOwnAccess(registry: Registry, { user }: Request, { spec, metadata }: Review<Spec>): Promise<object> {
  refuse([...specErrors(spec), ...selectorErrors(spec), ...metadataErrors(metadata, 'must be empty')])
  return decide(registry, spec, user)
}

export async function reviewLocalAccess(registry: Registry, { info }: Request, { spec, metadata }: Review): Promise<object> {
  const { namespace, ...rest } = metadata
  const allowed = 'must be empty except for namespace'
  const errors = [...specErrors(spec), ...subjectErrors(spec), ...selectorErrors(spec), ...metadataErrors(rest, allowed)]
  const asked = spec.resourceAttributes?.namespace ?? ''
  if (spec.resourceAttributes && asked !== info.namespace) {
    errors.push(root.child('spec.resourceAttributes.namespace').invalid(asked, 'must match metadata.namespace'))
  }
  if (spec.nonResourceAttributes) {
    errors.push(
      root.child('spec.nonResourceAttributes').invalid(spec.nonResourceAttributes, 'disallowed on this kind of request'),
    )
  }
  refuse(errors)
  return decide(registry, spec, subjectOf(spec))
}

export async function reviewOwnRules(
  { authorizer }: Registry,
  { user }: Request,
  review: Review<{ namespace?: string }>,
): Promise<object> {
  const namespace = review.spec.namespace ?? ''
  if (!namespace) throw badRequest('no namespace on request')
  const { resource = [], nonResource = [], incomplete } = authorizer.rules?.(user, namespace) ?? {}
  return {
    resourceRules: resource,
    nonResourceRules: nonResource,
    incomplete: incomplete !== undefined,
    ...(incomplete !== undefined && { evaluationError: incomplete }),
  }
}

function selectorErrors({ resourceAttributes }: Spec): FieldError[] {
  return validateSelectors(resourceAttributes, at.child('resourceAttributes'))
}

/** Upstream's error names no kind, since its internal types carry none. */
function refuse(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: 'authorization.k8s.io', kind: '' }, '', errors)
}

function specErrors({ resourceAttributes, nonResourceAttributes }: Spec): FieldError[] {
  if (resourceAttributes && nonResourceAttributes) {
    const why = 'cannot be specified in combination with resourceAttributes'
    return [at.child('nonResourceAttributes').invalid(nonResourceAttributes, why)]
  }
  if (resourceAttributes || nonResourceAttributes) return []
  const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified'
  return [at.child('resourceAttributes').invalid(undefined, why)]
}

function subjectErrors({ user, groups }: SubjectAccessReviewSpec): FieldError[] {
  if (user || groups?.length) return []
  return [at.child('user').invalid(user ?? '', 'at least one of user or group must be specified')]
}

function metadataErrors(metadata: object, why: string): FieldError[] {
  const { managedFields: _, ...rest } = metadata as Partial<KubeObject['metadata']>
  return Object.values(rest).some((value) => value !== undefined) ? [root.child('metadata').invalid(metadata, why)] : []
}

function subjectOf({ user = '', uid, groups = [], extra }: SubjectAccessReviewSpec): User {
  return { name: user, groups, ...(uid && { uid }), ...(extra && { extra }) }
}

async function decide({ authorizer }: Registry, spec: Spec, user: User): Promise<object> {
  const problems: string[] = []
  const { verdict, reason, error } = await authorizer.authorize(question(spec, user, problems))
  if (error) problems.push(error.message)
  return {
    allowed: verdict === 'allow',
    ...(verdict === 'deny' && { denied: true }),
    ...(reason && { reason }),
    ...(problems.length > 0 && { evaluationError: problems.join('; ') }),
  }
}

function question({ resourceAttributes, nonResourceAttributes }: Spec, user: User, problems: string[]): Attributes {
  if (!resourceAttributes) {
    const { path = '', verb = '' } = nonResourceAttributes ?? {}
    const empty = { group: '', version: '', resource: '', subresource: '', namespace: '', name: '' }
    return { ...empty, user, verb, path, isResource: false }
  }
  const { verb = '', group = '', version = '', resource = '', subresource = '', namespace = '', name = '' } = resourceAttributes
  return {
    ...{ user, verb, path: '', isResource: true, group, resource, subresource, namespace, name },
    version: version || '*',
    ...selectors(resourceAttributes, problems),
  }
}

/** What cannot be read narrows nothing, which asks for more than was meant; the answer says so. */
function selectors(
  { fieldSelector, labelSelector }: ResourceAttributes,
  problems: string[],
): Pick<Attributes, 'fieldSelector' | 'labelSelector'> {
  const told = (what: 'fieldSelector' | 'labelSelector', { terms, isBroken }: Understood) => {
    const extent = terms.length > 0 ? 'partially ignored' : 'ignored'
    if (isBroken) problems.push(`spec.resourceAttributes.${what} ${extent} due to parse error`)
    return terms.length > 0 && { [what]: terms.join(',') }
  }
  return {
    ...told('fieldSelector', understood(fieldSelector, fieldTerm, parseFieldSelector)),
    ...told('labelSelector', understood(labelSelector, labelTerm, parseLabelSelector)),
  }
}

interface Rule {
  readonly key: string
  readonly operator: string
  readonly values?: readonly string[] | undefined
}

interface Understood {
  readonly terms: readonly string[]
  readonly isBroken: boolean
}

function understood(
  { rawSelector, requirements = [] }: { rawSelector?: string | undefined; requirements?: readonly Rule[] | undefined } = {},
  term: (rule: Rule) => string,
  parse: (text: string) => unknown,
): Understood {
  const terms: string[] = []
  let isBroken = false
  const parts = requirements.length > 0 ? requirements.map((rule) => () => term(rule)) : rawSelector ? [() => rawSelector] : []
  for (const text of parts) {
    try {
      const read = text()
      parse(read)
      if (read) terms.push(read)
    } catch {
      isBroken = true
    }
  }
  return { terms, isBroken }
}

/** A key cannot smuggle in a second term: one that would be read as more is left out. */
function fieldTerm({ key, operator, values = [] }: Rule): string {
  if (values.length !== 1 || (operator !== 'In' && operator !== 'NotIn')) throw new Error('no such field selector')
  if (/[\\,=!]/.test(key)) return ''
  const value = (values[0] as string).replace(/[\\,=]/g, '\\$&')
  return `${key}${operator === 'NotIn' ? '!=' : '='}${value}`
}

function labelTerm(rule: Rule): string {
  return labelSelectorText({ matchExpressions: [{ ...rule, values: [...(rule.values ?? [])] }] })
}

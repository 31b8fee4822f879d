/** Audit policy (`audit.k8s.io/v1`): which requests are recorded, and how much of each (upstream `audit/policy`). */
import { type FieldError, formatFieldError, type Path, root } from '#schema/field-error.ts'
import { isDns1123Subdomain } from '#schema/formats.ts'
import type { Attributes } from '../authz/authorizer.ts'
import { auditPolicyReader } from './policy-fields.ts'

export const levels = ['None', 'Metadata', 'Request', 'RequestResponse'] as const
export type Level = (typeof levels)[number]
export const stages = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const
export type AuditStage = (typeof stages)[number]

/** What is recorded of one request. */
export interface Verdict {
  readonly level: Level
  readonly omitStages: ReadonlySet<string>
  readonly omitManagedFields: boolean
}

interface GroupResources {
  readonly group?: string
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
}

interface Rule {
  readonly level?: string
  readonly users?: readonly string[]
  readonly userGroups?: readonly string[]
  readonly verbs?: readonly string[]
  readonly resources?: readonly GroupResources[]
  readonly namespaces?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
  readonly omitStages?: readonly string[]
  readonly omitManagedFields?: boolean
}

interface Policy {
  readonly rules?: readonly Rule[]
  readonly omitStages?: readonly string[]
  readonly omitManagedFields?: boolean
}

export interface AuditPolicy {
  evaluate(attributes: Attributes): Verdict
}

export class AuditPolicyError extends Error {}

/** Throws with every error of the text, in upstream's words. What a strict reading complains of is told, and passed over. */
export function parseAuditPolicy(text: string, onComplaint?: (complaint: string) => void): AuditPolicy {
  const { value: given, complaint } = readGiven(text)
  if (complaint) onComplaint?.(`Audit policy contains errors, falling back to lenient decoding: ${complaint}`)
  const errors = validate(given)
  if (errors.length > 0) throw new AuditPolicyError(errors.map(formatFieldError).join('\n'))
  if ((given.rules ?? []).length === 0) throw new AuditPolicyError('loaded illegal policy with 0 rules')
  return auditPolicy(given)
}

function readGiven(text: string): { readonly value: Policy; readonly complaint: string | undefined } {
  try {
    return auditPolicyReader.readLeniently<Policy>(text)
  } catch (error) {
    throw new AuditPolicyError(`failed decoding: ${(error as Error).message}`, { cause: error })
  }
}

/** The first rule that matches decides; without any, nothing is recorded. */
function auditPolicy({ rules = [], omitStages: omitted = [], omitManagedFields = false }: Policy): AuditPolicy {
  const verdicts = rules.map(
    (rule): Verdict => ({
      level: rule.level as Level,
      omitStages: new Set([...omitted, ...(rule.omitStages ?? [])]),
      omitManagedFields: rule.omitManagedFields ?? omitManagedFields,
    }),
  )
  const nothing: Verdict = { level: 'None', omitStages: new Set(omitted), omitManagedFields }
  return {
    evaluate(attributes) {
      const first = rules.findIndex((rule) => matches(rule, attributes))
      return verdicts[first] ?? nothing
    },
  }
}

function matches(rule: Rule, attributes: Attributes): boolean {
  const { user, verb, isResource } = attributes
  const { users, userGroups, verbs, namespaces, resources, nonResourceURLs } = rule
  if (users?.length && !users.includes(user.name)) return false
  if (userGroups?.length && !user.groups.some((group) => userGroups.includes(group))) return false
  if (verbs?.length && !verbs.includes(verb)) return false
  if (namespaces?.length || resources?.length) return isResource && matchesResource(rule, attributes)
  if (nonResourceURLs?.length) return !isResource && nonResourceURLs.some((spec) => matchesPath(attributes.path, spec))
  return true
}

function matchesPath(path: string, spec: string): boolean {
  return spec === '*' || spec === path || (spec.endsWith('*') && path.startsWith(spec.replace(/\*+$/, '')))
}

/** Objects of the whole cluster are in namespace ''. */
function matchesResource({ namespaces, resources }: Rule, attributes: Attributes): boolean {
  if (namespaces?.length && !namespaces.includes(attributes.namespace)) return false
  return !resources?.length || resources.some((one) => matchesGroup(one, attributes))
}

function matchesGroup(
  { group = '', resources = [], resourceNames = [] }: GroupResources,
  { group: asked, resource, subresource, name }: Attributes,
): boolean {
  if (group !== asked && group !== '*') return false
  if (resources.length === 0) return true
  if (resourceNames.length > 0 && !resourceNames.includes(name)) return false
  const whole = subresource ? `${resource}/${subresource}` : resource
  return resources.some(
    (one) => one === whole || one === '*' || (subresource !== '' && one === `*/${subresource}`) || one === `${resource}/*`,
  )
}

// Validation: upstream's `audit/validation`, word for word.

function validate({ rules = [], omitStages = [] }: Policy): FieldError[] {
  const at = root.child('rules')
  return [...stageErrors(omitStages, root.child('omitStages')), ...rules.flatMap((rule, i) => ruleErrors(rule, at.index(i)))]
}

function ruleErrors(rule: Rule, at: Path): FieldError[] {
  const { level = '', nonResourceURLs = [], resources = [], namespaces = [], omitStages = [] } = rule
  const here = at.child('nonResourceURLs')
  return [
    ...(level === '' ? [at.child('level').required()] : []),
    ...(level && !levels.includes(level as Level) ? [at.child('level').notSupported(level, levels)] : []),
    ...nonResourceURLs.flatMap((url, i) => urlErrors(url, here.index(i))),
    ...resources.flatMap((one) => resourceErrors(one, at.child('resources'))),
    ...stageErrors(omitStages, at.child('omitStages')),
    ...(nonResourceURLs.length > 0 && resources.length + namespaces.length > 0
      ? [here.invalid(nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs')]
      : []),
  ]
}

function urlErrors(url: string, at: Path): FieldError[] {
  if (url === '*') return []
  const star = "non-resource URL wildcards '*' must be the final character of the rule"
  return [
    ...(url.startsWith('/') ? [] : [at.invalid(url, "non-resource URL rules must begin with a '/' character")]),
    ...(url.slice(0, -1).includes('*') ? [at.invalid(url, star)] : []),
  ]
}

function resourceErrors({ group = '', resources = [], resourceNames = [] }: GroupResources, at: Path): FieldError[] {
  const problems = group === '' || group === '*' ? [] : isDns1123Subdomain(group)
  return [
    ...(problems.length > 0 ? [at.child('group').invalid(group, problems.join(','))] : []),
    ...(resourceNames.length > 0 && resources.length === 0
      ? [at.child('resourceNames').invalid(resourceNames, 'using resourceNames requires at least one resource')]
      : []),
  ]
}

function stageErrors(given: readonly string[], at: Path): FieldError[] {
  return given.flatMap((stage, i) =>
    stages.includes(stage as AuditStage) ? [] : [at.index(i).invalid(stage, `allowed stages are ${stages.join(',')}`)],
  )
}

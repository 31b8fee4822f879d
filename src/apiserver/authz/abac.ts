/** Attribute-based access control: a file with one policy on each line (`--authorization-mode=ABAC`; upstream `pkg/auth/authorizer/abac`). */
import type { User } from '../request.ts'
import type { Attributes, Authorizer } from './authorizer.ts'
import { urlMatches } from './rule-match.ts'

/** `abac.authorization.kubernetes.io/v1beta1`. */
export interface AbacPolicy {
  readonly user: string
  readonly group: string
  readonly readonly: boolean
  readonly apiGroup: string
  readonly resource: string
  readonly namespace: string
  readonly nonResourcePath: string
}

const apiVersion = 'abac.authorization.kubernetes.io/v1beta1'

/** Throws on the first line that is no policy; `path` stands in the message. */
export function parseAbacPolicies(text: string, path: string): readonly AbacPolicy[] {
  return text.split('\n').flatMap((line, i) => {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) return []
    try {
      return policyOf(JSON.parse(trimmed))
    } catch (cause) {
      throw new Error(`error reading policy file ${path}, line ${i + 1}: ${line}: ${(cause as Error).message}`, { cause })
    }
  })
}

type Given = { apiVersion?: string; kind?: string; spec?: Partial<AbacPolicy> } & Partial<AbacPolicy>

function policyOf(given: Given | null): AbacPolicy {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error('want a policy')
  if (given.apiVersion === undefined && given.kind === undefined) return unversioned(given)
  if (given.apiVersion !== apiVersion || given.kind !== 'Policy') {
    throw new Error(
      `no kind ${JSON.stringify(given.kind ?? '')} is registered for version ${JSON.stringify(given.apiVersion ?? '')}`,
    )
  }
  return completed(given.spec ?? {})
}

/** The first form knew no groups of the API: an empty field stood for everything. */
function unversioned({
  user = '',
  group = '',
  readonly = false,
  resource = '',
  namespace = '',
}: Partial<AbacPolicy>): AbacPolicy {
  const anybody = user === '' && group === ''
  const subject = anybody ? { user: '*', group } : { user, group }
  const isEverything = namespace === '' && resource === ''
  return completed({
    ...{ ...subject, readonly },
    ...{ apiGroup: '*', resource: resource || '*', namespace: namespace || '*', nonResourcePath: isEverything ? '*' : '' },
  })
}

/** `*` for a user or a group means whoever is known: nobody comes in without a name by it. */
function completed(given: Partial<AbacPolicy>): AbacPolicy {
  const nothing = { user: '', group: '', readonly: false, apiGroup: '', resource: '', namespace: '', nonResourcePath: '' }
  const isAnybody = given.user === '*' || given.group === '*'
  return { ...nothing, ...given, ...(isAnybody && { user: '', group: 'system:authenticated' }) }
}

export function abacAuthorizer(policies: readonly AbacPolicy[]): Authorizer {
  return {
    name: 'ABAC',
    authorize: (attributes) =>
      policies.some((policy) => matches(policy, attributes))
        ? { verdict: 'allow' }
        : { verdict: 'noOpinion', reason: 'No policy matched.' },
    rules(user, namespace) {
      const own = policies.filter((one) => isSubject(one, user) && (one.namespace === '*' || one.namespace === namespace))
      const verbs = ({ readonly }: AbacPolicy) => (readonly ? ['get', 'list', 'watch'] : ['*'])
      return {
        resource: own
          .filter(({ resource }) => resource)
          .map((one) => ({ verbs: verbs(one), apiGroups: [one.apiGroup], resources: [one.resource] })),
        nonResource: own
          .filter(({ nonResourcePath }) => nonResourcePath)
          .map((one) => ({ verbs: verbs(one), nonResourceURLs: [one.nonResourcePath] })),
      }
    },
  }
}

const reads = new Set(['get', 'list', 'watch'])

function matches(policy: AbacPolicy, attributes: Attributes): boolean {
  const { user, verb, isResource, path, namespace, resource, group } = attributes
  if (!isSubject(policy, user) || (policy.readonly && !reads.has(verb))) return false
  if (!isResource) return policy.nonResourcePath !== '' && urlMatches(policy.nonResourcePath, path)
  return is(policy.namespace, namespace) && is(policy.resource, resource) && is(policy.apiGroup, group)
}

function is(wanted: string, value: string): boolean {
  return wanted === '*' || wanted === value
}

/** Where both are named, both must hold. */
function isSubject({ user, group }: AbacPolicy, { name, groups }: User): boolean {
  if (user && user !== name) return false
  if (group && !groups.includes(group)) return false
  return user !== '' || group !== ''
}

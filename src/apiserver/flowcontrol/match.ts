/** Whether a rule of a flow schema means a request (upstream `util/flowcontrol/rule.go`). */
import type {
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from '#api/flowcontrol/v1/flow-schema.ts'
import type { RequestInfo, User } from '../request.ts'

/** The rules that are about this user: what is asked once per user. */
export function rulesFor(rules: readonly PolicyRulesWithSubjects[] = [], user: User): readonly PolicyRulesWithSubjects[] {
  return rules.filter(({ subjects }) => subjects.some((subject) => isSubject(subject, user)))
}

export function rulesMatch(rules: readonly PolicyRulesWithSubjects[], info: RequestInfo): boolean {
  for (const { resourceRules = [], nonResourceRules = [] } of rules) {
    const isOne = info.isResource
      ? resourceRules.some((rule) => matchesResource(rule, info))
      : nonResourceRules.some((rule) => matchesPath(rule, info))
    if (isOne) return true
  }
  return false
}

function isSubject({ kind, user: named, group, serviceAccount }: Subject, user: User): boolean {
  switch (kind) {
    case 'User':
      return named?.name === '*' || named?.name === user.name
    case 'Group':
      return group?.name === '*' || user.groups.includes(group?.name ?? '')
    case 'ServiceAccount': {
      const prefix = `system:serviceaccount:${serviceAccount?.namespace}:`
      return serviceAccount?.name === '*' ? user.name.startsWith(prefix) : user.name === `${prefix}${serviceAccount?.name}`
    }
    default:
      return false
  }
}

/** A `*` stands alone, which validation sees to. */
function holds(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list[0] === '*' || list.includes(value))
}

function matchesResource(rule: ResourcePolicyRule, { verb, resource, subresource, group, namespace }: RequestInfo): boolean {
  if (!holds(rule.verbs, verb) || !holds(rule.apiGroups, group)) return false
  if (!holds(rule.resources, subresource ? `${resource}/${subresource}` : resource)) return false
  return namespace === '' ? rule.clusterScope === true : holds(rule.namespaces, namespace)
}

function matchesPath({ verbs, nonResourceURLs }: NonResourcePolicyRule, { verb, path }: RequestInfo): boolean {
  if (!holds(verbs, verb)) return false
  return nonResourceURLs.some((url) => {
    if (url === '*' || url === path) return true
    const prefix = url.endsWith('*') ? url.slice(0, -1) : url
    return path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`)
  })
}

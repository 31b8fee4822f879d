/** RBAC: roles bound to users, groups and service accounts (upstream `plugin/pkg/auth/authorizer/rbac`). */
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import { type PolicyRule, Role } from '#api/rbac/v1/role.ts'
import { RoleBinding, type RoleRef } from '#api/rbac/v1/role-binding.ts'
import { notFound, type StatusError } from '#schema/status-error.ts'
import type { Lister } from '../admission/plugin.ts'
import type { User } from '../request.ts'
import type { Authorizer, Decision, PolicyRuleView } from './authorizer.ts'
import { type Grant, RbacIndex } from './rbac-index.ts'
import { rulesAllow } from './rule-match.ts'

export function rbacAuthorizer({ lister }: { lister: Lister }): Authorizer {
  const resolver = ruleResolver(lister)
  return {
    name: 'rbac',
    authorize(attributes) {
      const grants = resolver.grants(attributes.user, attributes.isResource ? attributes.namespace : '')
      for (const grant of grants) if (!grant.error && rulesAllow(grant.rules, attributes)) return grant.allowed
      const errors = grants.flatMap(({ error }) => (error ? [error.message] : []))
      return errors.length > 0 ? { verdict: 'noOpinion', reason: `RBAC: ${aggregate(errors)}` } : { verdict: 'noOpinion' }
    },
    rules(user, namespace) {
      const { rules, errors } = resolver.rulesFor(user, namespace)
      return {
        resource: rules.filter(isResourceRule).map(view),
        nonResource: rules.filter((rule) => !isResourceRule(rule)).map(view),
        ...(errors.length > 0 && { incomplete: aggregate(errors.map(({ message }) => message)) }),
      }
    },
  }
}

/** Rules that a user has by one of his bindings, or why they cannot be told. */
export interface GrantedRules {
  readonly rules: readonly PolicyRule[]
  readonly error?: StatusError
  /** What is decided where they cover a request: `RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to User "u"`. */
  readonly allowed: Decision
}

export interface RuleResolver {
  /** Cluster-wide bindings first, then those of the namespace. */
  grants(user: User, namespace: string): readonly GrantedRules[]
  /** All rules of a user in a namespace ('' for the cluster), and what stood in the way of resolving some. */
  rulesFor(user: User, namespace: string): { readonly rules: readonly PolicyRule[]; readonly errors: readonly StatusError[] }
  /** The rules of a role; throws NotFound. */
  roleRules(ref: RoleRef, namespace: string): readonly PolicyRule[]
}

const resolvers = new WeakMap<Lister, RuleResolver>()

/** One per lister, so that everybody shares what it remembers. */
export function ruleResolver(lister: Lister): RuleResolver {
  const known = resolvers.get(lister)
  if (known) return known
  const index = new RbacIndex(lister)
  const remember = memory(lister)
  const resolver: RuleResolver = {
    grants: (user, namespace) =>
      remember(user, namespace, () => {
        const everywhere = index.clusterGrants(user).map((grant) => granted(lister, grant, ''))
        if (!namespace) return everywhere
        return [...everywhere, ...index.namespaceGrants(user, namespace).map((grant) => granted(lister, grant, namespace))]
      }),
    rulesFor(user, namespace) {
      const found = resolver.grants(user, namespace)
      return { rules: found.flatMap(({ rules }) => rules), errors: found.flatMap(({ error }) => (error ? [error] : [])) }
    },
    roleRules(ref, namespace) {
      const { rules, error } = roleRules(lister, ref, namespace)
      if (error) throw error
      return rules
    },
  }
  resolvers.set(lister, resolver)
  return resolver
}

/** Users in namespaces whose grants are kept; they are worked out anew when there were more, or when any role or binding changed. */
const remembered = 10_000
const rememberedNamespaces = 1_000

/** Whoever asks chooses namespaces and, by impersonation, names: what is longer than any real one is worked out each time. */
const longestKey = 2048

type Remember = (user: User, namespace: string, make: () => readonly GrantedRules[]) => readonly GrantedRules[]

/** By the user's name and groups; and by the object, which connections and components keep, since that asks for no text. */
function memory(lister: Lister): Remember {
  if (!lister.onChange) return (_user, _namespace, make) => make()
  const byName = new Map<string, readonly GrantedRules[]>()
  let byUser = new WeakMap<User, Map<string, readonly GrantedRules[]>>()
  const forget = () => {
    byName.clear()
    byUser = new WeakMap()
  }
  for (const kind of [ClusterRole, ClusterRoleBinding, Role, RoleBinding]) lister.onChange(kind, forget)
  const named: Remember = (user, namespace, make) => {
    const key = `${namespace}\0\0${user.name}\0${user.groups.join('\0')}`
    const found = byName.get(key) ?? make()
    if (byName.size >= remembered) byName.clear()
    if (key.length <= longestKey) byName.set(key, found)
    return found
  }
  return (user, namespace, make) => {
    let own = byUser.get(user)
    if (!own || own.size >= rememberedNamespaces) byUser.set(user, (own = new Map()))
    let found = own.get(namespace)
    if (!found) own.set(namespace, (found = named(user, namespace, make)))
    return found
  }
}

function granted(lister: Lister, grant: Grant, namespace: string): GrantedRules {
  const { rules, error } = roleRules(lister, grant.binding.roleRef, namespace)
  const allowed: Decision = { verdict: 'allow', reason: `RBAC: allowed by ${describe(grant, namespace)}` }
  return { rules, ...(error && { error }), allowed }
}

function roleRules(
  lister: Lister,
  { kind, name }: RoleRef,
  namespace: string,
): { rules: readonly PolicyRule[]; error?: StatusError } {
  const role = kind === 'Role' ? lister.get(Role, name, namespace) : lister.get(ClusterRole, name)
  if (role) return { rules: role.rules ?? [] }
  return { rules: [], error: notFound({ group: 'rbac.authorization.k8s.io', plural: kind.toLowerCase() }, name) }
}

function describe({ binding, subject }: Grant, namespace: string): string {
  const { name } = binding.metadata
  const which = namespace ? `RoleBinding ${JSON.stringify(`${name}/${namespace}`)}` : `ClusterRoleBinding ${JSON.stringify(name)}`
  const of = `${binding.roleRef.kind} ${JSON.stringify(binding.roleRef.name)}`
  return `${which} of ${of} to ${describeSubject(subject, namespace)}`
}

function describeSubject({ kind, name, namespace }: Grant['subject'], bindingNamespace: string): string {
  const full = kind === 'ServiceAccount' ? `${name}/${namespace || bindingNamespace}` : name
  return `${kind} ${JSON.stringify(full)}`
}

/** Go's `utilerrors.Aggregate`: each text once, several in brackets. */
export function aggregate(messages: readonly string[]): string {
  const unique = [...new Set(messages)]
  return unique.length === 1 ? (unique[0] as string) : `[${unique.join(', ')}]`
}

function isResourceRule({ resources }: PolicyRule): boolean {
  return (resources?.length ?? 0) > 0
}

function view({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): PolicyRuleView {
  return {
    verbs,
    ...(apiGroups && { apiGroups }),
    ...(resources && { resources }),
    ...(resourceNames && { resourceNames }),
    ...(nonResourceURLs && { nonResourceURLs }),
  }
}

/** RBAC: roles bound to users, groups and service accounts (upstream `plugin/pkg/auth/authorizer/rbac`). */
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import { type PolicyRule, Role } from '#api/rbac/v1/role.ts'
import { RoleBinding, type RoleRef } from '#api/rbac/v1/role-binding.ts'
import { notFound, type StatusError } from '#schema/status-error.ts'
import type { Lister } from '../admission/plugin.ts'
import type { User } from '../request.ts'
import type { Authorizer, PolicyRuleView } from './authorizer.ts'
import { type Grant, RbacIndex } from './rbac-index.ts'
import { rulesAllow } from './rule-match.ts'

export function rbacAuthorizer({ lister }: { lister: Lister }): Authorizer {
  const resolver = ruleResolver(lister)
  return {
    name: 'rbac',
    authorize(attributes) {
      const errors: string[] = []
      for (const { rules, error, describe } of resolver.grants(
        attributes.user,
        attributes.isResource ? attributes.namespace : '',
      )) {
        if (error) errors.push(error.message)
        else if (rulesAllow(rules, attributes)) return { verdict: 'allow', reason: `RBAC: allowed by ${describe()}` }
      }
      return errors.length > 0 ? { verdict: 'noOpinion', reason: `RBAC: ${aggregate(errors)}` } : { verdict: 'noOpinion' }
    },
    rules(user, namespace) {
      const { rules } = resolver.rulesFor(user, namespace)
      return {
        resource: rules.filter(isResourceRule).map(view),
        nonResource: rules.filter((rule) => !isResourceRule(rule)).map(view),
      }
    },
  }
}

/** Rules that a user has by one of his bindings, or why they cannot be told. */
export interface GrantedRules {
  readonly rules: readonly PolicyRule[]
  readonly error?: StatusError
  /** `ClusterRoleBinding "b" of ClusterRole "r" to User "u"`. */
  describe(): string
}

export interface RuleResolver {
  /** Cluster-wide bindings first, then those of the namespace. */
  grants(user: User, namespace: string): Iterable<GrantedRules>
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
    *grants(user, namespace) {
      const who = `${user.name}\0${user.groups.join('\0')}`
      yield* remember(who, () => index.clusterGrants(user).map((grant) => granted(lister, grant, '')))
      if (!namespace) return
      yield* remember(`${namespace}\0\0${who}`, () =>
        index.namespaceGrants(user, namespace).map((grant) => granted(lister, grant, namespace)),
      )
    },
    rulesFor(user, namespace) {
      const found = [...resolver.grants(user, namespace)]
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

/** Users whose grants are kept; they are worked out anew when there were more, or when any role or binding changed. */
const rememberedUsers = 10_000

/** Whoever asks chooses namespaces and, by impersonation, names: what is longer than any real one is worked out each time. */
const longestKey = 2048

type Remember = (key: string, make: () => GrantedRules[]) => readonly GrantedRules[]

function memory(lister: Lister): Remember {
  if (!lister.onChange) return (_, make) => make()
  const grants = new Map<string, readonly GrantedRules[]>()
  for (const kind of [ClusterRole, ClusterRoleBinding, Role, RoleBinding]) lister.onChange(kind, () => grants.clear())
  return (key, make) => {
    let found = grants.get(key)
    if (!found) {
      if (grants.size >= rememberedUsers) grants.clear()
      found = make()
      if (key.length <= longestKey) grants.set(key, found)
    }
    return found
  }
}

function granted(lister: Lister, grant: Grant, namespace: string): GrantedRules {
  let text: string | undefined
  const { rules, error } = roleRules(lister, grant.binding.roleRef, namespace)
  return { rules, ...(error && { error }), describe: () => (text ??= describe(grant, namespace)) }
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

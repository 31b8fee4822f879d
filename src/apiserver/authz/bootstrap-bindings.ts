/** Bindings, and roles of single namespaces, that every cluster starts with (upstream `bootstrappolicy/{policy,namespace_policy}.go`). */
import type { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import type { Role } from '#api/rbac/v1/role.ts'
import type { RoleBinding, Subject } from '#api/rbac/v1/role-binding.ts'
import type { Draft } from '#schema/words.ts'
import { eventsRule, groups as g, read, rule } from './bootstrap-rules.ts'

const apiGroup = 'rbac.authorization.k8s.io'

const group = (name: string): Subject => ({ kind: 'Group', apiGroup, name })
const user = (name: string): Subject => ({ kind: 'User', apiGroup, name })
const account = (namespace: string, name: string): Subject => ({ kind: 'ServiceAccount', name, namespace })

const scheduler = user('system:kube-scheduler')
const controllerManager = user('system:kube-controller-manager')

export function bootstrapClusterRoleBindings(): Draft<ClusterRoleBinding>[] {
  return [
    clusterBinding('cluster-admin', group('system:masters')),
    clusterBinding('system:monitoring', group('system:monitoring')),
    clusterBinding('system:discovery', group('system:authenticated')),
    clusterBinding('system:basic-user', group('system:authenticated')),
    clusterBinding('system:public-info-viewer', group('system:authenticated'), group('system:unauthenticated')),
    clusterBinding('system:node-proxier', user('system:kube-proxy')),
    clusterBinding('system:kube-controller-manager', controllerManager),
    clusterBinding('system:kube-dns', account('kube-system', 'kube-dns')),
    clusterBinding('system:kube-scheduler', scheduler),
    clusterBinding('system:volume-scheduler', scheduler),
    // Bound to nobody: nodes are the Node authorizer's.
    clusterBinding('system:node'),
    clusterBinding('system:service-account-issuer-discovery', group('system:serviceaccounts')),
  ]
}

/** A cluster role bound under its own name. */
export function clusterBinding(name: string, ...subjects: Subject[]): Draft<ClusterRoleBinding> {
  return { metadata: { name }, subjects, roleRef: { apiGroup, kind: 'ClusterRole', name } }
}

/** The role and the binding of one controller, as upstream's `controllerRoles` have them. */
export function controllerRole(name: string, rules: ReturnType<typeof rule>[]) {
  const full = `system:controller:${name}`
  return {
    role: { metadata: { name: full }, rules: [...rules, eventsRule()] },
    binding: clusterBinding(full, account('kube-system', name)),
  }
}

export function bootstrapRoles(): Draft<Role>[] {
  const role = (namespace: string, name: string, ...rules: ReturnType<typeof rule>[]) => ({
    metadata: { name, namespace },
    rules,
  })
  const locking = (name: string) => [rule('watch', g.core, 'configmaps'), rule('get update', g.core, 'configmaps', [name])]
  return [
    role(
      'kube-system',
      'extension-apiserver-authentication-reader',
      rule(read, g.core, 'configmaps', ['extension-apiserver-authentication']),
    ),
    role('kube-system', 'system:controller:bootstrap-signer', rule(read, g.core, 'secrets')),
    role('kube-system', 'system:controller:cloud-provider', rule(`create ${read}`, g.core, 'configmaps')),
    role('kube-system', 'system:controller:token-cleaner', rule(`${read} delete`, g.core, 'secrets'), eventsRule()),
    role('kube-system', 'system::leader-locking-kube-controller-manager', ...locking('kube-controller-manager')),
    role('kube-system', 'system::leader-locking-kube-scheduler', ...locking('kube-scheduler')),
    role(
      'kube-public',
      'system:controller:bootstrap-signer',
      rule(read, g.core, 'configmaps'),
      rule('update', g.core, 'configmaps', ['cluster-info']),
      eventsRule(),
    ),
  ]
}

export function bootstrapRoleBindings(): Draft<RoleBinding>[] {
  const binding = (namespace: string, name: string, role: string, ...subjects: Subject[]): Draft<RoleBinding> => ({
    metadata: { name, namespace },
    subjects,
    roleRef: { apiGroup, kind: 'Role', name: role },
  })
  const reader = 'extension-apiserver-authentication-reader'
  const controller = (name: string) =>
    binding('kube-system', `system:controller:${name}`, `system:controller:${name}`, account('kube-system', name))
  const locking = (name: string, subject: Subject) => {
    const full = `system::leader-locking-${name}`
    return binding('kube-system', full, full, subject, account('kube-system', name))
  }
  return [
    binding('kube-system', `system::${reader}`, reader, controllerManager, scheduler),
    locking('kube-controller-manager', controllerManager),
    locking('kube-scheduler', scheduler),
    controller('bootstrap-signer'),
    controller('cloud-provider'),
    controller('token-cleaner'),
    binding(
      'kube-public',
      'system:controller:bootstrap-signer',
      'system:controller:bootstrap-signer',
      account('kube-system', 'bootstrap-signer'),
    ),
  ]
}

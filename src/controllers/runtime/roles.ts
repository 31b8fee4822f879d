/** What a controller declares, read as the rules of its ClusterRole `system:controller:<account>`. */
import type { PolicyRule } from '#api/rbac/v1/role.ts'
import type { Kind } from '#schema/kind.ts'
import type { Controller } from './controller.ts'

/** Every kind that the controller needs a cache of. */
export function kindsRead({ for: main, owns = [], reads = [], watches = [] }: Controller): readonly Kind[] {
  return [...new Set<Kind>([main, ...owns, ...reads, ...watches.map(({ kind }) => kind)])]
}

/** The least rights that let the controller do what it declares. */
export function rulesOf(controller: Controller): readonly PolicyRule[] {
  const { for: main, writes = [], grants = [] } = controller
  const read = kindsRead(controller).map((kind) => rule(kind.group, [kind.plural], ['get', 'list', 'watch']))
  const written = [...new Set<Kind>([main, ...writes])].flatMap((kind) => [
    ...(writes.includes(kind) ? [rule(kind.group, [kind.plural], ['create', 'update', 'patch', 'delete'])] : []),
    ...(kind.def.status ? [rule(kind.group, [`${kind.plural}/status`], ['update', 'patch'])] : []),
  ])
  // Owner references that block the owner's deletion ask for this right (OwnerReferencesPermissionEnforcement).
  const finalizers = rule(main.group, [`${main.plural}/finalizers`], ['update'])
  const events = { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] }
  const granted = grants.map(({ groups, resources, verbs, names }) => ({
    apiGroups: [...groups],
    resources: [...resources],
    verbs: [...verbs],
    ...(names && { resourceNames: [...names] }),
  }))
  return [...read, ...written, finalizers, events, ...granted]
}

/** The service account that the controller works as. */
export function accountOf({ name, account = name }: Controller): string {
  return account
}

/** Account -> rules of its ClusterRole `system:controller:<account>`; controllers that share an account share its role. */
export function rolesOf(controllers: readonly Controller[]): ReadonlyMap<string, readonly PolicyRule[]> {
  const roles = new Map<string, PolicyRule[]>()
  for (const controller of controllers) {
    const account = accountOf(controller)
    roles.set(account, [...(roles.get(account) ?? []), ...rulesOf(controller)])
  }
  return roles
}

function rule(group: string, resources: string[], verbs: string[]): PolicyRule {
  return { apiGroups: [group], resources, verbs }
}

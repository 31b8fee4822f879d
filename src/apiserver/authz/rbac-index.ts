/** Finds the bindings of a user without looking through all of them: an index by subject, rebuilt when bindings change. */
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import { RoleBinding, type Subject } from '#api/rbac/v1/role-binding.ts'
import type { Lister } from '../admission/plugin.ts'
import { splitServiceAccountUsername } from '../authn/service-account-user.ts'
import type { User } from '../request.ts'

export type Binding = ClusterRoleBinding | RoleBinding

/** A binding, and its first subject that the user is. */
export interface Grant {
  readonly binding: Binding
  readonly subject: Subject
}

type Index = ReadonlyMap<string, readonly Grant[]>

export class RbacIndex {
  #lister: Lister
  #cluster: Index | undefined
  #namespaces = new Map<string, Index>()

  constructor(lister: Lister) {
    this.#lister = lister
    lister.onChange?.(ClusterRoleBinding, () => {
      this.#cluster = undefined
    })
    lister.onChange?.(RoleBinding, (namespace) => (namespace ? this.#namespaces.delete(namespace) : this.#namespaces.clear()))
  }

  clusterGrants(user: User): Grant[] {
    return grantsOf((this.#cluster = this.#known(this.#cluster) ?? indexOf(this.#lister.list(ClusterRoleBinding))), user)
  }

  namespaceGrants(user: User, namespace: string): Grant[] {
    let index = this.#known(this.#namespaces.get(namespace))
    if (!index) {
      index = indexOf(this.#lister.list(RoleBinding, namespace))
      // Anybody may ask for any namespace: only those that have bindings are remembered.
      if (index.size > 0) this.#namespaces.set(namespace, index)
    }
    return grantsOf(index, user)
  }

  /** Nothing is known for longer than a moment where nobody tells of changes. */
  #known(index: Index | undefined): Index | undefined {
    return this.#lister.onChange ? index : undefined
  }
}

function indexOf(bindings: readonly Binding[]): Index {
  const index = new Map<string, Grant[]>()
  for (const binding of bindings) {
    for (const subject of binding.subjects ?? []) {
      const key = subjectKey(subject, binding.metadata.namespace)
      const grants = index.get(key)
      if (grants) grants.push({ binding, subject })
      else index.set(key, [{ binding, subject }])
    }
  }
  return index
}

/** A service account without a namespace is one of the binding's own. */
function subjectKey({ kind, name, namespace }: Subject, bindingNamespace = ''): string {
  return kind === 'ServiceAccount' ? `ServiceAccount ${namespace || bindingNamespace} ${name}` : `${kind} ${name}`
}

/** In the order of the bindings' names; each binding once. */
function grantsOf(index: Index, user: User): Grant[] {
  const account = splitServiceAccountUsername(user.name)
  const keys = [
    `User ${user.name}`,
    ...(account ? [`ServiceAccount ${account.namespace} ${account.name}`] : []),
    ...user.groups.map((group) => `Group ${group}`),
  ]
  const found = new Map<Binding, Grant>()
  for (const key of keys) {
    for (const grant of index.get(key) ?? []) if (!found.has(grant.binding)) found.set(grant.binding, grant)
  }
  return [...found.values()].sort((a, b) => (a.binding.metadata.name < b.binding.metadata.name ? -1 : 1))
}

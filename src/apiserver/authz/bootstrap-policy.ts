/** Keeps the roles and bindings that a cluster cannot do without (upstream `bootstrappolicy` and `component-helpers/auth/rbac/reconciliation`). */
import { isDeepStrictEqual } from 'node:util'
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import { type PolicyRule, Role } from '#api/rbac/v1/role.ts'
import { RoleBinding, type Subject } from '#api/rbac/v1/role-binding.ts'
import { type Client, edit } from '#client/client.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { StatusError } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import { bootstrapClusterRoleBindings, bootstrapRoleBindings, bootstrapRoles } from './bootstrap-bindings.ts'
import { bootstrapClusterRoles } from './bootstrap-cluster-roles.ts'
import { uncovered } from './rule-cover.ts'

export interface BootstrapPolicy {
  readonly clusterRoles: readonly Draft<ClusterRole>[]
  readonly clusterRoleBindings: readonly Draft<ClusterRoleBinding>[]
  readonly roles: readonly Draft<Role>[]
  readonly roleBindings: readonly Draft<RoleBinding>[]
}

/** Upstream's policy with more roles beside it, such as those of our controllers (`controllerRole`). */
export function bootstrapPolicy(extra: Partial<BootstrapPolicy> = {}): BootstrapPolicy {
  return {
    clusterRoles: [...bootstrapClusterRoles(), ...(extra.clusterRoles ?? [])].map(marked),
    clusterRoleBindings: [...bootstrapClusterRoleBindings(), ...(extra.clusterRoleBindings ?? [])].map(marked),
    roles: [...bootstrapRoles(), ...(extra.roles ?? [])].map(marked),
    roleBindings: [...bootstrapRoleBindings(), ...(extra.roleBindings ?? [])].map(marked),
  }
}

const autoupdate = 'rbac.authorization.kubernetes.io/autoupdate'

function marked<T extends Draft<KubeObject>>(object: T): T {
  const { metadata } = object
  return {
    ...object,
    metadata: {
      ...metadata,
      labels: { ...metadata?.labels, 'kubernetes.io/bootstrapping': 'rbac-defaults' },
      annotations: { ...metadata?.annotations, [autoupdate]: 'true' },
    },
  }
}

/**
 * Guarantees: creates what is missing, adds rules and subjects that are missing, and takes nothing away; leaves alone what is
 * annotated `autoupdate: "false"`. Doing it twice, or being cut off in between, changes nothing about the outcome.
 * Assumes that the namespaces of roles exist.
 */
export async function reconcileBootstrapPolicy(client: Client, policy: BootstrapPolicy = bootstrapPolicy()): Promise<void> {
  for (const role of policy.clusterRoles) await reconcile(client, { kind: ClusterRole, wanted: role, merge: mergeClusterRole })
  for (const binding of policy.clusterRoleBindings) {
    await reconcile(client, { kind: ClusterRoleBinding, wanted: binding, merge: mergeBinding })
  }
  for (const role of policy.roles) await reconcile(client, { kind: Role, wanted: role, merge: mergeRules })
  for (const binding of policy.roleBindings) await reconcile(client, { kind: RoleBinding, wanted: binding, merge: mergeBinding })
}

type Merge<T> = (current: T, wanted: Draft<T>) => boolean | 'recreate'

interface Task<T extends KubeObject> {
  readonly kind: Kind<string, T>
  readonly wanted: Draft<T>
  /** Changes `current`, a copy; answers whether it did. */
  readonly merge: Merge<T>
}

async function reconcile<T extends KubeObject>(client: Client, task: Task<T>): Promise<void> {
  const { kind, wanted } = task
  const { name = '', namespace } = (wanted.metadata ?? {}) as { name?: string; namespace?: string }
  for (let attempt = 0; ; attempt++) {
    try {
      const current = await client.get(kind, { name, namespace }).catch(unlessMissing)
      if (!current) return void (await client.create(kind, wanted))
      return await adjust(client, current, task)
    } catch (error) {
      if (attempt >= 5 || !isRace(error)) throw error
    }
  }
}

async function adjust<T extends KubeObject>(client: Client, current: T, { kind, wanted, merge }: Task<T>): Promise<void> {
  if (current.metadata.annotations?.[autoupdate] === 'false') return
  if (isUntouched(current, wanted)) return
  const changed = edit(current)
  const verdict = merge(changed, wanted)
  if (verdict === 'recreate') {
    const { uid } = current.metadata
    await client.delete(kind, current, { preconditions: { uid } })
    await client.create(kind, wanted)
  } else if (mergeMetadata(changed, wanted) || verdict) {
    await client.update(kind, changed as Draft<T>)
  }
}

/** What is as we made it, as nearly all of it is at nearly every start, needs no closer look. */
function isUntouched<T extends KubeObject>(current: T, wanted: Draft<T>): boolean {
  return Object.entries(wanted).every(([field, value]) => {
    if (field !== 'metadata') return isDeepStrictEqual(current[field as keyof T], value)
    const { labels, annotations } = value as Partial<KubeObject['metadata']>
    const { metadata } = current
    return (
      Object.keys(labels ?? {}).every((key) => metadata.labels?.[key] !== undefined) &&
      Object.keys(annotations ?? {}).every((key) => metadata.annotations?.[key] !== undefined)
    )
  })
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof StatusError && error.reason === 'NotFound') return undefined
  throw error
}

function isRace(error: unknown): boolean {
  return error instanceof StatusError && ['Conflict', 'AlreadyExists', 'NotFound'].includes(error.reason)
}

/** What somebody else wrote wins over what we would. */
function mergeMetadata(current: KubeObject, { metadata: wanted }: Draft<KubeObject>): boolean {
  const { metadata } = current
  let changed = false
  for (const field of ['labels', 'annotations'] as const) {
    const added = Object.entries(wanted?.[field] ?? {}).filter(([key]) => metadata[field]?.[key] === undefined)
    if (added.length === 0) continue
    metadata[field] = { ...metadata[field], ...(Object.fromEntries(added) as Record<string, string>) }
    changed = true
  }
  return changed
}

function mergeRules(current: { rules: PolicyRule[] }, wanted: Draft<{ rules: PolicyRule[] }>): boolean {
  const missing = uncovered(current.rules ?? [], (wanted.rules ?? []) as PolicyRule[])
  if (missing.length === 0) return false
  const rules = ((wanted.rules ?? []) as PolicyRule[]).filter((rule) => uncovered(current.rules ?? [], [rule]).length > 0)
  current.rules = [...(current.rules ?? []), ...rules]
  return true
}

/** An aggregated role's rules are the aggregation controller's; ours are only its selectors. */
function mergeClusterRole(current: ClusterRole, wanted: Draft<ClusterRole>): boolean {
  const selectors = (wanted.aggregationRule?.clusterRoleSelectors ?? []) as NonNullable<
    ClusterRole['aggregationRule']
  >['clusterRoleSelectors'] & {}
  if (selectors.length === 0) return mergeRules(current, wanted as Draft<{ rules: PolicyRule[] }>)
  const present = current.aggregationRule?.clusterRoleSelectors ?? []
  const known = new Set(present.map((selector) => JSON.stringify(selector)))
  const missing = selectors.filter((selector) => !known.has(JSON.stringify(selector)))
  if (missing.length === 0) return false
  current.aggregationRule = { ...current.aggregationRule, clusterRoleSelectors: [...present, ...missing] }
  return true
}

/** A binding's role cannot be changed, so one to another role is made anew. */
function mergeBinding(
  current: ClusterRoleBinding | RoleBinding,
  wanted: Draft<ClusterRoleBinding | RoleBinding>,
): boolean | 'recreate' {
  const { roleRef } = current
  if (roleRef.kind !== wanted.roleRef?.kind || roleRef.name !== wanted.roleRef?.name) return 'recreate'
  const present = new Set((current.subjects ?? []).map(subjectKey))
  const missing = ((wanted.subjects ?? []) as Subject[]).filter((subject) => !present.has(subjectKey(subject)))
  if (missing.length === 0) return false
  current.subjects = [...(current.subjects ?? []), ...missing]
  return true
}

function subjectKey({ kind, name, namespace = '' }: Subject): string {
  return JSON.stringify([kind, name, namespace])
}

export { controllerRole } from './bootstrap-bindings.ts'

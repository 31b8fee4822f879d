/** Guards roles and bindings: who writes them must hold what they grant (upstream `registry/rbac/.../policybased`). */
import type { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import type { PolicyRule } from '#api/rbac/v1/role.ts'
import type { RoleBinding } from '#api/rbac/v1/role-binding.ts'
import type { Attributes } from '../authz/authorizer.ts'
import { escalation } from '../authz/escalation.ts'
import { ruleResolver } from '../authz/rbac.ts'
import { systemMasters } from '../authz/system-masters.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from './plugin.ts'
import { refuse } from './refuse.ts'

const group = 'rbac.authorization.k8s.io'

export const rbacEscalation: AdmissionPlugin = {
  name: 'RBACEscalation',
  handles: ({ operation, kind }) => kind.group === group && (operation === 'CREATE' || operation === 'UPDATE'),
  async validate(request, context) {
    if (request.user.groups.includes(systemMasters) || isOnlyGarbageCollection(request)) return
    if (/rolebindings$/.test(request.kind.plural)) await checkBinding(request, context)
    else await checkRole(request, context)
  },
}

/** The garbage collector must be able to take owners and finalizers off without holding the role. */
function isOnlyGarbageCollection({ object, old }: AdmissionRequest): boolean {
  return old !== undefined && canonical(withoutBookkeeping(object)) === canonical(withoutBookkeeping(old))
}

function withoutBookkeeping({ metadata, ...rest }: any): object {
  const { ownerReferences, finalizers, managedFields, resourceVersion, ...kept } = metadata ?? {}
  return { ...rest, metadata: kept }
}

/** JSON with sorted keys, so that equal objects have equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each) =>
    each && typeof each === 'object' && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  )
}

async function checkRole(request: AdmissionRequest, context: AdmissionContext): Promise<void> {
  const role = request.object as ClusterRole
  const { old } = request
  if (old && canonical([role.rules, role.aggregationRule]) === canonical([old.rules, old.aggregationRule])) return
  if (await mayDo(request, context, { verb: 'escalate', resource: request.kind.plural, name: nameOf(request) })) return
  const why = escalation(request.user, role.rules ?? [], { lister: context.lister, namespace: request.namespace })
  if (why) throw refuse(request, why)
  if (!hasAggregation(role) && !hasAggregation(old)) return
  if (escalation(request.user, everything, { lister: context.lister, namespace: '' })) {
    throw refuse(request, 'must have cluster-admin privileges to use an aggregationRule')
  }
}

/** An aggregated role can gather any rule there is. */
const everything: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

function hasAggregation(role: ClusterRole | undefined): boolean {
  return (role?.aggregationRule?.clusterRoleSelectors?.length ?? 0) > 0
}

async function checkBinding(request: AdmissionRequest, context: AdmissionContext): Promise<void> {
  const { roleRef } = request.object as RoleBinding
  const resource = roleRef.kind === 'Role' ? 'roles' : 'clusterroles'
  if (await mayDo(request, context, { verb: 'bind', resource, name: roleRef.name })) return
  const rules = ruleResolver(context.lister).roleRules(roleRef, request.namespace)
  const why = escalation(request.user, rules, { lister: context.lister, namespace: request.namespace })
  if (why) throw refuse(request, why)
}

function nameOf({ name, object }: AdmissionRequest): string {
  return name || object?.metadata?.name || ''
}

async function mayDo(
  { user, namespace, kind }: AdmissionRequest,
  { authorizer }: AdmissionContext,
  asked: Pick<Attributes, 'verb' | 'resource' | 'name'>,
): Promise<boolean> {
  const attributes = { user, namespace, group, version: kind.version, isResource: true, path: '', subresource: '', ...asked }
  return (await authorizer.authorize(attributes)).verdict === 'allow'
}

/**
 * OwnerReferencesPermissionEnforcement: who may not delete an object may not have the garbage collector do it, by changing its owners;
 * who may not hold back an owner's deletion may not have a dependent do it (upstream `plugin/pkg/admission/gc`).
 */
import { semanticEqual } from '#schema/equal.ts'
import type { OwnerReference } from '#schema/object-meta.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from '../plugin.ts'
import { refuse } from '../refuse.ts'

export const ownerReferencesPermissionEnforcement: AdmissionPlugin = {
  name: 'OwnerReferencesPermissionEnforcement',
  handles: ({ operation, subresource, kind }) =>
    (operation === 'CREATE' || operation === 'UPDATE') &&
    !(kind.plural === 'pods' && kind.group === '' && subresource !== '' && subresource !== 'status'),
  validate(request, context) {
    const { object, old } = request
    const now: readonly OwnerReference[] = object?.metadata?.ownerReferences ?? []
    const before: readonly OwnerReference[] = old?.metadata?.ownerReferences ?? []
    if (!object?.metadata || (now.length === 0 && before.length === 0) || semanticEqual(now, before)) return
    return checkOwners({ now, before }, request, context)
  },
}

interface Owners {
  readonly now: readonly OwnerReference[]
  readonly before: readonly OwnerReference[]
}

async function checkOwners({ now, before }: Owners, request: AdmissionRequest, context: AdmissionContext): Promise<void> {
  const { operation, kind, subresource, namespace, name } = request
  if (operation === 'UPDATE') {
    const { group, version, plural } = kind
    const about = { verb: 'delete', group, version, resource: plural, subresource, namespace, name }
    const why = await refusal(about, request, context)
    if (why !== undefined) throw refuse(request, `cannot set an ownerRef on a resource you can't delete: ${why}, <nil>`)
  }
  const blocked = new Set(before.filter(({ blockOwnerDeletion }) => blockOwnerDeletion).map(({ uid }) => uid))
  for (const reference of now) {
    if (reference.blockOwnerDeletion && !blocked.has(reference.uid)) await checkBlocking(reference, request, context)
  }
}

async function checkBlocking(reference: OwnerReference, request: AdmissionRequest, context: AdmissionContext): Promise<void> {
  const what = "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on"
  const owner = context.kinds.byName(reference.apiVersion, reference.kind)
  if (!owner) {
    const found = `no matches for kind ${JSON.stringify(reference.kind)} in version ${JSON.stringify(reference.apiVersion)}`
    throw refuse(
      request,
      `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${reference.apiVersion} Kind ${reference.kind}: ${found}`,
    )
  }
  const about = {
    ...{ verb: 'update', group: owner.group, version: owner.version, resource: owner.plural, subresource: 'finalizers' },
    ...{ namespace: owner.namespaced ? request.namespace : '', name: reference.name },
  }
  const why = await refusal(about, request, context)
  if (why !== undefined) throw refuse(request, `${what}: ${why}, <nil>`)
}

interface Asked {
  readonly verb: string
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
}

/** The authorizer's reason; undefined where the user may. */
async function refusal(asked: Asked, { user }: AdmissionRequest, { authorizer }: AdmissionContext): Promise<string | undefined> {
  const { verdict, reason = '' } = await authorizer.authorize({ ...asked, user, isResource: true, path: '' })
  return verdict === 'allow' ? undefined : reason
}

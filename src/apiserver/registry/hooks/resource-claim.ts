/** Who may say what in claims for devices (upstream `pkg/registry/resource/utils.go`): access beside others, and each part of the status. */
import { Namespace } from '#api/core/v1/namespace.ts'
import { type AllocatedDeviceStatus, ResourceClaim, type ResourceClaimSpec } from '#api/resource/v1/resource-claim.ts'
import { ResourceClaimTemplate } from '#api/resource/v1/resource-claim-template.ts'
import { type FieldError, type Path, root } from '#schema/field-error.ts'
import { isDns1123Subdomain } from '#schema/formats.ts'
import { invalid } from '#schema/status-error.ts'
import { splitServiceAccountUsername } from '../../authn/service-account-user.ts'
import { forbiddenRequest } from '../../authz/authorize.ts'
import type { Attributes } from '../../authz/authorizer.ts'
import type { User } from '../../request.ts'
import { attributesFor } from '../../stages/authorize.ts'
import type { RegistryHook } from '../hooks.ts'
import { sameJson } from '../same-json.ts'
import type { WriteContext } from '../write-context.ts'

/**
 * Guarantees: only namespaces that are marked for it get devices that others use at the same time; the status of a claim is allocated,
 * reserved and reported on by those who were given that right, beside the right to its status (KEP-4817).
 */
export const resourceClaimHooks: readonly RegistryHook[] = [
  {
    kind: ResourceClaim,
    async beforeWrite({ spec }: ResourceClaim, old, context) {
      if (!old) refuse(context, adminErrors(spec, root.child('spec'), context))
    },
  },
  {
    kind: ResourceClaimTemplate,
    async beforeWrite({ spec }: ResourceClaimTemplate, old, context) {
      if (!old) refuse(context, adminErrors(spec.spec, root.child('spec', 'spec'), context))
    },
  },
  {
    kind: ResourceClaim,
    part: 'status',
    async beforeWrite(claim: ResourceClaim, old: ResourceClaim, context) {
      const granted = context.registry.gates.isOn('DRAResourceClaimGranularStatusAuthorization')
      refuse(context, [
        ...adminStatusErrors(claim, old, context),
        ...(granted ? await bindingErrors(claim, old, context) : []),
        ...(granted ? await driverErrors(claim, old, context) : []),
      ])
    },
  },
]

function refuse({ kind, name }: WriteContext, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(kind, name, errors)
}

const adminLabel = 'resource.kubernetes.io/admin-access'

/** Older versions have the field in the request itself. */
function adminErrors({ devices }: ResourceClaimSpec, at: Path, context: WriteContext): FieldError[] {
  const requests = (devices?.requests ?? []) as { adminAccess?: boolean; exactly?: { adminAccess?: boolean } }[]
  const index = requests.findIndex(({ exactly, adminAccess }) => exactly?.adminAccess || adminAccess)
  return index < 0 ? [] : unlessMarked(at.child('devices', 'requests').index(index).child('adminAccess'), context)
}

function adminStatusErrors({ status }: ResourceClaim, old: ResourceClaim, context: WriteContext): FieldError[] {
  const first = (one: ResourceClaim['status']) =>
    (one.allocation?.devices?.results ?? []).findIndex(({ adminAccess }) => adminAccess)
  const index = first(status)
  if (index < 0 || first(old.status) >= 0) return []
  return unlessMarked(root.child('status', 'allocation', 'devices', 'results').index(index).child('adminAccess'), context)
}

function unlessMarked(at: Path, { registry, namespace }: WriteContext): FieldError[] {
  if (registry.lister.get(Namespace, namespace)?.metadata.labels?.[adminLabel] === 'true') return []
  return [at.forbidden(`admin access to devices requires the \`${adminLabel}: true\` label on the containing namespace`)]
}

async function bindingErrors({ status }: ResourceClaim, old: ResourceClaim, context: WriteContext): Promise<FieldError[]> {
  const { allocation, reservedFor } = old.status
  if (sameJson(status.allocation, allocation) && sameJson(status.reservedFor ?? [], reservedFor ?? [])) return []
  const { request } = context
  const attributes = attributesFor(request, request.user, request.info.verb)
  const refusal = await refusalOf(context, { ...attributes, subresource: 'binding', namespace: '', name: '' })
  if (refusal === undefined) return []
  const right = `resource="resourceclaims/binding", verb="${attributes.verb}"`
  const what = 'changing status.allocation or status.reservedFor'
  return [root.child('status').forbidden(`${what} requires ${right} permission: ${refusal}`)]
}

/** Who works on the claim's own node needs less of a right than who may speak for any. */
async function driverErrors(claim: ResourceClaim, old: ResourceClaim, context: WriteContext): Promise<FieldError[]> {
  const { request } = context
  const attributes = attributesFor(request, request.user, request.info.verb)
  const isNear = isOnNode(request.user, nodeOf(claim))
  const verbs = [...(isNear ? ['associated-node'] : []), 'arbitrary-node'].map((where) => `${where}:${attributes.verb}`)
  const errors: FieldError[] = []
  for (const driver of changedDrivers(claim, old)) {
    let first: string | undefined
    for (const verb of verbs) {
      const refusal = await refusalOf(context, { ...attributes, verb, subresource: 'driver', name: driver })
      if (refusal === undefined) {
        first = undefined
        break
      }
      first ??= refusal
    }
    const right = `resource="resourceclaims/driver", verb="[${verbs.join(' ')}]"`
    if (first !== undefined) {
      errors.push(root.child('status', 'devices').forbidden(`changing status.devices requires ${right} permission: ${first}`))
    }
  }
  return errors
}

/** What an authorizer that allows it met on the way does not matter. */
async function refusalOf({ registry }: WriteContext, attributes: Attributes): Promise<string | undefined> {
  const { verdict, reason = '', error } = await registry.authorizer.authorize(attributes)
  if (verdict === 'allow') return undefined
  return forbiddenRequest(attributes, [error?.message, reason].filter(Boolean).join(': ')).message
}

/** Those of whose devices something was added, changed or taken away; sorted. */
function changedDrivers({ status }: ResourceClaim, old: ResourceClaim): string[] {
  const keyOf = ({ driver, pool, device, shareID = '' }: AllocatedDeviceStatus) => JSON.stringify([driver, pool, device, shareID])
  const before = new Map((old.status.devices ?? []).map((device) => [keyOf(device), device]))
  const changed = new Set<string>()
  for (const device of status.devices ?? []) {
    const key = keyOf(device)
    if (!sameJson(before.get(key), device)) changed.add(device.driver)
    before.delete(key)
  }
  for (const { driver } of before.values()) changed.add(driver)
  return [...changed].sort()
}

/** Where the allocation can be used, if that is one node. */
function nodeOf({ status }: ResourceClaim): string | undefined {
  const terms = status.allocation?.nodeSelector?.nodeSelectorTerms ?? []
  const [term] = terms
  if (terms.length !== 1 || !term || term.matchExpressions?.length || term.matchFields?.length !== 1) return undefined
  const [field] = term.matchFields
  if (field?.key !== 'metadata.name' || field.operator !== 'In' || field.values?.length !== 1) return undefined
  return field.values[0]
}

/** A service account whose token says so. */
function isOnNode({ name, extra }: User, node: string | undefined): boolean {
  if (!node || splitServiceAccountUsername(name) === undefined) return false
  const nodes = extra?.['authentication.kubernetes.io/node-name'] ?? []
  return nodes.length === 1 && nodes[0] === node && isDns1123Subdomain(node).length === 0
}

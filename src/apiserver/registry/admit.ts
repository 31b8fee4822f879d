/** Runs a write through the admission plugins, in the order of their list. */
import { decodeManaged } from '#schema/managed-fields.ts'
import type { ManagedFieldsEntry } from '#schema/object-meta.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from '../admission/plugin.ts'
import type { Registry } from './registry.ts'
import type { WriteContext } from './write-context.ts'

export interface Admitted {
  readonly operation: AdmissionRequest['operation']
  readonly object: any
  readonly old?: any
  /** The object's, once it has one. */
  readonly name?: string
}

/** Mutating plugins change `object` in place. */
export async function admitMutating(context: WriteContext, what: Admitted): Promise<void> {
  const base = admissionRequest(context, what)
  const services = servicesOf(context.registry)
  const before = what.object?.metadata?.managedFields
  let again = false
  const key = {}
  const want = () => void (again = true)
  const request = { ...base, reinvocation: { isSecond: false, key, want } }
  for (const plugin of handlers(context, request)) await plugin.mutate?.(request, services)
  if (again) {
    const second = { ...base, reinvocation: { isSecond: true, key, want } }
    for (const plugin of handlers(context, second)) await plugin.mutate?.(second, services)
  }
  const { metadata } = what.object ?? {}
  if (metadata && metadata.managedFields !== before) checkManagers(context, metadata, before)
}

/** Admission may change who manages what, but not break the record. */
function checkManagers(
  { warn }: WriteContext,
  metadata: { managedFields?: ManagedFieldsEntry[] },
  before: ManagedFieldsEntry[],
): void {
  try {
    decodeManaged(metadata.managedFields ?? [])
  } catch (error) {
    metadata.managedFields = before
    const cause = 'this could be caused by an outdated mutating admission controller; please fix your requests'
    warn(`.metadata.managedFields was in an invalid state after admission; ${cause}: ${(error as Error).message}`)
  }
}

export async function admitValidating(context: WriteContext, what: Admitted): Promise<void> {
  const request = admissionRequest(context, what)
  const services = servicesOf(context.registry)
  for (const plugin of handlers(context, request)) await plugin.validate?.(request, services)
}

function handlers({ registry }: WriteContext, request: AdmissionRequest): readonly AdmissionPlugin[] {
  return registry.admission.filter((plugin) => plugin.handles(request))
}

function admissionRequest(context: WriteContext, { operation, object, old, name }: Admitted): AdmissionRequest {
  const { kind, subresource, namespace, user, dryRun, options, warn } = context
  const ownName = name ?? context.name
  // A namespace's own requests happen in that namespace.
  const where = kind.plural === 'namespaces' && kind.group === '' ? ownName : namespace
  const base = { operation, kind, subresource, namespace: where, name: ownName, user, dryRun, object, options, warn }
  const { audit } = context.request
  return {
    ...base,
    ...(old !== undefined && { old }),
    ...(audit && { annotate: (key: string, value: string) => audit.annotate(key, value) }),
  }
}

const services = new WeakMap<Registry, AdmissionContext>()

function servicesOf(registry: Registry): AdmissionContext {
  let context = services.get(registry)
  if (!context) {
    const { lister, kinds, client, authorizer, serviceDialer, clock, random, onWebhook } = registry
    services.set(registry, (context = { lister, kinds, client, authorizer, serviceDialer, clock, random, onWebhook }))
  }
  return context
}

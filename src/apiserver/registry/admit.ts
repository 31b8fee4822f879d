/** Runs a write through the admission plugins, in the order of their list. */
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
  const request = admissionRequest(context, what)
  const services = servicesOf(context.registry)
  for (const plugin of handlers(context, request)) await plugin.mutate?.(request, services)
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
  return old === undefined ? base : { ...base, old }
}

const services = new WeakMap<Registry, AdmissionContext>()

function servicesOf(registry: Registry): AdmissionContext {
  let context = services.get(registry)
  if (!context) {
    const { lister, client, authorizer, clock, random } = registry
    services.set(registry, (context = { lister, client, authorizer, clock, random }))
  }
  return context
}

/** Runs a write through the admission plugins, in the order of their list. */
import { eachInTurn, type Soon, then } from '#lib/soon.ts'
import { decodeManaged } from '#schema/managed-fields.ts'
import type { ManagedFieldsEntry } from '#schema/object-meta.ts'
import { concernedBy } from '../admission/concerned.ts'
import type { AdmissionContext, AdmissionRequest } from '../admission/plugin.ts'
import type { StepOutcome } from '../publish/admission-instruments.ts'
import { writeTraceParent } from '../tracing/trace-context.ts'
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
export function admitMutating(context: WriteContext, what: Admitted): Soon<void> {
  return timed(context.registry, { type: 'admit', operation: what.operation }, () => mutate(context, what))
}

function mutate(context: WriteContext, what: Admitted): Soon<void> {
  const base = admissionRequest(context, what)
  const { mutating } = concernedBy(context.registry.admission, base)
  if (mutating.length === 0) return
  const services = servicesOf(context.registry)
  const before = what.object?.metadata?.managedFields
  let again = false
  const key = {}
  const want = () => void (again = true)
  const pass = (isSecond: boolean) => {
    const request = { ...base, reinvocation: { isSecond, key, want } }
    return eachInTurn(mutating, (mutate) => mutate(request, services))
  }
  const passes = then(pass(false), () => (again ? pass(true) : undefined))
  return then(passes, () => {
    const { metadata } = what.object ?? {}
    if (metadata && metadata.managedFields !== before) checkManagers(context, metadata, before)
  })
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

export function admitValidating(context: WriteContext, what: Admitted): Soon<void> {
  return timed(context.registry, { type: 'validate', operation: what.operation }, () => validate(context, what))
}

function timed({ onStep, clock }: Registry, step: Pick<StepOutcome, 'type' | 'operation'>, run: () => Soon<void>): Soon<void> {
  if (!onStep) return run()
  const began = clock.monotonic()
  const note = (isRejected: boolean) => onStep({ ...step, isRejected, seconds: (clock.monotonic() - began) / 1000 })
  const failed = (error: unknown) => {
    note(true)
    throw error
  }
  let done: Soon<void>
  try {
    done = run()
  } catch (error) {
    return failed(error)
  }
  if (!(done instanceof Promise)) return note(false)
  return done.then(() => note(false), failed)
}

function validate(context: WriteContext, what: Admitted): Soon<void> {
  const request = admissionRequest(context, what)
  const { validating } = concernedBy(context.registry.admission, request)
  if (validating.length === 0) return
  const services = servicesOf(context.registry)
  return eachInTurn(validating, (validate) => validate(request, services))
}

function admissionRequest(context: WriteContext, { operation, object, old, name }: Admitted): AdmissionRequest {
  const { kind, subresource, namespace, user, dryRun, options, warn } = context
  const ownName = name ?? context.name
  // A namespace's own requests happen in that namespace.
  const where = kind.plural === 'namespaces' && kind.group === '' ? ownName : namespace
  const { span } = context.request
  const trace = span && { traceparent: writeTraceParent(span.context) }
  const base = { operation, kind, subresource, namespace: where, name: ownName, user, dryRun, object, options, warn, ...trace }
  const { audit } = context.request
  const annotate = audit && ((key: string, value: string) => audit.annotate(key, value))
  if (old === undefined) return annotate ? { ...base, annotate } : base
  return annotate ? { ...base, old, annotate } : { ...base, old }
}

const services = new WeakMap<Registry, AdmissionContext>()

function servicesOf(registry: Registry): AdmissionContext {
  let context = services.get(registry)
  if (!context) {
    const { lister, kinds, gates, client, authorizer, serviceDialer, clock, random, onWebhook, onPolicyCheck } = registry
    context = { lister, kinds, gates, client, authorizer, serviceDialer, clock, random, onWebhook, onPolicyCheck }
    services.set(registry, context)
  }
  return context
}

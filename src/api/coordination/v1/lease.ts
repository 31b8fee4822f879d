/** Lease: who holds something, and since when; for leader election and heartbeats of nodes. */
import { nonNegative } from '#api/core/v1/validation/checks.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isQualifiedName } from '#schema/formats.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int32, microTime, object, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const leaseSpec = object('io.k8s.api.coordination.v1.LeaseSpec', {
  holderIdentity: pointer(1, string(), { doc: 'Who holds it.' }),
  leaseDurationSeconds: pointer(2, int32(), { doc: 'Seconds after the last renewal until others may take it.' }),
  acquireTime: pointer(3, microTime(), { doc: 'When the holder got it.' }),
  renewTime: pointer(4, microTime(), { doc: 'When it was last renewed.' }),
  leaseTransitions: pointer(5, int32(), { doc: 'How often the holder changed.' }),
  strategy: pointer(6, string(), { doc: 'How a leader is picked.' }),
  preferredHolder: pointer(7, string(), { doc: 'Who should take it over.' }),
})
export interface LeaseSpec extends TypeOf<typeof leaseSpec> {}
export const LeaseSpec: Schema<LeaseSpec> = leaseSpec

const kind = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  scope: 'Namespaced',
  doc: 'A lease says who holds something, such as leadership.',
  schemaName: 'io.k8s.api.coordination.v1.Lease',
  fields: {
    spec: always(2, LeaseSpec, { doc: 'The lease.' }),
  },
  createOnUpdate: true,
  requireVersion: true,
  /** The gate CoordinatedLeaderElection is off. */
  prepare({ spec }, old) {
    if (!old?.spec.strategy) delete spec.strategy
    if (!old?.spec.preferredHolder) delete spec.preferredHolder
  },
  validate({ spec }, at) {
    const here = at.child('spec')
    return [
      (spec.leaseDurationSeconds ?? 1) <= 0 &&
        here.child('leaseDurationSeconds').invalid(spec.leaseDurationSeconds, 'must be greater than 0'),
      ...nonNegative(spec.leaseTransitions, here.child('leaseTransitions')),
      ...(spec.strategy === undefined ? [] : strategyErrors(spec.strategy, here.child('strategy', 'strategy'))),
      spec.preferredHolder &&
        !spec.strategy &&
        here.child('preferredHolder').forbidden('may only be specified if `strategy` is defined'),
    ]
  },
  columns: [{ name: 'Holder', doc: 'Who holds the lease.', value: ({ spec }) => spec.holderIdentity ?? '' }, age],
})

function strategyErrors(strategy: string, at: Path): FieldError[] {
  if (strategy.includes('/')) return isQualifiedName(strategy).map((message) => at.invalid(strategy, message))
  return strategy === 'OldestEmulationVersion' ? [] : [at.notSupported(strategy, ['OldestEmulationVersion'])]
}

export interface Lease extends ObjectOf<typeof kind> {}
export const Lease: Kind<'Lease', Lease> = kind

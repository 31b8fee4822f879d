/** lease: Lease. */
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int32, microTime, object, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const leaseSpec = object('io.k8s.api.coordination.v1.LeaseSpec', {
  holderIdentity: pointer(1, string()),
  leaseDurationSeconds: pointer(2, int32()),
  acquireTime: pointer(3, microTime()),
  renewTime: pointer(4, microTime()),
  leaseTransitions: pointer(5, int32()),
  strategy: pointer(6, string(), {
    /* gate CoordinatedLeaderElection */
  }),
  preferredHolder: pointer(7, string(), {
    /* gate CoordinatedLeaderElection */
  }),
})
export interface LeaseSpec extends TypeOf<typeof leaseSpec> {}
export const LeaseSpec: Schema<LeaseSpec> = leaseSpec

const kind = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.coordination.v1.Lease',
  fields: {
    spec: always(2, LeaseSpec),
  },
})

export interface Lease extends ObjectOf<typeof kind> {}
export const Lease: Kind<'Lease', Lease> = kind

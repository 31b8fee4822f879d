/** ResourceRequirements: what something requests of a node, and what it may take at most. */
import { always, list, map, object, optional, quantity, type Schema, string, type TypeOf } from '#schema/words.ts'

const resourceClaim = object('io.k8s.api.core.v1.ResourceClaim', {
  name: always(1, string()),
  request: optional(2, string()),
})
export interface ResourceClaim extends TypeOf<typeof resourceClaim> {}
export const ResourceClaim: Schema<ResourceClaim> = resourceClaim

const resourceRequirements = object('io.k8s.api.core.v1.ResourceRequirements', {
  limits: optional(1, map(quantity()), { doc: 'The most that may be used.' }),
  requests: optional(2, map(quantity()), { doc: 'What is set aside.' }),
  claims: optional(3, list(ResourceClaim, { listType: 'map', mapKeys: ['name'] }), {
    doc: 'Claims of the pod that the container uses.',
  }),
})
export interface ResourceRequirements extends TypeOf<typeof resourceRequirements> {}
export const ResourceRequirements: Schema<ResourceRequirements> = resourceRequirements

const volumeResourceRequirements = object('io.k8s.api.core.v1.VolumeResourceRequirements', {
  limits: optional(1, map(quantity())),
  requests: optional(2, map(quantity())),
})
export interface VolumeResourceRequirements extends TypeOf<typeof volumeResourceRequirements> {}
export const VolumeResourceRequirements: Schema<VolumeResourceRequirements> = volumeResourceRequirements

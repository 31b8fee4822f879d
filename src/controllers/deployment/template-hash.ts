/** `pod-template-hash`: tells the ReplicaSets of a Deployment apart by what their pods look like. */
import type { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { semanticEqual as same } from '#schema/equal.ts'
import { canonical, hashOf } from '../canonical.ts'

export const hashLabel = 'pod-template-hash'

/**
 * A hash of the template's canonical JSON and the number of collisions so far. Upstream hashes a dump of Go structs,
 * which changes with its releases: the value is a name, and equality of templates is decided by `sameTemplate`.
 */
export function templateHash(template: PodTemplateSpec, collisionCount: number | undefined): string {
  return hashOf(canonical(template), ...(collisionCount === undefined ? [] : [`#${collisionCount}`]))
}

/** Whether both templates make the same pods; the hash label itself does not count. */
export function sameTemplate(a: PodTemplateSpec, b: PodTemplateSpec): boolean {
  return same(withoutHash(a), withoutHash(b))
}

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  if (!template.metadata?.labels?.[hashLabel]) return template
  const { [hashLabel]: _hash, ...labels } = template.metadata.labels
  return { ...template, metadata: { ...template.metadata, labels } }
}

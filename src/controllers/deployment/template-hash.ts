/** `pod-template-hash`: tells the ReplicaSets of a Deployment apart by what their pods look like. */
import type { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { semanticEqual as same } from '#schema/equal.ts'

export const hashLabel = 'pod-template-hash'

/** Letters and digits that make no words (`rand.SafeEncodeString`). */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

/**
 * FNV-1a over the template's canonical JSON and the number of collisions so far. Upstream hashes a dump of Go structs,
 * which changes with its releases: the value is a name, and equality of templates is decided by `sameTemplate`.
 */
export function templateHash(template: PodTemplateSpec, collisionCount: number | undefined): string {
  let sum = fnv1a(canonical(template), 0x811c9dc5)
  if (collisionCount !== undefined) sum = fnv1a(`#${collisionCount}`, sum)
  return [...String(sum)].map((digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join('')
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

function fnv1a(text: string, seed: number): number {
  let sum = seed
  for (const byte of Buffer.from(text)) sum = Math.imul(sum ^ byte, 0x01000193) >>> 0
  return sum
}

/** JSON with sorted keys and without what is absent. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? String(value) : JSON.stringify(value)
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`
}

/** The hash by which a changed container is told: only fields whose change asks for a restart count (upstream: name and image). */
import type { Container } from '#api/core/v1/container.ts'

export function containerHash({ name, image = '' }: Container): string {
  return fnv1(Buffer.from(JSON.stringify({ image, name }))).toString(16)
}

/** FNV-1a, 32 bits, as Go's `fnv.New32a`. */
function fnv1(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}
